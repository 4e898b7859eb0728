#pragma once

// Products of quantised weights with many columns at once: the arithmetic kernel of packed_weights.h, free of
// ggml. The essay is in packed_product.cpp.

#include <cstddef>
#include <cstdint>

#include "base/cpu_level.h"

namespace urial::engine {

inline constexpr std::size_t kGroupRows = 16;             ///< rows whose weights lie together
inline constexpr std::size_t kPairRows = 2 * kGroupRows;  ///< a matrix needs a multiple of so many rows
inline constexpr std::size_t kBlockLength = 32;           ///< and of block_length() weights per row

enum class PackedFormat { Q8, Q5, Q4K, Q6K };  ///< what was packed: ggml's Q8_0, Q5_0, Q4_K or Q6_K

/// Weights that the format keeps together: kBlockLength, or 256.
std::size_t block_length(PackedFormat format);

/// How finely the columns are rounded: to 8 bits per block of 32 as ggml does, or to 16.
enum class ColumnBits { Eight, Sixteen };

/// Bytes of a packed matrix [rows, length]: for Q8_0 those of the original, for Q4_K 3 % and for the others up to 55 %
/// more.
std::size_t packed_bytes(PackedFormat format, std::size_t rows, std::size_t length);
/// `source` holds rows of blocks as GGUF stores them; `target` has packed_bytes(). Takes `threads` threads.
void pack(PackedFormat format, const void* source, std::size_t rows, std::size_t length, void* target, int threads);

/// Columns are computed in tiles of so many.
inline constexpr std::size_t kTileColumns = 6;

/// The product in one set of instructions. All give the same results, bit for bit; a tile belongs to the one that
/// packed it.
struct PackedProduct {
    /// Bytes of one tile of columns of `length` numbers.
    std::size_t (*tile_bytes)(PackedFormat format, ColumnBits bits, std::size_t length);

    /// Rounds `count` (1 to kTileColumns) columns, each `length` floats at columns[i], into one tile.
    void (*pack_tile)(PackedFormat format, ColumnBits bits, const float* const* columns, std::size_t count,
                      std::size_t length, void* tile);

    /// outputs[i][r] = packed row r times column i, for the kPairRows rows of two groups and the columns of one tile.
    /// `pair` is at packed_bytes(format, kPairRows, length) x its index. Meanwhile the pair at `ahead` comes into the
    /// cache, if it is not null.
    void (*multiply)(PackedFormat format, ColumnBits bits, const void* pair, const void* tile, std::size_t count,
                     std::size_t length, const void* ahead, float* const* outputs);
};

/// The fastest that `level` allows and the build has; null where that is none.
const PackedProduct* packed_product(CpuLevel level);

/// Null where the build lacks it.
extern const PackedProduct* const avx2_product;
extern const PackedProduct* const avx512_vnni_product;

}  // namespace urial::engine
