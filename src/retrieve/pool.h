#pragma once

// Pools of answered instructions that examples are taken from: files of others in the forms that are common, and our
// own answers. Pure values.

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace urial::retrieve {

struct Example {
    std::string instruction;
    std::string answer;
};

struct Pool {
    std::vector<Example> examples;  ///< in the order of the file
    std::size_t left_out = 0;       ///< failed or repeated records, and those without a text in question or answer
};

/// Reads JSON lines or an array of objects, packed with gzip or not, each of one of these forms:
///   `instruction`, `output` (or null), and perhaps `input`, which is put behind the instruction (Alpaca, our records);
///   `messages`, of which the first question and its answer count (Open-Instruct).
/// Throws Error{NotFound|Io|BadInput} that begins with the place, and Error{BadInput} for a pool without examples.
Pool read_pool(const std::filesystem::path& path);

}  // namespace urial::retrieve
