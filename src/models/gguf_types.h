#pragma once

// The number formats that a GGUF's tensors may have, as tables. Formats that ggml once had and removed are absent.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace urial::models {

/// A tensor's rows are stored in blocks of `elements` values that take `bytes` bytes.
struct BlockLayout {
    std::string_view name;
    std::uint64_t elements;
    std::uint64_t bytes;
    bool is_weight_format =
        true;  ///< the engine multiplies matrices of it; false: for intermediate results and indices
};

/// The layout of ggml's tensor type number, or nullopt for a number that no format has.
std::optional<BlockLayout> block_layout(std::uint32_t type);

/// The name of a general.file_type number: "Q4_K - Medium", or "unknown (123)".
std::string file_type_name(std::uint64_t file_type);

}  // namespace urial::models
