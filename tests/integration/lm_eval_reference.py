"""lm_eval_reference.py WEIGHTS PAIRS: log-likelihoods by transformers in float32. Runs in the environment of prepare.sh.

PAIRS has lines {"context", "continuation", "bos"}; for each a line {"logp", "is_greedy", "margin"} is printed, where
`margin` is how far the token of the continuation that comes nearest to another verdict is from it, in nats."""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

weights, pairs = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(weights)
model = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32).eval()

with open(pairs) as lines, torch.inference_mode():
    for pair in map(json.loads, lines):
        ids = tokenizer(pair["context"] + pair["continuation"], add_special_tokens=False).input_ids
        begin = len(tokenizer(pair["context"], add_special_tokens=False).input_ids)
        if pair["bos"]:
            ids, begin = [tokenizer.bos_token_id, *ids], begin + 1
        logits = model(torch.tensor([ids]), logits_to_keep=len(ids) - begin + 1).logits[0, :-1]
        rows = torch.log_softmax(logits, dim=-1)
        own = rows.gather(1, torch.tensor(ids[begin:])[:, None])[:, 0]
        best = rows.topk(2).values
        # Greedy: the lead over the second; not: how far the best is ahead, at the token where that is most.
        behind = best[:, 0] - own
        is_greedy = bool((behind == 0).all())
        margin = (best[:, 0] - best[:, 1]).min() if is_greedy else behind.max()
        print(json.dumps({"logp": own.sum().item(), "is_greedy": is_greedy, "margin": margin.item()}), flush=True)
