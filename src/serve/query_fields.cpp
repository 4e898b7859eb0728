#include "serve/query_fields.h"

#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "serve/request_error.h"
#include "serve/route_table.h"

namespace urial::serve {

QueryFields::QueryFields(std::string_view query) {
    for (const std::string_view part : split(query, '&')) {
        if (part.empty()) continue;
        const std::size_t equals = std::min(part.find('='), part.size());
        std::string name;
        std::string value;
        const std::string spaced = replace_all(part.substr(std::min(equals + 1, part.size())), "+", " ");
        if (!decode_path(part.substr(0, equals), name) || !decode_path(spaced, value)) {
            throw RequestError(400, "invalid_value", "", "what stands behind the '?' is not percent-encoded UTF-8");
        }
        values_[std::move(name)] = std::move(value);
    }
}

std::string QueryFields::text(const std::string& name, const std::string& absent) const {
    const auto found = values_.find(name);
    return found == values_.end() ? absent : found->second;
}

std::optional<std::int64_t> QueryFields::integer(const std::string& name, std::int64_t least, std::int64_t most) const {
    if (!has(name)) return std::nullopt;
    const std::string value = text(name);
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (failure != std::errc() || end != value.data() + value.size() || number < least || number > most) {
        throw bad_field(name, fmt::format("{} must be an integer from {} to {}", name, least, most));
    }
    return number;
}

bool QueryFields::boolean(const std::string& name) const {
    const std::string value = text(name, "false");
    if (value == "false") return false;
    if (value == "true") return true;
    throw bad_field(name, fmt::format("{} must be true or false", name));
}

}  // namespace urial::serve
