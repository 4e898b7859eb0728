// Why own products: with 48 answers under way a step multiplies every weight with 48 columns. ggml's routines for Q8_0
// and Q5_0 works on one row and a few columns with 256-bit vectors and applies the scales of a block to every 32
// products. Half of a step's time was spent there (Gemma 3 270M, whose head is Q8_0 and whose other matrices are mostly
// Q5_0).
//
// Layout. Sixteen rows make a *group*, one row per 32-bit lane of a vector of 16 lanes. For each block of 32 weights a
// group holds 16 scales (f16) and eight vectors: vector k has weights 4k .. 4k+3 of every row, as unsigned bytes (value
// + offset, because the CPU multiplies unsigned by signed bytes). That is 34 bytes per row and block, as Q8_0 has.
//
//     group, block b:  [16 x f16 scale] [k = 0: 16 rows x 4 bytes] ... [k = 7: 16 rows x 4 bytes]
//
// The K formats have scales of scales: every 256 weights share f16 numbers that the whole numbers of their smaller
// blocks multiply. Q4_K, weight = d s q - m n:
//
//     group, 256 weights:  [16 x f16 d] [16 x f16 m], then for each 32:
//                          [16 x u8 s] [16 x u8 n] [j = 0: 16 rows x 4 bytes] ... [j = 3]
//
// where byte i of vector j has weight 4j + i in its low four bits and weight 16 + 4j + i in its high ones. Q6_K, weight
// = d s (q - 32) with a scale for each 16:
//
//     group, 256 weights:  [16 x f16 d], then for each 32:
//                          [16 x i8 s of the first half] [16 x i8 s of the second] [k = 0] ... [k = 7] as above
//
// Columns are rounded per block of 32 as ggml rounds them (8 bits), or to 16, and stored in *tiles* of six, in the
// order in which the kernel reads them; each block of a tile ends with
//
//     [6 x correction] [6 x second correction] [6 x f32 scale]
//
// What stands before that depends on the instruction set: packed_product_avx512.cpp and packed_product_avx2.cpp say it,
// and why they take so many groups at a time. Either takes one word of a column to all 16 rows at once, so that scaling
// costs one conversion, one product and one addition per 512 products instead of per 32. While the first tile is
// multiplied the next pair of groups is fetched, for narrow batches wait for the memory.
//
// The correction, -offset x the sum of the column's rounded numbers, undoes the weights' offset; Q6_K has one for each
// half of a block. For Q4_K the second one is instead the f32 number that m n multiplies, the column's sum with the
// sign changed.
//
// Within a block sums are exact integers, so a product differs from ggml's only in the order of the float additions
// over blocks, and in that ggml rounds a column's scale to f16; and the kernels differ in nothing. With 16 bits the
// rounding of the columns, which is what otherwise limits the precision of quantised models, falls by a factor of 256.

#include "engine/packed_product.h"

#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

namespace urial::engine {
namespace {

constexpr std::size_t kScaleBytes = 2;
constexpr std::size_t kSuperLength = 256;
constexpr std::size_t kSuperBlocks = kSuperLength / kBlockLength;
constexpr std::size_t kQ4KBytes = 2 * kScaleBytes + 12 + kSuperLength / 2;
constexpr std::size_t kQ6KBytes = kSuperLength / 2 + kSuperLength / 4 + kSuperLength / 16 + kScaleBytes;
constexpr std::size_t kGroupBlockBytes = kGroupRows * (kScaleBytes + kBlockLength);
constexpr std::size_t kWords = kBlockLength / 4;
constexpr std::size_t kQ8Bytes = kScaleBytes + kBlockLength;
constexpr std::size_t kQ5Bytes = kScaleBytes + 4 + kBlockLength / 2;
constexpr std::size_t kQ4KGroupBlockBytes = kGroupRows * (2 + kBlockLength / 2);
constexpr std::size_t kQ6KGroupBlockBytes = kGroupRows * (2 + kBlockLength);

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

/// Q4_K: d, m, the 6-bit s and n of eight blocks in 12 bytes, then 4 bits a weight: of each 64 weights the first 32 in
/// the low halves of 32 bytes, the others in the high ones.
void pack_super_q4(const std::uint8_t* block, std::size_t row, std::uint8_t* target) {
    std::memcpy(target + row * kScaleBytes, block, kScaleBytes);
    std::memcpy(target + (kGroupRows + row) * kScaleBytes, block + kScaleBytes, kScaleBytes);
    const std::uint8_t* small = block + 2 * kScaleBytes;
    const std::uint8_t* weights = small + 12;
    target += 2 * kGroupRows * kScaleBytes;
    for (std::size_t b = 0; b < kSuperBlocks; ++b, target += kQ4KGroupBlockBytes) {
        if (b < 4) {
            target[row] = small[b] & 63U;
            target[kGroupRows + row] = small[b + 4] & 63U;
        } else {
            target[row] = static_cast<std::uint8_t>((small[b + 4] & 15U) | (small[b - 4] >> 6U << 4U));
            target[kGroupRows + row] = static_cast<std::uint8_t>((small[b + 4] >> 4U) | (small[b] >> 6U << 4U));
        }
        const auto nibble = [&](std::size_t i) {
            return static_cast<std::uint8_t>(weights[b / 2 * kBlockLength + i] >> (b % 2 * 4) & 15U);
        };
        for (std::size_t i = 0; i < kBlockLength / 2; ++i) {
            target[2 * kGroupRows + (i / 4 * kGroupRows + row) * 4 + i % 4] =
                static_cast<std::uint8_t>(nibble(i) | (nibble(i + 16) << 4U));
        }
    }
}

/// Q6_K: the low four bits of 256 weights, the two high ones, 16 signed scales, d. Of each 128 weights, weight 32 r + i
/// has its low bits in byte 32 (r % 2) + i, at 4 (r / 2), and its high ones in byte i, at 2 r.
void pack_super_q6(const std::uint8_t* block, std::size_t row, std::uint8_t* target) {
    const std::uint8_t* low = block;
    const std::uint8_t* high = low + kSuperLength / 2;
    const std::uint8_t* scales = high + kSuperLength / 4;
    std::memcpy(target + row * kScaleBytes, scales + kSuperLength / 16, kScaleBytes);
    target += kGroupRows * kScaleBytes;
    for (std::size_t b = 0; b < kSuperBlocks; ++b, target += kQ6KGroupBlockBytes) {
        target[row] = scales[2 * b];
        target[kGroupRows + row] = scales[2 * b + 1];
        const std::size_t half = b / 4;
        const std::size_t quarter = b % 4;
        for (std::size_t i = 0; i < kBlockLength; ++i) {
            const unsigned four = low[half * 64 + quarter % 2 * 32 + i] >> (quarter / 2 * 4) & 15U;
            const unsigned two = high[half * 32 + i] >> (quarter * 2) & 3U;
            target[2 * kGroupRows + (i / 4 * kGroupRows + row) * 4 + i % 4] =
                static_cast<std::uint8_t>(four | two << 4U);
        }
    }
}

template <std::size_t kBytes, std::size_t kTargetBytes, void (*kPack)(const std::uint8_t*, std::size_t, std::uint8_t*)>
void pack_super_group(const std::uint8_t* rows, std::size_t blocks, std::uint8_t* target) {
    for (std::size_t b = 0; b < blocks; ++b) {
        for (std::size_t row = 0; row < kGroupRows; ++row)
            kPack(rows + (row * blocks + b) * kBytes, row, target + b * kTargetBytes);
    }
}

/// How a format is stored, and how a group of it is packed.
struct Layout {
    std::size_t length;             // weights of a block
    std::size_t bytes;              // of a block of one row, as GGUF has it
    std::size_t group_block_bytes;  // of a block of a group, packed
    void (*pack_group)(const std::uint8_t* rows, std::size_t blocks, std::uint8_t* target);
};

constexpr std::size_t kQ4KGroupBytes = kGroupRows * 2 * kScaleBytes + kSuperBlocks * kQ4KGroupBlockBytes;
constexpr std::size_t kQ6KGroupBytes = kGroupRows * kScaleBytes + kSuperBlocks * kQ6KGroupBlockBytes;

const Layout& layout(PackedFormat format) {
    static constexpr Layout kQ8{kBlockLength, kQ8Bytes, kGroupBlockBytes, pack_group<kQ8Bytes, unpack_q8>};
    static constexpr Layout kQ5{kBlockLength, kQ5Bytes, kGroupBlockBytes, pack_group<kQ5Bytes, unpack_q5>};
    static constexpr Layout kQ4K{kSuperLength, kQ4KBytes, kQ4KGroupBytes,
                                 pack_super_group<kQ4KBytes, kQ4KGroupBytes, pack_super_q4>};
    static constexpr Layout kQ6K{kSuperLength, kQ6KBytes, kQ6KGroupBytes,
                                 pack_super_group<kQ6KBytes, kQ6KGroupBytes, pack_super_q6>};
    switch (format) {
        case PackedFormat::Q8: return kQ8;
        case PackedFormat::Q5: return kQ5;
        case PackedFormat::Q4K: return kQ4K;
        case PackedFormat::Q6K: break;
    }
    return kQ6K;
}

}  // namespace

std::size_t block_length(PackedFormat format) { return layout(format).length; }

std::size_t packed_bytes(PackedFormat format, std::size_t rows, std::size_t length) {
    return rows / kGroupRows * (length / layout(format).length) * layout(format).group_block_bytes;
}

void pack(PackedFormat format, const void* source, std::size_t rows, std::size_t length, void* target, int threads) {
    const Layout& layout = engine::layout(format);
    const std::size_t blocks = length / layout.length;
    const auto pack_groups = [&](std::size_t first, std::size_t last) {
        for (std::size_t group = first; group < last; ++group) {
            layout.pack_group(static_cast<const std::uint8_t*>(source) + group * kGroupRows * blocks * layout.bytes,
                              blocks, static_cast<std::uint8_t*>(target) + group * blocks * layout.group_block_bytes);
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

const PackedProduct* packed_product(CpuLevel level) {
    if (level >= CpuLevel::Avx512Vnni && avx512_vnni_product != nullptr) return avx512_vnni_product;
    return level >= CpuLevel::Avx2 ? avx2_product : nullptr;
}

}  // namespace urial::engine
