"""to_safetensors.py GGUF FOLDER: the same weights for vLLM, rounded to BF16. Runs in the environment of prepare.sh."""

import os
import sys

import torch
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing
from transformers import AutoModelForCausalLM, AutoTokenizer

gguf, folder = sys.argv[1:]
source, name = os.path.split(os.path.abspath(gguf))
model = AutoModelForCausalLM.from_pretrained(source, gguf_file=name, dtype=torch.float32)
if hasattr(model.config, "quantization_config"):
    del model.config.quantization_config
model.hf_quantizer = None
model.is_quantized = False
model.to(torch.bfloat16).save_pretrained(folder)
tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=name)
tokenizer.save_pretrained(folder)

# A tokenizer out of a GGUF file puts no BOS in front, the original one does.
path = os.path.join(folder, "tokenizer.json")
fast = Tokenizer.from_file(path)
bos = tokenizer.bos_token
fast.post_processor = TemplateProcessing(
    single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, tokenizer.bos_token_id)])
fast.save(path)
