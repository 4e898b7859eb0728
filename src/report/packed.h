#pragma once

// Data inside a page: gzip and base64 for the bulk, JSON that no HTML parser can leave for the rest. Pure functions.

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace urial::report {

std::string base64(std::string_view bytes);

/// The bytes behind base64(gzip(...)); Error{BadInput} where `text` is something else or holds more than `most_bytes`.
std::string unpack(std::string_view text, std::size_t most_bytes);

/// JSON in which no '<', '>' or '&' occurs: inside a script element it can end or open nothing.
std::string script_safe_json(const nlohmann::ordered_json& value);

/// "sha256-..." of an inline script or style, as a Content-Security-Policy names it (without the quotes).
std::string policy_hash(std::string_view content);

}  // namespace urial::report
