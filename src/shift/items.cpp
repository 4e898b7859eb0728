// What a run analyses: instructions, or instructions with their answers in the forms that the project, the peers'
// scripts and the original authors write.

#include "base/error.h"
#include "base/text.h"
#include "generate/instructions.h"
#include "generate/item_file.h"
#include "shift/record.h"
#include "shift/shift.h"

namespace urial::shift {
namespace {

using nlohmann::ordered_json;

/// How the original authors' raw answers show that the model ended its turn.
constexpr std::string_view kEndMark = "</s>";

class AnswerReader {
public:
    void add(generate::FileItem&& read) {
        ShiftItem item;
        item.line = read.line;
        item.id = generate::item_id(read.fields, read.position);
        ids_.add(item.id);
        item.base_prompt_ids = tokens(read.fields, "base_prompt_ids");
        item.aligned_prompt_ids = tokens(read.fields, "aligned_prompt_ids");
        read_conversation(read.fields, item);
        read_answer(read.fields, item);
        item.fields = std::move(read.fields);
        items_.push_back(std::move(item));
    }

    std::vector<ShiftItem> take() { return std::move(items_); }

private:
    [[noreturn]] static void refuse(std::string_view what) { throw error(ErrorKind::BadInput, "{}", what); }

    std::vector<Token> tokens(const ordered_json& object, const char* name) const {
        const auto found = object.find(name);
        if (found == object.end() || found->is_null()) return {};
        if (!found->is_array() || found->empty()) refuse(fmt::format("\"{}\" must be a list of token ids", name));
        std::vector<Token> ids;
        for (const ordered_json& id : *found) {
            const std::optional<Token> token = token_in(id);
            if (!token) refuse(fmt::format("\"{}\" holds {}, not a token id", name, id.dump()));
            ids.push_back(*token);
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

    std::vector<ShiftItem> items_;
    generate::UniqueIds ids_;
};

}  // namespace

GivenAnswers read_answers(const std::filesystem::path& path) {
    AnswerReader reader;
    GivenAnswers answers;
    static_cast<generate::LeftOut&>(answers) =
        generate::for_each_answer(path, [&](generate::FileItem&& item) { reader.add(std::move(item)); });
    answers.items = reader.take();
    if (answers.items.empty()) throw error(ErrorKind::BadInput, "{}: holds no answer", path.string());
    return answers;
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
