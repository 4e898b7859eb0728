#pragma once

// The sampling options that are settings too, by the names of the table: for /set, saved conversations and flags.

#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "generate/generate.h"

namespace urial::app {

std::span<const std::string> sampling_keys();
/// `key` must be one of sampling_keys().
nlohmann::json sampling_value(const generate::SamplingOptions& sampling, std::string_view key);
/// `value` as parse_setting() or check_setting() gave it.
void set_sampling_value(generate::SamplingOptions& sampling, std::string_view key, const nlohmann::json& value);

/// What generate::describe_sampling() gave. Throws Error{BadInput} that begins with `where` for what is missing or out
/// of range.
generate::SamplingOptions read_sampling(const nlohmann::json& object, const std::string& where);

}  // namespace urial::app
