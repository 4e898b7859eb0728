#pragma once

// JSON values one at a time out of a file of any size: a top-level array gives its elements, anything else is a
// sequence of values (JSON lines). gzip is recognised by its content. Memory is that of the largest single value.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

#include "base/json_reader.h"

namespace urial {

/// Where a value stands.
struct JsonPlace {
    std::size_t index = 0;  ///< among the values, from 0
    std::size_t line = 0;   ///< where it begins, from 1
    bool in_array = false;

    /// For messages: "FILE:7", or in an array, which may be all on one line, "FILE: value 3 (line 7)".
    std::string name(const std::filesystem::path& file) const;
};

/// Calls `value` for every value. Throws Error{NotFound|Io} for the file and Error{BadInput} that begins with the
/// place for a value that is not JSON, is not UTF-8, is cut off or exceeds a limit.
void for_each_json_value(const std::filesystem::path& path,
                         const std::function<void(const JsonPlace&, nlohmann::ordered_json&&)>& value,
                         const InputLimits& limits = {});
/// Likewise, for those who want the index alone.
void for_each_json_value(const std::filesystem::path& path,
                         const std::function<void(std::size_t, nlohmann::ordered_json&&)>& value,
                         const InputLimits& limits = {});

}  // namespace urial
