#include "serve/messages.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "serve/request_error.h"

namespace urial::serve {
namespace {

constexpr std::size_t kMostMessages = 4096;

enum class Role { System, User, Assistant };

struct Message {
    Role role;
    std::string content;
};

Role role_of(const std::string& role, const std::string& path) {
    if (role == "system" || role == "developer") return Role::System;
    if (role == "user") return Role::User;
    if (role == "assistant") return Role::Assistant;
    throw bad_field(path, fmt::format("{} is {}: it must be system, developer, user or assistant (base models have no "
                                      "tools)",
                                      path, printable(role.substr(0, 40))));
}

/// A string, or parts of text.
std::string content_of(Fields& message) {
    const std::string path = message.path_of("content");
    const Json* content = message.value("content");
    if (content == nullptr) return {};
    if (content->is_string()) return content->get<std::string>();
    if (!content->is_array()) throw bad_field(path, fmt::format("{} must be a string or an array of text parts", path));
    std::string text;
    for (std::size_t i = 0; i < content->size(); ++i) {
        Fields part((*content)[i], fmt::format("{}[{}]", path, i));
        const std::string type = part.text("type").value_or("");
        if (type != "text") {
            throw bad_field(part.path_of("type"), fmt::format("{} is {}: only parts of type text are read here",
                                                              part.path_of("type"), printable(type.substr(0, 40))));
        }
        const std::optional<std::string> words = part.text("text");
        if (!words) throw bad_field(part.path_of("text"), fmt::format("{} is missing", part.path_of("text")));
        text += *words;
    }
    return text;
}

Message read_message(const Json& json, std::size_t index) {
    Fields fields(json, fmt::format("messages[{}]", index));
    const std::optional<std::string> role = fields.text("role");
    if (!role) throw bad_field(fields.path_of("role"), fmt::format("{} is missing", fields.path_of("role")));
    (void)fields.text("name");  // who speaks: no prompt has a place for it
    for (const char* name : {"tool_calls", "function_call", "refusal", "audio"}) {
        fields.refuse_unless(name, {Json::array(), Json("")});
    }
    return {role_of(*role, fields.path_of("role")), content_of(fields)};
}

void append_paragraph(std::string& text, const std::string& more) {
    if (!text.empty() && !more.empty()) text += "\n\n";
    text += more;
}

/// Neighbours of one role become one.
std::vector<Message> joined(const Json& messages) {
    std::vector<Message> joined;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        Message message = read_message(messages[i], i);
        if (!joined.empty() && joined.back().role == message.role) {
            append_paragraph(joined.back().content, message.content);
        } else if (message.role == Role::System && !joined.empty()) {
            throw bad_field(fmt::format("messages[{}].role", i),
                            fmt::format("messages[{}] is a system message behind others: it must stand before the "
                                        "first message of the user",
                                        i));
        } else {
            joined.push_back(std::move(message));
        }
    }
    return joined;
}

}  // namespace

bool read_continues(Fields& fields) {
    const bool continues = fields.boolean("continue_final_message").value_or(false);
    fields.refuse_unless("add_generation_prompt", {Json(!continues), Json(true)});
    return continues;
}

ChatMessages read_messages(const Json* json, bool continues) {
    if (json == nullptr || !json->is_array() || json->empty()) {
        throw bad_field("messages", "messages must be an array with at least one message");
    }
    if (json->size() > kMostMessages) {
        throw bad_field("messages",
                        fmt::format("there are {} messages: at most {} are read", json->size(), kMostMessages));
    }
    std::vector<Message> messages = joined(*json);
    ChatMessages chat;
    if (messages.front().role == Role::System) {
        chat.conversation.system = std::move(messages.front().content);
        messages.erase(messages.begin());
    }
    if (messages.empty() || messages.front().role != Role::User) {
        throw bad_field("messages", "the conversation must begin with a message of the user");
    }
    if (messages.back().role == Role::Assistant) {
        if (!continues) {
            throw bad_field("messages",
                            "the last message is the assistant's: it must be the user's, unless "
                            "continue_final_message asks to go on with it");
        }
        chat.answer = std::move(messages.back().content);
        messages.pop_back();
    } else if (continues) {
        throw bad_field("continue_final_message", "continue_final_message needs a last message of the assistant");
    }
    chat.conversation.query = std::move(messages.back().content);
    messages.pop_back();
    for (std::size_t i = 0; i + 1 < messages.size(); i += 2) {
        chat.conversation.turns.push_back({std::move(messages[i].content), std::move(messages[i + 1].content)});
    }
    if (trim(chat.conversation.query).empty()) {
        throw bad_field("messages", "the last message of the user is empty: there is nothing to answer");
    }
    return chat;
}

}  // namespace urial::serve
