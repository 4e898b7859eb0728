// What a run analyses: instructions, or instructions with their answers in the forms that the project, the peers'
// scripts and the original authors write.

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/json_stream.h"
#include "base/text.h"
#include "generate/instructions.h"
#include "generate/record.h"
#include "shift/shift.h"

namespace urial::shift {
namespace {

using nlohmann::ordered_json;

/// How the original authors' raw answers show that the model ended its turn.
constexpr std::string_view kEndMark = "</s>";

class AnswerReader {
public:
    explicit AnswerReader(const std::filesystem::path& path) : path_(path) {}

    void add(std::size_t line, ordered_json&& object) {
        line_ = line;
        const std::size_t position = position_++;
        if (!object.is_object()) refuse("each item must be a JSON object with an answer");
        if (generate::is_failure(object)) {
            ++answers_.failed;
            return;
        }
        if (!seen_.add(object)) {
            ++answers_.repeated;
            return;
        }
        ShiftItem item;
        item.line = line;
        item.id = id_of(object, position);
        if (!ids_.insert(item.id).second) refuse(fmt::format("id {} occurs twice; ids must be unique", item.id));
        item.base_prompt_ids = tokens(object, "base_prompt_ids");
        item.aligned_prompt_ids = tokens(object, "aligned_prompt_ids");
        read_conversation(object, item);
        read_answer(object, item);
        item.fields = std::move(object);
        answers_.items.push_back(std::move(item));
    }

    GivenAnswers take() {
        if (answers_.items.empty()) throw error(ErrorKind::BadInput, "{}: holds no answer", path_.string());
        return std::move(answers_);
    }

private:
    [[noreturn]] void refuse(std::string_view what) const {
        throw error(ErrorKind::BadInput, "{}:{}: {}", path_.string(), line_, what);
    }

    std::string id_of(const ordered_json& object, std::size_t position) const {
        const auto id = object.find("id");
        if (id == object.end() || id->is_null()) return std::to_string(position);
        if (id->is_string()) return id->get<std::string>();
        if (id->is_number_integer()) return id->dump();
        refuse("\"id\" must be a string or a whole number");
    }

    std::vector<Token> tokens(const ordered_json& object, const char* name) const {
        const auto found = object.find(name);
        if (found == object.end() || found->is_null()) return {};
        if (!found->is_array() || found->empty()) refuse(fmt::format("\"{}\" must be a list of token ids", name));
        std::vector<Token> ids;
        for (const ordered_json& id : *found) {
            if (!id.is_number_integer() || id.get<std::int64_t>() != id.get<Token>()) {
                refuse(fmt::format("\"{}\" holds {}, not a token id", name, id.dump()));
            }
            ids.push_back(id.get<Token>());
        }
        return ids;
    }

    void read_conversation(const ordered_json& object, ShiftItem& item) const {
        for (const char* name : {"instruction", "pure_input"}) {
            const auto found = object.find(name);
            if (found == object.end()) continue;
            if (!found->is_string()) refuse(fmt::format("\"{}\" must be a string", name));
            item.conversation.query = found->get<std::string>();
            break;
        }
        const bool both_given = !item.base_prompt_ids.empty() && !item.aligned_prompt_ids.empty();
        if (trim(item.conversation.query).empty() && !both_given) {
            refuse("no \"instruction\"; without one, both \"base_prompt_ids\" and \"aligned_prompt_ids\" are needed");
        }
    }

    void read_answer(const ordered_json& object, ShiftItem& item) const {
        if (const auto ids = object.find("answer_ids"); ids != object.end()) {
            if (ids->is_array() && ids->empty()) refuse("the answer is empty: \"answer_ids\" has no token");
            item.answer_ids = tokens(object, "answer_ids");
            if (const auto text = object.find("answer"); text != object.end() && text->is_string()) {
                item.answer_text = text->get<std::string>();
            }
            return;
        }
        for (const char* name : {"answer", "output"}) {
            const auto found = object.find(name);
            if (found == object.end()) continue;
            const ordered_json& value = found->is_array() && found->size() == 1 ? (*found)[0] : *found;
            if (!value.is_string()) refuse(fmt::format("\"{}\" must be a text, or a list of one", name));
            set_text(value.get<std::string>(), item);
            return;
        }
        refuse("no answer: give \"answer_ids\", \"answer\" or \"output\"");
    }

    void set_text(std::string text, ShiftItem& item) const {
        const std::string_view end = trim(text);
        if (end.ends_with(kEndMark)) {
            item.answer_ended = true;
            text.resize(static_cast<std::size_t>(end.data() - text.data()) + end.size() - kEndMark.size());
        }
        if (trim(text).empty()) refuse("the answer is empty");
        item.answer_text = std::move(text);
    }

    std::filesystem::path path_;
    GivenAnswers answers_;
    generate::SeenRecords seen_;
    std::set<std::string> ids_;
    std::size_t position_ = 0;
    std::size_t line_ = 0;
};

bool is_compressed(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

}  // namespace

GivenAnswers read_answers(const std::filesystem::path& path) {
    AnswerReader reader(path);
    char first = 0;
    for_each_block(path, [&](std::string_view block) {
        if (first != 0) return;
        if (is_compressed(block)) {
            throw error(ErrorKind::BadInput, "{}: compressed with gzip; unpack it first: gunzip -k {}", path.string(),
                        path.string());
        }
        if (const std::string_view text = trim(block); !text.empty()) first = text.front();
    });
    if (first == '[') {
        for_each_json_value(path, [&](std::size_t at, ordered_json&& item) { reader.add(at + 1, std::move(item)); });
    } else {
        for_each_json_line(
            path, [&](std::size_t line, ordered_json&& item) { reader.add(line, std::move(item)); }, InputLimits{});
    }
    return reader.take();
}

std::vector<ShiftItem> read_questions(const std::filesystem::path& path) {
    std::vector<ShiftItem> items;
    for (generate::Instruction& instruction : generate::read_instructions(path)) {
        ShiftItem item;
        item.id = std::move(instruction.id);
        item.conversation = std::move(instruction.conversation);
        item.fields = std::move(instruction.fields);
        item.line = instruction.line;
        items.push_back(std::move(item));
    }
    return items;
}

}  // namespace urial::shift
