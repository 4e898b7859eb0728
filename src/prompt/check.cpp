#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "prompt/forms.h"
#include "prompt/prompt.h"

namespace urial::prompt {
namespace {

using Level = Finding::Level;

/// An example counts as a refusal when its answer has one of these in its first kRefusalBytes bytes.
constexpr std::array<std::string_view, 16> kRefusals{
    "can't help",       "cannot help",    "can't assist",     "cannot assist",     "can't give", "cannot give",
    "can't provide",    "cannot provide", "can't support",    "cannot support",    "won't help", "will not help",
    "not able to help", "unable to help", "unable to assist", "not able to assist"};
constexpr std::size_t kRefusalBytes = 300;
/// Answers whose lengths differ by more than this factor teach no length.
constexpr std::size_t kLengthFactor = 4;
constexpr std::size_t kContextShare = 3;

bool refuses(std::string_view answer) {
    const std::string text = replace_all(lower_ascii(answer.substr(0, kRefusalBytes)), "\u2019", "'");
    return std::any_of(kRefusals.begin(), kRefusals.end(),
                       [&](std::string_view phrase) { return text.find(phrase) != std::string::npos; });
}

bool begins_a_line(std::string_view text, std::string_view header) {
    for (std::size_t at = text.find(header); at != std::string_view::npos; at = text.find(header, at + 1)) {
        if (at == 0 || text[at - 1] == '\n') return true;
    }
    return false;
}

bool has_open_fence(std::string_view text) {
    bool open = false;
    for (const std::string_view line : split(text, '\n')) {
        if (read_fence(line).run > 0) open = !open;
    }
    return open;
}

/// Collects the findings about single turns and what is known of all of them at the end.
class Checker {
public:
    explicit Checker(const PromptSpec& spec) : spec_(spec) {}

    std::vector<Finding> run();

private:
    template <typename... Args>
    void add(Level level, fmt::format_string<Args...> format, Args&&... args) {
        findings_.push_back({level, fmt::format(format, std::forward<Args>(args)...)});
    }

    void check_turn(const std::string& where, const Turn& turn);
    void check_query(const std::string& where, const std::string& query);
    void check_answer(const std::string& where, const std::string& answer);
    void check_lengths();
    void check_ending();

    const PromptSpec& spec_;
    std::vector<Finding> findings_;
    std::vector<std::size_t> lengths_;  // of the answers that refuse nothing, bytes
    std::set<std::string> queries_;
    bool any_refusal_ = false;
};

void Checker::check_query(const std::string& where, const std::string& query) {
    for (const std::string& header : spec_.headers) {
        if (begins_a_line(query, header))
            add(Level::Warning, "{}: the query has the header '{}' at a line start", where, header);
    }
    for (const std::string& stop : spec_.stop) {
        if (query.find(stop) != std::string::npos)
            add(Level::Warning, "{}: the query has the stop string '{}'", where, stop);
    }
    if (spec_.fenced && has_open_fence(query))
        add(Level::Warning, "{}: the query has a fence that nothing closes", where);
    if (!queries_.insert(query).second) add(Level::Warning, "{}: the query was in an earlier example", where);
}

void Checker::check_answer(const std::string& where, const std::string& answer) {
    AnswerScanner scanner(answer_form(spec_));
    scanner.push(answer);
    scanner.push("\n");
    if (scanner.end() == AnswerScanner::End::ClosingFence) {
        add(Level::Warning, "{}: a line of ``` inside the answer would end it there", where);
    } else if (scanner.end() == AnswerScanner::End::Header) {
        add(Level::Warning, "{}: the header '{}' inside the answer would end it there", where, scanner.matched());
    } else if (scanner.end() == AnswerScanner::End::StopString) {
        add(Level::Warning, "{}: the stop string '{}' inside the answer would end it there", where, scanner.matched());
    }
    if (has_open_fence(answer)) add(Level::Warning, "{}: the answer has a fence that nothing closes", where);
    if (answer.ends_with('\n')) {
        add(Level::Note,
            "{}: the answer ends with a line break, so a blank line follows it; end it as \"...last words.\"\"\"\"",
            where);
    }
    if (refuses(answer)) {
        any_refusal_ = true;
    } else {
        lengths_.push_back(answer.size());
    }
}

void Checker::check_turn(const std::string& where, const Turn& turn) {
    if (turn.query.empty()) {
        add(Level::Warning, "{}: an answer stands away from its query, behind another pair", where);
    } else {
        check_query(where, turn.query);
    }
    if (turn.answer.empty()) {
        add(Level::Warning, "{}: another query follows where the answer to this one should be", where);
    } else {
        check_answer(where, turn.answer);
    }
}

void Checker::check_lengths() {
    if (lengths_.size() < 2) return;
    const auto [shortest, longest] = std::minmax_element(lengths_.begin(), lengths_.end());
    if (*longest > kLengthFactor * *shortest) {
        add(Level::Note,
            "the answers differ much in length ({} to {} bytes, refusals aside): a model copies the style of "
            "the examples, and theirs is unclear",
            *shortest, *longest);
    }
}

void Checker::check_ending() {
    if (!spec_.fenced && spec_.headers.empty() && spec_.stop.empty()) {
        add(Level::Warning,
            "nothing ends an answer but the model's own end-of-text token: no header, fence or stop string");
    }
    const std::string_view open = spec_.form.answer_open;
    if (!open.empty() && open.back() == ' ') {
        add(Level::Note,
            "the prompt ends with a space: most tokenizers put the space before the next word, so the model "
            "sees an unusual text");
    }
    const auto quotes_fence = [](const std::string& text) { return text.find(kFence) != std::string::npos; };
    if (spec_.fenced && !quotes_fence(spec_.form.answer_open)) {
        add(Level::Warning, "the form is marked as fenced, but no ``` opens the answer");
    }
    if (!spec_.fenced && quotes_fence(spec_.form.answer_open)) {
        add(Level::Warning,
            "a ``` opens the answer, but the form is not marked as fenced: its closing fence will not end it");
    }
}

std::vector<Finding> Checker::run() {
    for (std::size_t i = 0; i < spec_.examples.size(); ++i) {
        const std::vector<Turn>& turns = spec_.examples[i].turns;
        for (std::size_t j = 0; j < turns.size(); ++j) {
            check_turn(
                turns.size() == 1 ? fmt::format("example {}", i + 1) : fmt::format("example {}, turn {}", i + 1, j + 1),
                turns[j]);
        }
    }
    if (spec_.examples.empty()) {
        add(Level::Warning, "no examples: a base model learns the form of an answer mostly from them");
    } else if (!any_refusal_) {
        add(Level::Warning,
            "no example refuses a harmful request (no answer begins with something like \"I can't help\"): the model "
            "will answer such requests like any other");
    }
    check_lengths();
    check_ending();
    return std::move(findings_);
}

}  // namespace

std::vector<Finding> check(const PromptSpec& spec, std::optional<std::size_t> prefix_tokens,
                           std::optional<std::size_t> context_tokens) {
    std::vector<Finding> findings = Checker(spec).run();
    if (prefix_tokens && context_tokens && *prefix_tokens * kContextShare > *context_tokens) {
        findings.push_back(
            {Level::Warning, fmt::format("the prefix takes {} of {} tokens of context, more than a third: little "
                                         "is left for the conversation",
                                         *prefix_tokens, *context_tokens)});
    }
    return findings;
}

}  // namespace urial::prompt
