#include "eval/reply_parts.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace urial::eval {
namespace {

constexpr std::size_t kLongestRaw = 200;

bool is_digits(std::string_view text) {
    return !text.empty() && text.size() <= 6 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Json text_schema() { return {{"type", "string"}}; }

Json closed_object(Json properties) {
    Json required = Json::array();
    for (const auto& [key, value] : properties.items()) required.push_back(key);
    Json schema{{"type", "object"}};
    schema["properties"] = std::move(properties);
    schema["required"] = std::move(required);
    schema["additionalProperties"] = false;
    return schema;
}

Json enumeration(const std::vector<std::string>& values) { return {{"type", "string"}, {"enum", values}}; }

Unscored unscored(UnscoredReason reason, std::string_view raw) {
    std::string_view shown = raw.substr(0, kLongestRaw);
    if (shown.size() < raw.size()) shown = shown.substr(0, complete_utf8_length(shown));
    return {reason, replace_invalid_utf8(shown)};
}

bool has_exactly(const Json& object, const std::vector<std::string>& keys) {
    return object.size() == keys.size() &&
           std::ranges::all_of(keys, [&](const std::string& key) { return object.contains(key); });
}

Json reasoned_schema(std::string_view key, Json value) {
    Json properties{{"reason", text_schema()}};
    properties[std::string(key)] = std::move(value);
    return closed_object(std::move(properties));
}

Verdict read_reasoned(const Json& object, const std::string& key,
                      const std::function<Verdict(const Json& value, std::string reason)>& read) {
    if (!object.is_object()) return unscored(UnscoredReason::WrongType, object.dump());
    if (!has_exactly(object, {"reason", key})) return unscored(UnscoredReason::WrongKeys, object.dump());
    if (!object["reason"].is_string()) return unscored(UnscoredReason::WrongType, object.dump());
    return read(object[key], object["reason"].get<std::string>());
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

Json choice_schema(const std::string& tie) { return enumeration({"A", "B", tie}); }

std::string choice_form(const std::string& tie) { return fmt::format("[A, B or {}]", tie); }

Verdict read_choice(const Json& value, std::string reason, std::string_view tie) {
    if (!value.is_string()) return unscored(UnscoredReason::WrongType, value.dump());
    const auto& text = value.get_ref<const std::string&>();
    if (text == "A") return Preference{Choice::A, std::move(reason)};
    if (text == "B") return Preference{Choice::B, std::move(reason)};
    if (text == tie) return Preference{Choice::Tie, std::move(reason)};
    return unscored(UnscoredReason::UnknownLabel, text);
}

}  // namespace urial::eval
