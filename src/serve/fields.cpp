#include "serve/fields.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/json_reader.h"
#include "base/text.h"
#include "serve/request_error.h"

namespace urial::serve {
namespace {

constexpr std::size_t kMostShown = 80;

std::string shown(const Json& value) {
    std::string text = json_text(value);
    if (text.size() > kMostShown) text = text.substr(0, complete_utf8_length(text.substr(0, kMostShown))) + "...";
    return printable(text);
}

/// 5.0 counts as 5, which is what some clients make of it.
std::optional<std::int64_t> whole_number(const Json& value) {
    if (value.is_number_unsigned()) {
        const auto number = value.get<std::uint64_t>();
        if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
        return static_cast<std::int64_t>(number);
    }
    if (value.is_number_integer()) return value.get<std::int64_t>();
    if (!value.is_number_float()) return std::nullopt;
    constexpr double kExact = 9007199254740992.0;  // 2^53: beyond it a double is no exact integer
    const auto number = value.get<double>();
    if (!(std::abs(number) <= kExact) || number != std::floor(number)) return std::nullopt;
    return static_cast<std::int64_t>(number);
}

}  // namespace

std::string json_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json parse_body(std::string_view body) {
    Json json;
    try {
        json = parse_json(body);
    } catch (const Error& failure) {
        throw RequestError(400, "invalid_json", "", fmt::format("the body {}", failure.what()));
    }
    if (!json.is_object()) throw RequestError(400, "invalid_json", "", "the body is no JSON object");
    return json;
}

Fields::Fields(const Json& object, std::string path) : object_(&object), path_(std::move(path)) {
    if (!object.is_object()) {
        throw bad_field(path_, fmt::format("{} is {}: it must be an object", path_, shown(object)));
    }
}

std::string Fields::path_of(std::string_view name) const {
    return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

const Json* Fields::value(std::string_view name) {
    known_.emplace(name);
    const auto found = object_->find(name);
    return found == object_->end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::int64_t> Fields::integer(std::string_view name, std::int64_t least, std::int64_t most) {
    const Json* found = value(name);
    if (found == nullptr) return std::nullopt;
    const std::optional<std::int64_t> whole = whole_number(*found);
    if (!whole || *whole < least || *whole > most) {
        throw bad_field(path_of(name), fmt::format("{} is {}: it must be an integer from {} to {}", path_of(name),
                                                   shown(*found), least, most));
    }
    return whole;
}

std::optional<double> Fields::number(std::string_view name, double least, double most) {
    const Json* found = value(name);
    if (found == nullptr) return std::nullopt;
    const double number = found->is_number() ? found->get<double>() : std::nan("");
    if (!(number >= least && number <= most)) {
        throw bad_field(path_of(name), fmt::format("{} is {}: it must be a number from {} to {}", path_of(name),
                                                   shown(*found), least, most));
    }
    return number;
}

std::optional<bool> Fields::boolean(std::string_view name) {
    const Json* found = value(name);
    if (found == nullptr) return std::nullopt;
    if (!found->is_boolean()) {
        throw bad_field(path_of(name), fmt::format("{} is {}: it must be true or false", path_of(name), shown(*found)));
    }
    return found->get<bool>();
}

std::optional<std::string> Fields::text(std::string_view name) {
    const Json* found = value(name);
    if (found == nullptr) return std::nullopt;
    if (!found->is_string()) {
        throw bad_field(path_of(name), fmt::format("{} is {}: it must be a string", path_of(name), shown(*found)));
    }
    return found->get<std::string>();
}

std::optional<std::vector<std::int64_t>> Fields::integers(std::string_view name, std::int64_t least, std::int64_t most,
                                                          std::size_t most_items) {
    const Json* found = value(name);
    if (found == nullptr) return std::nullopt;
    if (!found->is_array() || found->size() > most_items) {
        throw bad_field(path_of(name),
                        fmt::format("{} must be an array of at most {} integers", path_of(name), most_items));
    }
    std::vector<std::int64_t> values;
    for (const Json& item : *found) {
        const std::optional<std::int64_t> one = whole_number(item);
        if (!one || *one < least || *one > most) {
            throw bad_field(path_of(name), fmt::format("{} holds {}: it must hold integers from {} to {}",
                                                       path_of(name), shown(item), least, most));
        }
        values.push_back(*one);
    }
    return values;
}

std::optional<Fields> Fields::object(std::string_view name) {
    const Json* found = value(name);
    return found == nullptr ? std::nullopt : std::optional(Fields(*found, path_of(name)));
}

void Fields::refuse_unless(std::string_view name, std::initializer_list<Json> neutral) {
    const Json* found = value(name);
    if (found == nullptr || std::find(neutral.begin(), neutral.end(), *found) != neutral.end()) return;
    throw RequestError(
        400, "unsupported_parameter", path_of(name),
        fmt::format("{} is {}: this server does not support it; leave it out", path_of(name), shown(*found)));
}

std::vector<std::string> Fields::unknown() const {
    std::vector<std::string> names;
    for (const auto& [name, ignored] : object_->items()) {
        if (!known_.contains(name)) names.push_back(path_of(name));
    }
    return names;
}

}  // namespace urial::serve
