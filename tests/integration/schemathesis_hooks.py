"""What schemathesis sends to `urial serve`, made likely to get past the checks of names and to end soon: models that there
are, token ids that the vocabulary has, few new tokens, conversations in which somebody asks. Only values that the
description allows are replaced, and by such."""

import schemathesis

MODELS = ("base", "aligned", "base@raw", "aligned@chat", "base@zero-shot")
ROLES = ("system", "developer", "user", "assistant")
MOST_TOKENS = 8
IDS = 1000
LENGTHS = ("max_tokens", "max_completion_tokens")


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def with_known_ids(value):
    if isinstance(value, list):
        return [with_known_ids(item) for item in value]
    return value % IDS if is_integer(value) and value >= 0 else value


def is_text_part(value):
    return isinstance(value, dict) and value.get("type") == "text" and isinstance(value.get("text"), str)


def is_message(value):
    if not isinstance(value, dict) or value.get("role") not in ROLES:
        return False
    content, name = value.get("content"), value.get("name")
    if not (name is None or isinstance(name, str)):
        return False
    return content is None or isinstance(content, str) or isinstance(content, list) and all(map(is_text_part, content))


def is_id_list(value):
    return isinstance(value, list) and value and all(is_integer(item) and item >= 0 for item in value)


def in_order(messages):
    """The same messages, in turns that begin and end with the user."""
    turns = [{**message, "role": "assistant" if i % 2 else "user"} for i, message in enumerate(messages)]
    return [*turns, {"role": "user", "content": "Why is the sky blue?"}]


@schemathesis.hook
def before_call(context, case, kwargs):
    if not isinstance(case.body, dict):
        return
    body = dict(case.body)
    for name in ("model", "base", "aligned"):
        # One of five names stays as it was made up.
        if isinstance(body.get(name), str) and len(body[name]) % 5:
            body[name] = MODELS[sum(map(ord, body[name])) % len(MODELS)]
        elif body.get(name) == "":
            body[name] = MODELS[0]
    for name in LENGTHS:
        if is_integer(body.get(name)) and body[name] > MOST_TOKENS:
            body[name] %= MOST_TOKENS
    messages = body.get("messages")
    if isinstance(messages, list) and 0 < len(messages) <= 20 and all(map(is_message, messages)):
        body["messages"] = in_order(messages)
        if case.path == "/tokenize" and isinstance(body.get("prompt"), str):
            del body["prompt"]  # one of the two
    if isinstance(body.get("answer"), str) and body["answer"] and is_id_list(body.get("answer_ids")):
        del body["answer"]
    if "tokens" not in body and all(body.get(name) is None for name in LENGTHS) and case.path.startswith("/v1/"):
        body["max_tokens"] = MOST_TOKENS
    for name in ("prompt", "tokens", "answer_ids", "stop_token_ids"):
        if name in body:
            body[name] = with_known_ids(body[name])
    case.body = body
