"""The same as check_generate.py with llama-server, the default model in Q4_K_M and the engine's own arithmetic.

Both round activations, each in its own batches. How far rounding moves the lead of the best token is measured: the
same answers are scored in the engine's arithmetic and in precise arithmetic. Answers may part where the lead is smaller
than the move that 99 of 100 positions with a lead below one nat stay under."""


import servers
from check_generate import compare, generate, margins


def rounding_moves(context, model, answers, folder):
    """Nats, smallest first."""
    rounded, precise = (margins(context, model, answers, folder, kind) for kind in ("engine", "precise"))
    return sorted(abs(a - b) for key in precise for a, b in zip(rounded[key], precise[key]) if b < 1)


def run(context):
    binary, model = context.llama_server(), context.quantised_model()
    folder = context.new_folder("generate-llama-server")
    here = generate(context, model, folder / "here.jsonl")
    with servers.llama_server(binary, model, folder) as address:
        there = generate(context, f"{address}/v1#tiny", folder / "llama-server.jsonl")

        def text_of(ids):
            return servers.request(f"{address}/detokenize", {"tokens": ids})["content"]
        moves = rounding_moves(context, model, here.values(), folder)
        limit = moves[int(0.99 * len(moves))]
        print(f"llama-server, Q4_K_M: rounding moves leads by {moves[len(moves) // 2]:.3f} nats in the middle, "
              f"{limit:.3f} at most in 99 of 100 of {len(moves)} positions")
        return compare(context, "llama-server, Q4_K_M", model, here, there, text_of, folder, limit)
