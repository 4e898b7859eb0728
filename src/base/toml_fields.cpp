#include "base/toml_fields.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/error.h"
#include "base/text.h"

namespace urial {

std::string TomlFields::text(std::string_view key, bool required, std::string fallback) {
    const toml::node* node = find(key);
    if (node == nullptr && required) refuse(fmt::format("\"{}\" is missing", key), table_);
    if (node == nullptr) return fallback;
    const auto value = node->value_exact<std::string>();
    if (!value) refuse(fmt::format("\"{}\" must be a text", key), *node);
    if (value->empty() && required) refuse(fmt::format("\"{}\" is empty", key), *node);
    return *value;
}

int TomlFields::number(std::string_view key, int fallback) {
    const toml::node* node = find(key);
    if (node == nullptr) return fallback;
    const auto value = node->value_exact<std::int64_t>();
    if (!value || *value < -1'000'000 || *value > 1'000'000) {
        refuse(fmt::format("\"{}\" must be a whole number of at most six digits", key), *node);
    }
    return static_cast<int>(*value);
}

std::optional<double> TomlFields::real(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) return std::nullopt;
    const auto value = node->value<double>();
    if (!node->is_number() || !value || !std::isfinite(*value)) {
        refuse(fmt::format("\"{}\" must be a number", key), *node);
    }
    return *value;
}

bool TomlFields::flag(std::string_view key, bool fallback) {
    const toml::node* node = find(key);
    if (node == nullptr) return fallback;
    const auto value = node->value_exact<bool>();
    if (!value) refuse(fmt::format("\"{}\" must be true or false", key), *node);
    return *value;
}

std::vector<std::string> TomlFields::texts(std::string_view key) {
    const toml::node* node = find(key);
    std::vector<std::string> values;
    if (node == nullptr) return values;
    if (!node->is_array()) refuse(fmt::format("\"{}\" must be a list of texts", key), *node);
    for (const toml::node& entry : *node->as_array()) {
        const auto value = entry.value_exact<std::string>();
        if (!value) refuse(fmt::format("\"{}\" must be a list of texts", key), entry);
        values.push_back(*value);
    }
    return values;
}

const toml::array& TomlFields::tables(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr || !node->is_array_of_tables()) {
        refuse(fmt::format("at least one [[{}]] is needed", key), node == nullptr ? table_ : *node);
    }
    return *node->as_array();
}

const toml::table* TomlFields::table(std::string_view key) {
    const toml::node* node = find(key);
    if (node != nullptr && !node->is_table()) refuse(fmt::format("\"{0}\" must be a table: [{0}]", key), *node);
    return node == nullptr ? nullptr : node->as_table();
}

void TomlFields::finish() const {
    for (const auto& [key, node] : table_) {
        if (std::ranges::find(known_, std::string(key.str())) != known_.end()) continue;
        refuse(
            fmt::format("\"{}\" is not a field of {}{}", printable(key.str()), owner_, did_you_mean(key.str(), known_)),
            node);
    }
}

void TomlFields::refuse(std::string_view what, const toml::node& where) const {
    const toml::source_position place = where.source().begin;
    throw error(ErrorKind::BadInput, "{}:{}:{}: {}", origin_, place.line, place.column, what);
}

void TomlFields::refuse_field(std::string_view key, std::string_view what) const {
    const toml::node* node = table_.get(key);
    refuse(what, node == nullptr ? table_ : *node);
}

const toml::node* TomlFields::find(std::string_view key) {
    known_.emplace_back(key);
    return table_.get(key);
}

}  // namespace urial
