"""What schemathesis sends to `urial serve`, made likely to get past the checks of names and to end soon: models that there
are, token ids that the vocabulary has, few new tokens. Only values that the description allows are replaced."""

import schemathesis

MODELS = ("base", "aligned", "base@raw", "aligned@chat", "base@urial-help")
MOST_TOKENS = 8
IDS = 1000
LENGTHS = ("max_tokens", "max_completion_tokens")


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def with_known_ids(value):
    if isinstance(value, list):
        return [with_known_ids(item) for item in value]
    return value % IDS if is_integer(value) and value >= 0 else value


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict):
        return body
    body = dict(body)
    for name in ("model", "base", "aligned"):
        # One of five names stays as it was made up.
        if isinstance(body.get(name), str) and len(body[name]) % 5:
            body[name] = MODELS[sum(map(ord, body[name])) % len(MODELS)]
    for name in LENGTHS:
        if is_integer(body.get(name)) and body[name] > MOST_TOKENS:
            body[name] %= MOST_TOKENS
    if all(body.get(name) is None for name in LENGTHS) and ("messages" in body or "prompt" in body):
        body["max_tokens"] = MOST_TOKENS
    for name in ("prompt", "tokens", "answer_ids", "stop_token_ids"):
        if name in body:
            body[name] = with_known_ids(body[name])
    return body
