#pragma once

// Reading what a chat completions endpoint answers. Pure functions.

#include <optional>
#include <string>
#include <string_view>

#include "eval/judge.h"

namespace urial::eval {

struct ChatReply {
    std::string text;
    std::optional<Usage> usage;
};

/// std::nullopt for a body that is no chat completion: no JSON, an error object, no choice. A choice without content
/// is an empty reply, or the text of its refusal.
std::optional<ChatReply> parse_chat_reply(std::string_view body);
/// The same for one that is parsed; a completion, whose choice has a text, counts too.
std::optional<ChatReply> read_chat_reply(const Json& body);

}  // namespace urial::eval
