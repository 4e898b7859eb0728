#pragma once

// Text packed with gzip, in memory. Pure functions.

#include <cstddef>
#include <string>
#include <string_view>

namespace urial {

/// A gzip member without a time stamp: equal input gives equal output. `level` from 1 (fast) to 9 (small).
std::string gzip(std::string_view text, int level = 6);

/// Throws Error{BadInput} for what is not whole gzip data, or unpacks to more than `most_bytes`.
std::string gunzip(std::string_view packed, std::size_t most_bytes);

}  // namespace urial
