"""ray_on_cpu.py SCRIPT ARGUMENTS...: a pipeline of Ray Data with vLLM, whose script asks for GPUs, on this machine's CPU."""

import runpy
import sys

import ray
import ray.data.llm

Config = ray.data.llm.vLLMEngineProcessorConfig
ON_CPU = {"dtype": "bfloat16", "max_model_len": 2048, "enforce_eager": True, "max_num_seqs": 16}


def config(engine_kwargs, **options):
    options.update(engine_kwargs={**engine_kwargs, **ON_CPU}, log_engine_metrics=False,
                   placement_group_config={"bundles": [{"CPU": 1}]})
    return Config(**options)


if __name__ == "__main__":
    ray.init(num_cpus=4, include_dashboard=False, object_store_memory=500_000_000)
    ray.data.llm.vLLMEngineProcessorConfig = config
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
