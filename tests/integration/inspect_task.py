"""Tasks for check_serve_inspect.py."""

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, system_message

CONTINUED = [
    Sample(input="The capital of France is Paris. The capital of Italy is", target="Rome"),
    Sample(input="one, two, three, four, five, six,", target="seven"),
    Sample(input="red red red red red red", target="red"),
]
ASKED = [
    Sample(input="What is the capital of France? Answer with one word.", target="Paris"),
    Sample(input="Say hello to me.", target="Hello"),
]


@task
def continued():
    """Of messages as they are: the prompt `raw`."""
    return Task(dataset=CONTINUED, solver=[generate()], scorer=includes(),
                config=GenerateConfig(temperature=0, max_tokens=8, stop_seqs=["\n"], seed=1, logprobs=True, top_logprobs=3))


@task
def scored():
    """The tokens of a text and their log-probabilities, through /v1/completions."""
    return Task(dataset=CONTINUED, solver=[generate()], scorer=includes(),
                config=GenerateConfig(temperature=0, max_tokens=8, prompt_logprobs=2))


@task
def asked():
    """Under an in-context prompt, with a system message."""
    return Task(dataset=ASKED, solver=[system_message("Be brief."), generate()], scorer=includes(),
                config=GenerateConfig(temperature=0, max_tokens=24))
