#pragma once

// JSON values one at a time out of a file of any size: a top-level array gives its elements, anything else is a
// sequence of values (JSON lines). gzip is recognised by its content. Memory is that of the largest single value.

#include <cstddef>
#include <filesystem>
#include <functional>

#include "base/json_reader.h"

namespace urial {

/// Calls `value(index, json)` for every value, indices from 0. Throws Error{NotFound|Io} for the file and
/// Error{BadInput} naming path, index and line for a value that is not JSON, is not UTF-8, is cut off or exceeds a
/// limit.
void for_each_json_value(const std::filesystem::path& path,
                         const std::function<void(std::size_t, nlohmann::ordered_json&&)>& value,
                         const InputLimits& limits = {});

}  // namespace urial
