"""For processes that others start and that will run vLLM, with this folder in PYTHONPATH: as serve_vllm.py, without AMX."""

import importlib.abc
import sys


class WithoutAmx(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "vllm":
            sys.meta_path.remove(self)
            import torch
            torch.cpu._is_amx_tile_supported = lambda: False
        return None


sys.meta_path.insert(0, WithoutAmx())
