#include "generate/instructions.h"

#include <charconv>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "generate/item_file.h"

namespace urial::generate {
namespace {

using nlohmann::ordered_json;

[[noreturn]] void refuse(std::string_view what) { throw error(ErrorKind::BadInput, "{}", what); }

prompt::Conversation from_instruction(const ordered_json& fields) {
    const auto found = fields.find("instruction");
    if (found == fields.end()) refuse("the object has neither \"instruction\" nor \"messages\"");
    if (!found->is_string()) refuse("\"instruction\" must be a string");
    prompt::Conversation conversation;
    conversation.query = found->get<std::string>();
    if (trim(conversation.query).empty()) refuse("\"instruction\" is empty");
    return conversation;
}

prompt::Conversation from_messages(const ordered_json& messages) {
    if (!messages.is_array() || messages.empty()) refuse("\"messages\" must be a list of {\"role\", \"content\"}");
    prompt::Conversation conversation;
    std::string query;
    bool expects_user = true;
    bool is_first = true;
    for (const ordered_json& message : messages) {
        if (!message.is_object() || !message.contains("role") || !message.contains("content") ||
            !message["role"].is_string() || !message["content"].is_string()) {
            refuse("each message must be an object with \"role\" and \"content\" strings");
        }
        const auto role = message["role"].get<std::string>();
        if (std::exchange(is_first, false) && (role == "system" || role == "developer")) {
            conversation.system = message["content"].get<std::string>();
            continue;
        }
        if (role != (expects_user ? "user" : "assistant")) {
            refuse(
                fmt::format("message of role \"{}\" where \"{}\" is due: roles must alternate, user first, behind "
                            "at most one system message",
                            role, expects_user ? "user" : "assistant"));
        }
        if (expects_user) {
            query = message["content"].get<std::string>();
            if (trim(query).empty()) refuse("a user message is empty");
        } else {
            conversation.turns.push_back({query, message["content"].get<std::string>()});
        }
        expects_user = !expects_user;
    }
    if (expects_user) refuse("the last message must be the user's: it is the one to answer");
    conversation.query = query;
    return conversation;
}

}  // namespace

std::vector<Instruction> read_instructions(const std::filesystem::path& path) {
    std::vector<Instruction> items;
    UniqueIds ids;
    for_each_item(path, [&](FileItem&& read) {
        Instruction item;
        item.line = read.line;
        item.id = item_id(read.fields, read.position);
        ids.add(item.id);
        item.conversation =
            read.fields.contains("messages") ? from_messages(read.fields["messages"]) : from_instruction(read.fields);
        item.fields = std::move(read.fields);
        items.push_back(std::move(item));
    });
    if (items.empty()) throw error(ErrorKind::BadInput, "{}: holds no instruction", path.string());
    return items;
}

Shard parse_shard(std::string_view text) {
    Shard shard;
    const std::size_t slash = text.find('/');
    const auto number = [](std::string_view digits, std::size_t& value) {
        const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        return failure == std::errc() && end == digits.data() + digits.size();
    };
    const bool good = slash != std::string_view::npos && number(text.substr(0, slash), shard.index) &&
                      number(text.substr(slash + 1), shard.count) && shard.index >= 1 && shard.index <= shard.count;
    if (!good) throw error(ErrorKind::BadInput, "shard \"{}\": give I/N with 1 <= I <= N, such as 1/4", text);
    return shard;
}

}  // namespace urial::generate
