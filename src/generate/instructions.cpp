#include "generate/instructions.h"

#include <charconv>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/json_stream.h"
#include "base/text.h"

namespace urial::generate {
namespace {

using nlohmann::ordered_json;

class Reader {
public:
    explicit Reader(const std::filesystem::path& path) : path_(path) {}

    void add(std::size_t line, ordered_json&& fields) {
        line_ = line;
        if (!fields.is_object()) refuse("each item must be a JSON object with \"instruction\" or \"messages\"");
        Instruction item;
        item.line = line;
        item.id = id_of(fields);
        if (!ids_.insert(item.id).second) refuse(fmt::format("id {} occurs twice; ids must be unique", item.id));
        item.conversation = fields.contains("messages") ? from_messages(fields["messages"]) : from_instruction(fields);
        item.fields = std::move(fields);
        items_.push_back(std::move(item));
    }

    std::vector<Instruction> take() { return std::move(items_); }

private:
    [[noreturn]] void refuse(std::string_view what) const {
        throw error(ErrorKind::BadInput, "{}:{}: {}", path_.string(), line_, what);
    }

    std::string id_of(const ordered_json& fields) const {
        const auto id = fields.find("id");
        if (id == fields.end() || id->is_null()) return std::to_string(items_.size());
        if (id->is_string()) return id->get<std::string>();
        if (id->is_number_integer()) return id->dump();
        refuse("\"id\" must be a string or a whole number");
    }

    prompt::Conversation from_instruction(const ordered_json& fields) const {
        const auto found = fields.find("instruction");
        if (found == fields.end()) refuse("the object has neither \"instruction\" nor \"messages\"");
        if (!found->is_string()) refuse("\"instruction\" must be a string");
        prompt::Conversation conversation;
        conversation.query = found->get<std::string>();
        if (trim(conversation.query).empty()) refuse("\"instruction\" is empty");
        return conversation;
    }

    prompt::Conversation from_messages(const ordered_json& messages) const {
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

    std::filesystem::path path_;
    std::vector<Instruction> items_;
    std::set<std::string> ids_;
    std::size_t line_ = 0;
};

/// A file is an array when its first character says so.
bool is_array_file(const std::filesystem::path& path) {
    bool array = false;
    bool decided = false;
    for_each_block(path, [&](std::string_view block) {
        const std::string_view text = trim(block);
        if (decided || text.empty()) return;
        array = text.front() == '[';
        decided = true;
    });
    return array;
}

}  // namespace

std::vector<Instruction> read_instructions(const std::filesystem::path& path) {
    Reader reader(path);
    if (is_array_file(path)) {
        for_each_json_value(path, [&](std::size_t at, ordered_json&& item) { reader.add(at + 1, std::move(item)); });
    } else {
        for_each_json_line(
            path, [&](std::size_t line, ordered_json&& item) { reader.add(line, std::move(item)); }, InputLimits{});
    }
    std::vector<Instruction> items = reader.take();
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
