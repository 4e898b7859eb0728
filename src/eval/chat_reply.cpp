#include "eval/chat_reply.h"

#include "base/json_reader.h"

namespace urial::eval {
namespace {

/// nullptr unless `json` is an object with that key.
const Json* find(const Json* json, std::string_view key) {
    if (json == nullptr || !json->is_object()) return nullptr;
    const auto found = json->find(key);
    return found == json->end() ? nullptr : &*found;
}

std::optional<std::size_t> count_in(const Json& usage, std::string_view key) {
    const Json* value = find(&usage, key);
    if (value == nullptr || !value->is_number_unsigned()) return std::nullopt;
    return value->get<std::size_t>();
}

std::optional<Usage> usage_of(const Json& body) {
    const Json* usage = find(&body, "usage");
    if (usage == nullptr) return std::nullopt;
    const auto prompt = count_in(*usage, "prompt_tokens");
    const auto completion = count_in(*usage, "completion_tokens");
    if (!prompt || !completion) return std::nullopt;
    return Usage{*prompt, *completion};
}

/// The content as a text, or as a list of parts that have one.
std::string text_of(const Json& content) {
    if (content.is_string()) return content.get<std::string>();
    std::string text;
    if (!content.is_array()) return text;
    for (const Json& part : content) {
        const Json* piece = find(&part, "text");
        if (piece != nullptr && piece->is_string()) text += piece->get<std::string>();
    }
    return text;
}

}  // namespace

std::optional<ChatReply> parse_chat_reply(std::string_view bytes) {
    const std::optional<Json> body = try_parse_json(bytes);
    return body ? read_chat_reply(*body) : std::nullopt;
}

std::optional<ChatReply> read_chat_reply(const Json& body) {
    const Json* choices = find(&body, "choices");
    if (choices == nullptr || !choices->is_array() || choices->empty()) return std::nullopt;
    ChatReply reply;
    reply.usage = usage_of(body);
    if (const Json* text = find(&choices->front(), "text"); text != nullptr && text->is_string()) {
        reply.text = text->get<std::string>();
        return reply;
    }
    const Json* message = find(&choices->front(), "message");
    if (message == nullptr || !message->is_object()) return std::nullopt;
    if (const Json* content = find(message, "content")) reply.text = text_of(*content);
    const Json* refusal = find(message, "refusal");
    if (reply.text.empty() && refusal != nullptr) reply.text = text_of(*refusal);
    return reply;
}

}  // namespace urial::eval
