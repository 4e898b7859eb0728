// Why own products: with 48 answers under way a step multiplies every weight with 48 columns. ggml's routine for Q8_0
// and Q5_0 works on one row and a few columns with 256-bit vectors and applies the scales of a block to every 32
// products. Half of a step's time was spent there (Gemma 3 270M, whose head is Q8_0 and whose other matrices are mostly
// Q5_0).
//
// Layout. Sixteen rows make a *group*, one row per 32-bit lane of a 512-bit vector. For each block of 32 weights a
// group holds 16 scales (f16) and eight vectors: vector k has weights 4k .. 4k+3 of every row, as unsigned bytes (value
// + offset, because VPDPBUSD multiplies unsigned by signed bytes). That is 34 bytes per row and block, as Q8_0 has.
//
//     group, block b:  [16 x f16 scale] [k = 0: 16 rows x 4 bytes] ... [k = 7: 16 rows x 4 bytes]
//
// Columns are rounded per block of 32 as ggml rounds them (8 bits, or two 8-bit planes that make 16) and stored in
// *tiles* of twelve, in the order in which the kernel reads them:
//
//     tile, block b:   [k = 0: 12 x 4 bytes] ... [k = 7] (the same for the low plane) [12 x correction] [12 x f32
//     scale]
//
// One VPDPBUSD then adds four products for each of 16 rows; eight make a block for one column, and scaling costs one
// conversion, one product and one addition per 512 products instead of per 32. Twelve columns share each weight vector:
// 12 integer and 12 float accumulators, the weights and the scale fit into the 32 registers. The correction, -offset x
// the sum of the column's rounded numbers, undoes the weights' offset.
//
// Within a block sums are exact integers, so a product differs from ggml's only in the order of the float additions
// over blocks, and in that ggml rounds a column's scale to f16. With 16 bits the rounding of the columns, which is what
// otherwise limits the precision of quantised models, falls by a factor of 256.

#include "engine/packed_product.h"

#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

namespace urial::engine {
namespace {

constexpr std::size_t kScaleBytes = 2;
constexpr std::size_t kGroupBlockBytes = kGroupRows * (kScaleBytes + kBlockLength);
constexpr std::size_t kWords = kBlockLength / 4;
constexpr std::size_t kQ8Bytes = kScaleBytes + kBlockLength;
constexpr std::size_t kQ5Bytes = kScaleBytes + 4 + kBlockLength / 2;

/// One block as unsigned bytes. Q8_0: scale, 32 signed bytes.
void unpack_q8(const std::uint8_t* block, std::uint8_t* bytes) {
    for (std::size_t i = 0; i < kBlockLength; ++i) bytes[i] = block[kScaleBytes + i] ^ 0x80U;
}

/// Q5_0: scale, 32 fifth bits, 16 bytes with the low four bits of weights i and i + 16.
void unpack_q5(const std::uint8_t* block, std::uint8_t* bytes) {
    std::uint32_t high = 0;
    std::memcpy(&high, block + kScaleBytes, sizeof high);
    const std::uint8_t* low = block + kScaleBytes + sizeof high;
    for (std::size_t i = 0; i < kBlockLength / 2; ++i) {
        bytes[i] = static_cast<std::uint8_t>((low[i] & 15U) | ((high >> i & 1U) << 4U));
        bytes[i + 16] = static_cast<std::uint8_t>((low[i] >> 4U) | ((high >> (i + 16) & 1U) << 4U));
    }
}

template <std::size_t kBytes, void (*kUnpack)(const std::uint8_t*, std::uint8_t*)>
void pack_group(const std::uint8_t* rows, std::size_t blocks, std::uint8_t* target) {
    std::uint8_t bytes[kBlockLength];
    for (std::size_t b = 0; b < blocks; ++b, target += kGroupBlockBytes) {
        std::uint8_t* words = target + kGroupRows * kScaleBytes;
        for (std::size_t row = 0; row < kGroupRows; ++row) {
            const std::uint8_t* block = rows + (row * blocks + b) * kBytes;
            std::memcpy(target + row * kScaleBytes, block, kScaleBytes);
            kUnpack(block, bytes);
            for (std::size_t k = 0; k < kWords; ++k) std::memcpy(words + (k * kGroupRows + row) * 4, bytes + 4 * k, 4);
        }
    }
}

}  // namespace

std::size_t packed_bytes(std::size_t rows, std::size_t length) { return rows * (length / kBlockLength) * kQ8Bytes; }

void pack(PackedFormat format, const void* source, std::size_t rows, std::size_t length, void* target, int threads) {
    const std::size_t blocks = length / kBlockLength;
    const std::size_t block_bytes = format == PackedFormat::Q8 ? kQ8Bytes : kQ5Bytes;
    const auto pack_groups = [&](std::size_t first, std::size_t last) {
        for (std::size_t group = first; group < last; ++group) {
            const auto* from = static_cast<const std::uint8_t*>(source) + group * kGroupRows * blocks * block_bytes;
            auto* to = static_cast<std::uint8_t*>(target) + group * blocks * kGroupBlockBytes;
            if (format == PackedFormat::Q8) {
                pack_group<kQ8Bytes, unpack_q8>(from, blocks, to);
            } else {
                pack_group<kQ5Bytes, unpack_q5>(from, blocks, to);
            }
        }
    };
    const std::size_t groups = rows / kGroupRows;
    if (groups == 0) return;
    const std::size_t workers = std::clamp<std::size_t>(static_cast<std::size_t>(std::max(threads, 1)), 1, groups);
    std::vector<std::jthread> pool;
    for (std::size_t i = 1; i < workers; ++i)
        pool.emplace_back(pack_groups, groups * i / workers, groups * (i + 1) / workers);
    pack_groups(0, groups / workers);
}

std::size_t tile_bytes(std::size_t length, ColumnBits bits) {
    const std::size_t planes = bits == ColumnBits::Eight ? 1 : 2;
    return length / kBlockLength * kTileColumns * 4 * (planes * kWords + 2);
}

}  // namespace urial::engine
