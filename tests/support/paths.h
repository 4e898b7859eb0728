#pragma once

// Where this checkout and the binary under test are. The only file that is compiled with absolute paths, so that a
// compiler cache serves every checkout.

#include <filesystem>
#include <string_view>

namespace urial::test {

/// `below` inside this checkout: source_path("docs/cli.md").
std::filesystem::path source_path(std::string_view below);
std::filesystem::path binary_path();

}  // namespace urial::test
