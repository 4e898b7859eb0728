#include "eval/verdict.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/json_reader.h"
#include "base/text.h"
#include "eval/reply_parts.h"

namespace urial::eval {
namespace {

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

/// The object that has one entry per aspect, or why it does not.
std::variant<Json, Unscored> find_entries(const Rubric& rubric, std::string_view reply) {
    auto found = find_object(reply);
    if (auto* problem = std::get_if<Unscored>(&found)) return std::move(*problem);
    const std::string_view text = std::get<std::string_view>(found);
    std::optional<Json> json = parse_strictly(text);
    if (!json) return unscored(UnscoredReason::InvalidJson, text);
    if (rubric.flat) {
        Json named = Json::object();
        named[rubric.aspects.front().name] = *std::move(json);
        return named;
    }
    std::variant<Json, UnscoredReason> entries = rubric.kind->entries_of(*std::move(json));
    if (const auto* reason = std::get_if<UnscoredReason>(&entries)) return unscored(*reason, text);
    std::vector<std::string> keys;
    for (const RubricAspect& aspect : rubric.aspects) keys.push_back(aspect.name);
    if (!has_exactly(std::get<Json>(entries), keys)) return unscored(UnscoredReason::WrongKeys, text);
    return std::get<Json>(std::move(entries));
}

}  // namespace

std::vector<AspectVerdict> parse_reply(const Rubric& rubric, std::string_view reply) {
    std::vector<AspectVerdict> verdicts;
    const auto found = find_entries(rubric, reply);
    for (const RubricAspect& aspect : rubric.aspects) {
        if (const auto* problem = std::get_if<Unscored>(&found)) {
            verdicts.push_back({aspect.name, *problem});
        } else {
            const Json& entry = std::get<Json>(found).at(aspect.name);
            verdicts.push_back({aspect.name, rubric.kind->read_entry(rubric, aspect, entry)});
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
    if (label == "a" || label == "b") return read_choice(label == "a" ? "A" : "B", std::move(reason), kOriginalTie);
    return read_choice(label == kOriginalTie ? Json(label) : preference, std::move(reason), kOriginalTie);
}

}  // namespace urial::eval
