#include "eval/verdict.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "base/json_reader.h"
#include "base/text.h"

namespace urial::eval {
namespace {

constexpr std::size_t kLongestRaw = 200;

Unscored unscored(UnscoredReason reason, std::string_view raw) {
    std::string_view shown = raw.substr(0, kLongestRaw);
    if (shown.size() < raw.size()) shown = shown.substr(0, complete_utf8_length(shown));
    return {reason, replace_invalid_utf8(shown)};
}

bool has_control_characters(std::string_view text) {
    return std::ranges::any_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7F;
    });
}

bool sounds_like_refusal(std::string_view text) {
    static constexpr std::array<std::string_view, 12> kPhrases{
        "i can't",     "i cannot", "i can not",  "i'm sorry", "i am sorry",      "i'm unable",
        "i am unable", "i won't",  "i will not", "as an ai",  "i'm not able to", "i am not able to"};
    const std::string lower = replace_all(lower_ascii(text), "\xE2\x80\x99", "'");
    return std::ranges::any_of(kPhrases,
                               [&](std::string_view phrase) { return lower.find(phrase) != std::string::npos; });
}

/// The end (one past the last brace) of the object that opens at `begin`; npos when it never closes.
std::size_t object_end(std::string_view text, std::size_t begin) {
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t at = begin; at < text.size(); ++at) {
        const char c = text[at];
        if (in_string) {
            if (c == '\\') {
                ++at;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{') {
            ++depth;
        } else if (c == '}' && --depth == 0) {
            return at + 1;
        }
    }
    return std::string_view::npos;
}

/// Reasoning models think aloud first; what they think is not their reply.
std::optional<std::string_view> without_thoughts(std::string_view reply) {
    static constexpr std::string_view kOpen = "<think>";
    static constexpr std::string_view kClose = "</think>";
    if (!reply.starts_with(kOpen)) return reply;
    const std::size_t end = reply.find(kClose);
    if (end == std::string_view::npos) return std::nullopt;
    return trim(reply.substr(end + kClose.size()));
}

/// Whether a list that opens in the text is still open at its end.
bool leaves_list_open(std::string_view text) {
    std::size_t depth = 0;
    for (const char c : text) {
        if (c == '[') ++depth;
        if (c == ']' && depth > 0) --depth;
    }
    return depth > 0;
}

/// The text of the one object of a reply, or why there is none.
std::variant<std::string_view, Unscored> find_object(std::string_view reply) {
    if (!is_valid_utf8(reply) || has_control_characters(reply)) return unscored(UnscoredReason::NotText, reply);
    const std::optional<std::string_view> spoken = without_thoughts(trim(reply));
    if (!spoken) return unscored(UnscoredReason::Truncated, reply);
    const std::string_view text = *spoken;
    if (text.empty()) return unscored(UnscoredReason::Empty, text);
    const std::size_t begin = text.find('{');
    if (begin == std::string_view::npos) {
        return unscored(sounds_like_refusal(text) ? UnscoredReason::Refusal : UnscoredReason::NoObject, text);
    }
    const std::size_t end = object_end(text, begin);
    if (end == std::string_view::npos) return unscored(UnscoredReason::Truncated, text);
    const std::string_view before = trim(text.substr(0, begin));
    const std::string_view after = trim(text.substr(end));
    if (after.find_first_of("{}") != std::string_view::npos || before.find('}') != std::string_view::npos) {
        return unscored(UnscoredReason::SeveralObjects, text);
    }
    if (leaves_list_open(before) || after.starts_with(']')) return unscored(UnscoredReason::NotAnObject, text);
    return text.substr(begin, end - begin);
}

/// std::nullopt for what is not JSON and for an object with one key twice, where "the last one wins" would be a guess.
std::optional<Json> parse_strictly(std::string_view text) { return try_parse_json(text, {.repeated_keys = false}); }

bool has_exactly(const Json& object, const std::vector<std::string>& keys) {
    return object.size() == keys.size() &&
           std::ranges::all_of(keys, [&](const std::string& key) { return object.contains(key); });
}

bool is_digits(std::string_view text) {
    return !text.empty() && text.size() <= 6 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Verdict read_score(const Json& value, std::string reason, int lowest, int highest, bool may_not_apply) {
    double number = 0;
    if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        if (text == "N/A") {
            if (may_not_apply) return NotApplicable{std::move(reason)};
            return unscored(UnscoredReason::NotApplicable, text);
        }
        if (!is_digits(text)) return unscored(UnscoredReason::NotANumber, text);
        number = std::stod(text);
    } else if (value.is_number()) {
        number = value.get<double>();
    } else {
        return unscored(UnscoredReason::WrongType, value.dump());
    }
    if (number < lowest || number > highest || number != std::floor(number)) {
        return unscored(UnscoredReason::OutOfRange, value.is_string() ? value.get<std::string>() : value.dump());
    }
    return Score{number, std::move(reason)};
}

std::optional<Choice> read_choice(std::string_view text, std::string_view tie) {
    if (text == "A") return Choice::A;
    if (text == "B") return Choice::B;
    if (text == tie) return Choice::Tie;
    return std::nullopt;
}

Verdict read_preference(const Json& value, std::string reason, std::string_view tie) {
    if (!value.is_string()) return unscored(UnscoredReason::WrongType, value.dump());
    const auto choice = read_choice(value.get_ref<const std::string&>(), tie);
    if (!choice) return unscored(UnscoredReason::UnknownLabel, value.get<std::string>());
    return Preference{*choice, std::move(reason)};
}

Verdict read_labels(const RubricAspect& aspect, const Json& value) {
    if (value.is_array() != aspect.several) return unscored(UnscoredReason::WrongType, value.dump());
    Labels labels;
    for (const Json& entry : aspect.several ? value : Json::array({value})) {
        if (!entry.is_string()) return unscored(UnscoredReason::WrongType, value.dump());
        const auto& label = entry.get_ref<const std::string&>();
        const bool known = std::ranges::find(aspect.labels, label) != aspect.labels.end();
        const bool again = std::ranges::find(labels.values, label) != labels.values.end();
        if (!known || again) return unscored(UnscoredReason::UnknownLabel, label);
        labels.values.push_back(label);
    }
    if (labels.values.empty()) return unscored(UnscoredReason::UnknownLabel, value.dump());
    return labels;
}

/// {"reason": text, VALUE_KEY: ...}
Verdict read_reasoned(const Rubric& rubric, const RubricAspect& aspect, const Json& value) {
    const std::string value_key = rubric.kind == RubricKind::Score ? "score" : "preference";
    if (!value.is_object()) return unscored(UnscoredReason::WrongType, value.dump());
    if (!has_exactly(value, {"reason", value_key})) return unscored(UnscoredReason::WrongKeys, value.dump());
    if (!value["reason"].is_string()) return unscored(UnscoredReason::WrongType, value.dump());
    std::string reason = value["reason"].get<std::string>();
    if (rubric.kind == RubricKind::Pairwise) return read_preference(value[value_key], std::move(reason), rubric.tie);
    return read_score(value[value_key], std::move(reason), rubric.lowest, rubric.highest, aspect.may_not_apply);
}

/// The object that has one entry per aspect, or why it does not.
std::variant<Json, Unscored> find_aspects(const Rubric& rubric, std::string_view reply) {
    auto found = find_object(reply);
    if (auto* problem = std::get_if<Unscored>(&found)) return std::move(*problem);
    const std::string_view text = std::get<std::string_view>(found);
    std::optional<Json> json = parse_strictly(text);
    if (!json) return unscored(UnscoredReason::InvalidJson, text);
    if (rubric.kind == RubricKind::PairwiseChoices) {
        if (!has_exactly(*json, {"rationale", "choices"})) return unscored(UnscoredReason::WrongKeys, text);
        if (!(*json)["rationale"].is_string() || !(*json)["choices"].is_object())
            return unscored(UnscoredReason::WrongType, text);
        Json choices = (*json)["choices"];
        json = std::move(choices);
    }
    if (rubric.flat) {
        Json named = Json::object();
        named[rubric.aspects.front().name] = *std::move(json);
        return named;
    }
    std::vector<std::string> keys;
    for (const RubricAspect& aspect : rubric.aspects) keys.push_back(aspect.name);
    if (!has_exactly(*json, keys)) return unscored(UnscoredReason::WrongKeys, text);
    return std::move(*json);
}

Verdict read_aspect(const Rubric& rubric, const RubricAspect& aspect, const Json& value) {
    switch (rubric.kind) {
        case RubricKind::Score:
        case RubricKind::Pairwise: return read_reasoned(rubric, aspect, value);
        case RubricKind::PairwiseChoices: return read_preference(value, {}, rubric.tie);
        case RubricKind::Tags: break;
    }
    return read_labels(aspect, value);
}

}  // namespace

std::vector<AspectVerdict> parse_reply(const Rubric& rubric, std::string_view reply) {
    std::vector<AspectVerdict> verdicts;
    const auto found = find_aspects(rubric, reply);
    for (const RubricAspect& aspect : rubric.aspects) {
        if (const auto* problem = std::get_if<Unscored>(&found)) {
            verdicts.push_back({aspect.name, *problem});
        } else {
            verdicts.push_back({aspect.name, read_aspect(rubric, aspect, std::get<Json>(found).at(aspect.name))});
        }
    }
    return verdicts;
}

bool is_unscored(const std::vector<AspectVerdict>& verdicts) {
    return std::ranges::any_of(
        verdicts, [](const AspectVerdict& entry) { return std::holds_alternative<Unscored>(entry.verdict); });
}

Verdict parse_stored_verdict(const Json& json, int lowest, int highest) {
    if (!json.is_object()) return unscored(UnscoredReason::WrongType, json.dump());
    std::string reason;
    if (json.contains("reason") && json["reason"].is_string()) reason = json["reason"].get<std::string>();
    if (json.contains("score")) return read_score(json["score"], std::move(reason), lowest, highest, true);
    if (!json.contains("preference")) return unscored(UnscoredReason::WrongKeys, json.dump());
    const Json& preference = json["preference"];
    const std::string label = preference.is_string() ? lower_ascii(preference.get<std::string>()) : "";
    if (label == "a" || label == "b") return read_preference(label == "a" ? "A" : "B", std::move(reason), kOriginalTie);
    return read_preference(label == kOriginalTie ? Json(label) : preference, std::move(reason), kOriginalTie);
}

}  // namespace urial::eval
