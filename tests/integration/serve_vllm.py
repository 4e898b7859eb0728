"""vLLM without AMX: some virtual machines announce it and kill the process at its first instruction. The worker processes
import this file as well. Runs in the environment of prepare.sh."""

import sys

import torch

torch.cpu._is_amx_tile_supported = lambda: False

if __name__ == "__main__":
    from vllm.entrypoints.cli.main import main
    sys.exit(main())
