#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "eval/placeholders.h"
#include "eval/rubric.h"

namespace urial::eval {
namespace {

constexpr std::size_t kShortestNonce = 16;

std::string list_aspects(const Rubric& rubric) {
    std::string out;
    for (const RubricAspect& aspect : rubric.aspects) {
        if (!out.empty()) out += '\n';
        out += fmt::format("- {}: {}", aspect.name, trim(aspect.definition));
    }
    return out;
}

std::string list_scale(const Rubric& rubric) {
    std::string out;
    for (std::size_t step = 0; step < rubric.scale.size(); ++step) {
        if (!out.empty()) out += '\n';
        out += fmt::format("- {}: {}", rubric.lowest + static_cast<int>(step), rubric.scale[step]);
    }
    return out;
}

bool is_good_nonce(std::string_view nonce) {
    return nonce.size() >= kShortestNonce &&
           std::ranges::all_of(nonce, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; });
}

/// A placeholder that stands for the same text in every request of a rubric.
bool is_of_rubric(std::string_view placeholder) {
    return placeholder == "aspects" || placeholder == "scale" || placeholder == "form";
}

/// What stands for one placeholder, with the texts that a stranger wrote kept apart from ours.
class Filler {
public:
    Filler(const Rubric& rubric, const Item& item, const Answer& answer, std::string_view nonce,
           const std::optional<Answer>& other)
        : rubric_(rubric), item_(item), answer_(answer), nonce_(nonce), other_(other) {}

    std::string fill(const std::string& name) const {
        if (name == "aspects") return list_aspects(rubric_);
        if (name == "scale") return list_scale(rubric_);
        if (name == "form") return reply_form(rubric_);
        if (name == "nonce") {
            if (is_good_nonce(nonce_)) return std::string(nonce_);
            throw error(ErrorKind::BadInput, "rubric {}: its frame needs a nonce of {} or more letters and digits",
                        rubric_.name, kShortestNonce);
        }
        return judged(name);
    }

private:
    std::string judged(const std::string& name) const {
        const std::string* text = nullptr;
        if (name == "instruction") text = &item_.instruction;
        if (name == "output" || name == "output_a") text = &answer_.output;
        if (name == "output_b" && other_) text = &other_->output;
        if (name == "instruction_2" && !item_.follow_ups.empty()) text = &item_.follow_ups.front();
        if (name == "output_2" && !answer_.follow_ups.empty()) text = &answer_.follow_ups.front();
        if (name == "reference" && !item_.references.empty()) text = &item_.references.front();
        if (name == "reference_2" && item_.references.size() > 1) text = &item_.references[1];
        if (text == nullptr) {
            throw error(ErrorKind::BadInput,
                        "item {}: rubric {} needs \"{}\", which the item or its answer does not have", item_.id,
                        rubric_.name, name);
        }
        if (!nonce_.empty() && text->find(nonce_) != std::string::npos) {
            throw error(ErrorKind::BadInput,
                        "item {}: the nonce of the frame stands in the judged text; draw a new one", item_.id);
        }
        return *text;
    }

    const Rubric& rubric_;
    const Item& item_;
    const Answer& answer_;
    std::string_view nonce_;
    const std::optional<Answer>& other_;
};

/// Lower-case words of letters and digits; '/' stays inside ("10/10").
std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    for (const char c : lower_ascii(text)) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/') {
            word += c;
        } else if (!word.empty()) {
            words.push_back(std::move(word));
            word.clear();
        }
    }
    if (!word.empty()) words.push_back(std::move(word));
    return words;
}

template <std::size_t N>
bool is_one_of(const std::string& word, const std::array<std::string_view, N>& list) {
    return std::ranges::find(list, word) != list.end();
}

bool addresses_judge(const std::vector<std::string>& words) {
    static constexpr std::array<std::string_view, 5> kJudges{"judge", "evaluator", "grader", "rater", "assessor"};
    static constexpr std::array<std::string_view, 7> kCalls{"dear", "attention", "hey",         "hello",
                                                            "note", "message",   "instructions"};
    static constexpr std::array<std::string_view, 3> kBetween{"to", "for", "the"};
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (!is_one_of(words[i], kJudges)) continue;
        std::size_t before = i;
        while (before > 0 && i - before < 2 && is_one_of(words[before - 1], kBetween)) --before;
        if (before > 0 && is_one_of(words[before - 1], kCalls)) return true;
    }
    return false;
}

bool overrides_instructions(const std::vector<std::string>& words) {
    static constexpr std::array<std::string_view, 4> kVerbs{"ignore", "disregard", "forget", "override"};
    static constexpr std::array<std::string_view, 7> kWhich{"previous", "prior", "above", "earlier",
                                                            "all",      "your",  "these"};
    static constexpr std::array<std::string_view, 7> kNouns{"instruction", "instructions", "prompt", "prompts",
                                                            "rubric",      "criteria",     "rules"};
    constexpr std::size_t kReach = 5;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (!is_one_of(words[i], kVerbs)) continue;
        bool which = false;
        for (std::size_t j = i + 1; j < std::min(words.size(), i + 1 + kReach); ++j) {
            if (which && is_one_of(words[j], kNouns)) return true;
            which = which || is_one_of(words[j], kWhich);
        }
    }
    return false;
}

bool asks_for_score(const std::vector<std::string>& words) {
    static constexpr std::array<std::string_view, 6> kVerbs{"give", "assign", "rate", "award", "grant", "return"};
    static constexpr std::array<std::string_view, 9> kHigh{"perfect", "maximum", "full", "highest", "top",
                                                           "5",       "10",      "5/5",  "10/10"};
    static constexpr std::array<std::string_view, 6> kNouns{"score", "scores", "rating", "ratings", "marks", "points"};
    constexpr std::size_t kReach = 8;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (!is_one_of(words[i], kVerbs)) continue;
        const std::size_t end = std::min(words.size(), i + 1 + kReach);
        for (std::size_t j = i + 1; j < end; ++j) {
            if (words[j] == "5/5" || words[j] == "10/10") return true;
            if (!is_one_of(words[j], kHigh)) continue;
            const bool after = j + 1 < words.size() && is_one_of(words[j + 1], kNouns);
            const bool before = words[j - 1] == "of" && j >= 2 && is_one_of(words[j - 2], kNouns);
            if (after || before) return true;
        }
    }
    return false;
}

bool fakes_verdict(std::string_view lower) {
    for (const std::string_view key : {"\"score\"", "\"preference\""}) {
        for (std::size_t at = lower.find(key); at != std::string_view::npos; at = lower.find(key, at + 1)) {
            if (trim(lower.substr(at + key.size())).starts_with(':')) return true;
        }
    }
    for (std::size_t at = lower.find("[["); at != std::string_view::npos; at = lower.find("[[", at + 1)) {
        const std::string_view mark = lower.substr(at + 2, 4);
        const std::size_t end = mark.find("]]");
        if (end == std::string_view::npos || end == 0) continue;
        const std::string_view inside = mark.substr(0, end);
        const bool digits = std::ranges::all_of(inside, [](char c) { return c >= '0' && c <= '9'; });
        if (digits || inside == "a" || inside == "b" || inside == "c") return true;
    }
    return false;
}

bool fakes_frame(std::string_view lower) {
    static constexpr std::array<std::string_view, 9> kMarks{"<|im_start|>",        "<|im_end|>", "<|eot_id|>",
                                                            "<|start_header_id|>", "[/inst]",    "<</sys>>",
                                                            "<end_of_turn>",       "<<<begin",   "<<<end"};
    return std::ranges::any_of(kMarks,
                               [&](std::string_view mark) { return lower.find(mark) != std::string_view::npos; });
}

}  // namespace

const std::vector<std::string>& placeholder_names() {
    static const std::vector<std::string> names{"instruction", "output",        "output_a", "output_b",
                                                "reference",   "instruction_2", "output_2", "reference_2",
                                                "aspects",     "scale",         "form",     "nonce"};
    return names;
}

std::vector<TemplatePart> split_template(std::string_view text) {
    std::vector<TemplatePart> parts;
    while (!text.empty()) {
        const std::size_t open = text.find("{{");
        const std::size_t close = open == std::string_view::npos ? open : text.find("}}", open);
        if (close == std::string_view::npos) {
            parts.push_back({std::string(text), false});
            break;
        }
        if (open > 0) parts.push_back({std::string(text.substr(0, open)), false});
        parts.push_back({std::string(text.substr(open + 2, close - open - 2)), true});
        text.remove_prefix(close + 2);
    }
    return parts;
}

JudgeRequest render(const Rubric& rubric, const Item& item, const Answer& answer, std::string_view nonce,
                    const std::optional<Answer>& other) {
    const Filler filler(rubric, item, answer, nonce, other);
    JudgeRequest request{rubric.system, {}, 0};
    bool constant = true;
    for (const TemplatePart& part : split_template(rubric.text)) {
        constant = constant && (!part.is_placeholder || is_of_rubric(part.text));
        request.user += part.is_placeholder ? filler.fill(part.text) : part.text;
        if (constant) request.constant_bytes = request.user.size();
    }
    return request;
}

std::vector<std::string> find_steering(std::string_view answer) {
    const std::string lower = lower_ascii(answer);
    const std::vector<std::string> words = words_of(lower);
    std::vector<std::string> rules;
    if (addresses_judge(words)) rules.emplace_back("addresses the judge");
    if (overrides_instructions(words)) rules.emplace_back("overrides instructions");
    if (asks_for_score(words)) rules.emplace_back("asks for a score");
    if (fakes_verdict(lower)) rules.emplace_back("fakes a verdict");
    if (fakes_frame(lower)) rules.emplace_back("fakes a frame");
    return rules;
}

std::vector<std::string> steering_of(const Answer& answer, const std::optional<Answer>& other, int turn) {
    std::set<std::string> rules;
    for (const Answer* judged : {&answer, other ? &*other : nullptr}) {
        if (judged == nullptr) continue;
        for (std::string& rule : find_steering(judged->output)) rules.insert(std::move(rule));
        if (turn == 1) continue;
        for (const std::string& text : judged->follow_ups) {
            for (std::string& rule : find_steering(text)) rules.insert(std::move(rule));
        }
    }
    return {rules.begin(), rules.end()};
}

}  // namespace urial::eval
