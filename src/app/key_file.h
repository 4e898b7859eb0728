#pragma once

// Files of keys, one a line.

#include <filesystem>
#include <string>
#include <vector>

namespace urial::app {

/// At least one. Throws Error{NotFound|BadInput|Io} naming the file; no message holds a key.
std::vector<std::string> read_key_file(const std::filesystem::path& file);

}  // namespace urial::app
