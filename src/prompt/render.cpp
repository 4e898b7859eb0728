#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "prompt/prompt.h"

namespace urial::prompt {
namespace {

/// The newlines before a query's header set it apart from what precedes it: at the beginning there is nothing.
void append_query(std::string& text, const TurnForm& form, std::string_view query) {
    const bool begins = text.empty();
    text += begins ? form.query_open.substr(std::min(form.query_open.find_first_not_of('\n'), form.query_open.size()))
                   : form.query_open;
    text += query;
    text += form.query_close;
    text += form.answer_open;
}

void append_turn(std::string& text, const TurnForm& form, const Turn& turn) {
    append_query(text, form, turn.query);
    text += turn.answer;
    text += form.answer_close;
}

void require_utf8(std::string_view text, std::string_view what) {
    const std::size_t valid = valid_utf8_length(text);
    if (valid != text.size()) {
        throw error(ErrorKind::BadInput, "{} is not UTF-8: byte {} cannot be read; convert the text to UTF-8", what,
                    valid);
    }
}

std::string checked_query(const PromptSpec& spec, std::string_view query, std::string_view what) {
    require_utf8(query, what);
    if (trim(query).empty()) throw error(ErrorKind::BadInput, "{} is empty: there is nothing to answer", what);
    if (!spec.form.strip_query_newlines) return std::string(query);
    const std::size_t begin = query.find_first_not_of('\n');
    return std::string(query.substr(begin, query.find_last_not_of('\n') + 1 - begin));
}

std::string_view without_newlines_at_end(std::string_view text) {
    return text.substr(0, text.find_last_not_of('\n') + 1);
}

RenderedPrompt render_behind(RenderedPrompt rendered, const PromptSpec& spec, const Conversation& conversation) {
    for (std::size_t i = 0; i < conversation.turns.size(); ++i) {
        const Turn& turn = conversation.turns[i];
        require_utf8(turn.answer, fmt::format("the answer of turn {}", i + 1));
        const std::string query = checked_query(spec, turn.query, fmt::format("the query of turn {}", i + 1));
        append_turn(rendered.text, spec.form, {query, turn.answer});
    }
    append_query(rendered.text, spec.form, checked_query(spec, conversation.query, "the query"));
    return rendered;
}

}  // namespace

PromptSpec with_system(PromptSpec spec, std::string_view system) {
    require_utf8(system, "the system message");
    system = trim(system);
    if (system.empty()) return spec;
    const std::string_view before = without_newlines_at_end(spec.preamble);
    if (before.empty()) {
        const bool begins_with_newline = spec.form.query_open.starts_with('\n');
        spec.preamble = fmt::format("{}{}", system, begins_with_newline ? "\n" : "\n\n");
    } else {
        spec.preamble = fmt::format("{}\n\n{}{}", before, system, spec.preamble.substr(before.size()));
    }
    return spec;
}

std::string render_prefix(const PromptSpec& spec) {
    std::string text = spec.preamble;
    for (const Example& example : spec.examples) {
        for (std::size_t i = 0; i < example.turns.size(); ++i) {
            append_turn(text, example.forms.empty() ? spec.form : example.forms.at(i), example.turns[i]);
        }
    }
    text += spec.suffix;
    return text;
}

RenderedPrompt render(const PromptSpec& spec, const Conversation& conversation) {
    if (!trim(conversation.system).empty()) {
        const std::size_t same = without_newlines_at_end(spec.preamble).size();
        return render_behind({render_prefix(with_system(spec, conversation.system)), same}, spec, conversation);
    }
    std::string prefix = render_prefix(spec);
    const std::size_t same = prefix.size();
    return render_behind({std::move(prefix), same}, spec, conversation);
}

}  // namespace urial::prompt
