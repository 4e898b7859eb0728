#include "serve/conversation_json.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json_reader.h"
#include "base/text.h"
#include "serve/request_error.h"

namespace urial::serve {
namespace {

Json or_null(const std::optional<std::string>& text) { return text ? Json(*text) : Json(); }

/// What was JSON when it was stored.
Json stored_json(const std::string& text) {
    if (text.empty()) return nullptr;
    return try_parse_json(text).value_or(nullptr);
}

}  // namespace

Json conversation_json(const store::Conversation& conversation) {
    return {{"id", conversation.id},
            {"kind", conversation.kind},
            {"title", conversation.title},
            {"created", conversation.created},
            {"updated", conversation.updated},
            {"revision", conversation.revision},
            {"deleted", conversation.deleted ? Json(*conversation.deleted) : Json()},
            {"messages", conversation.messages}};
}

Json message_json(const store::Message& message) {
    return {{"id", message.id},
            {"parent", or_null(message.parent)},
            {"role", message.role},
            {"content", message.content},
            {"created", message.created},
            {"state", store::name_of(message.state)},
            {"error", or_null(message.error)},
            {"details", stored_json(message.details)},
            {"answer", stored_json(message.answer)},
            {"events", message.events}};
}

Json messages_json(const std::vector<store::Message>& messages) {
    Json list = Json::array();
    for (const store::Message& message : messages) list.push_back(message_json(message));
    return list;
}

Json whole_conversation_json(Api& api, const std::string& owner, const std::string& id) {
    const store::Conversation conversation = api.store->find(owner, id);
    Json json = conversation_json(conversation);
    json["settings"] = stored_json(conversation.settings);
    json["current"] = or_null(conversation.current);
    json["messages"] = messages_json(api.store->messages(owner, id));
    return json;
}

std::string read_word(Fields& fields, const char* name, std::span<const std::string_view> words, const char* usual) {
    const std::optional<std::string> given = fields.text(name);
    if (!given && usual != nullptr) return usual;
    const std::string word = given.value_or("");
    if (std::find(words.begin(), words.end(), word) != words.end()) return word;
    throw bad_field(fields.path_of(name),
                    fmt::format("{} must be one of {}", fields.path_of(name), fmt::join(words, ", ")));
}

std::optional<std::string> read_object(Fields& fields, const char* name) {
    (void)fields.object(name);  // an object, or a complaint
    const Json* value = fields.value(name);
    return value == nullptr ? std::nullopt : std::optional(json_text(*value));
}

std::optional<std::string> read_text(Fields& fields, const char* name) {
    std::optional<std::string> text = fields.text(name);
    if (text && !is_valid_utf8(*text)) {
        throw bad_field(fields.path_of(name), fmt::format("{} is not UTF-8", fields.path_of(name)));
    }
    return text;
}

}  // namespace urial::serve
