#pragma once

// TOML that others wrote: settings of a cloned project, prompts, rubrics, prices. The parser recurses once per level
// and once per part of a dotted key, so both have limits. Thread-safe.

#include <string_view>

#include <toml++/toml.h>

namespace urial {

/// Throws Error{BadInput} "origin:line:column: ..." for what is not TOML and for more than 4 MiB, 32 levels of brackets
/// or 32 parts of one key.
toml::table parse_toml(std::string_view text, std::string_view origin);

}  // namespace urial
