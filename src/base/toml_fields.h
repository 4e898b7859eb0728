#pragma once

// The fields of a TOML table that a person wrote: each is asked for by its name and type, and what nobody asked for is
// refused. Every Error{BadInput} begins with "origin:line:column: ".

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/toml_reader.h"

namespace urial {

/// Of one table, which outlives it, as `origin` does. Belongs to one thread.
class TomlFields {
public:
    /// `owner`: whose fields they are, for messages: "a rubric".
    TomlFields(const toml::table& table, std::string_view origin, std::string_view owner)
        : table_(table), origin_(origin), owner_(owner) {}

    /// A text that is required is not empty.
    std::string text(std::string_view key, bool required, std::string fallback = {});
    /// Of at most six digits.
    int number(std::string_view key, int fallback);
    /// Any number; a whole one too.
    std::optional<double> real(std::string_view key);
    bool flag(std::string_view key, bool fallback);
    std::vector<std::string> texts(std::string_view key);
    /// At least one [[key]].
    const toml::array& tables(std::string_view key);
    /// Null where there is no such table.
    const toml::table* table(std::string_view key);
    bool has(std::string_view key) const { return table_.contains(key); }

    /// Refuses the fields that were not asked for.
    void finish() const;
    [[noreturn]] void refuse(std::string_view what, const toml::node& where) const;
    /// At the field, or at the table where it has none.
    [[noreturn]] void refuse_field(std::string_view key, std::string_view what) const;

private:
    const toml::node* find(std::string_view key);

    const toml::table& table_;
    std::string_view origin_;
    std::string_view owner_;
    std::vector<std::string> known_;
};

}  // namespace urial
