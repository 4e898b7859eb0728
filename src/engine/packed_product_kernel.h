#pragma once

// The loops of packed_product.cpp, around what each instruction set has of its own: a *kernel* class with a vector type
// (vector_avx512.h) and the sums of a block's products. Unnamed for the same reason as that.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include <immintrin.h>

#include "engine/packed_product.h"

namespace urial::engine {
namespace {

constexpr int kWords = static_cast<int>(kBlockLength) / 4;
constexpr int kTile = static_cast<int>(kTileColumns);
constexpr std::size_t kSuperBlocks = 8;

/// At the end of each block of a tile: two corrections and a scale for each column.
constexpr int kCorrections = 3;

// The weights of a group, block by block (layouts: packed_product.cpp): the largest byte that can stand for a weight,
// how many *parts* of a block have a scale of their own, the scales as f32, word `k` of the 16 rows as unsigned bytes.
// `words` is first where the group begins; next() goes to a block, from the first on.

/// Q8_0 and Q5_0.
template <class Vector, int kLargestByte>
struct OneScale {
    static constexpr int kLargest = kLargestByte;
    static constexpr int kParts = 1;
    static constexpr bool kHasMinimum = false;
    void next(std::size_t block) {
        if (block > 0) words += kStep;
    }
    typename Vector::Floats scale(int) const { return Vector::load(reinterpret_cast<const std::uint16_t*>(words)); }
    typename Vector::Integers word(int k) const { return Vector::load_integers(words + 2 * kGroupRows + k * 64); }

    static constexpr std::size_t kStep = kGroupRows * (2 + kBlockLength);
    const std::uint8_t* words = nullptr;
};

template <class Vector>
struct Q4K {
    static constexpr int kLargest = 15;
    static constexpr int kParts = 1;
    static constexpr bool kHasMinimum = true;
    void next(std::size_t block) {
        if (block > 0) words += kStep;
        if (block % kSuperBlocks != 0) return;
        scales = Vector::load(reinterpret_cast<const std::uint16_t*>(words));
        minima = Vector::load(reinterpret_cast<const std::uint16_t*>(words + 2 * kGroupRows));
        words += 4 * kGroupRows;
    }
    typename Vector::Floats scale(int) const { return Vector::multiply(scales, Vector::load(words)); }
    typename Vector::Floats minimum() const { return Vector::multiply(minima, Vector::load(words + kGroupRows)); }
    typename Vector::Integers word(int k) const {
        const auto pair = Vector::load_integers(words + 2 * kGroupRows + k % 4 * 64);
        return k < 4 ? Vector::low_nibbles(pair) : Vector::high_nibbles(pair);
    }

    static constexpr std::size_t kStep = kGroupRows * (2 + kBlockLength / 2);
    const std::uint8_t* words = nullptr;
    typename Vector::Floats scales, minima;
};

template <class Vector>
struct Q6K {
    static constexpr int kLargest = 63;
    static constexpr int kParts = 2;
    static constexpr bool kHasMinimum = false;
    void next(std::size_t block) {
        if (block > 0) words += kStep;
        if (block % kSuperBlocks != 0) return;
        scales = Vector::load(reinterpret_cast<const std::uint16_t*>(words));
        words += 2 * kGroupRows;
    }
    typename Vector::Floats scale(int part) const {
        const auto* numbers = reinterpret_cast<const std::int8_t*>(words) + part * static_cast<int>(kGroupRows);
        return Vector::multiply(scales, Vector::load(numbers));
    }
    typename Vector::Integers word(int k) const { return Vector::load_integers(words + 2 * kGroupRows + k * 64); }

    static constexpr std::size_t kStep = kGroupRows * (2 + kBlockLength);
    const std::uint8_t* words = nullptr;
    typename Vector::Floats scales;
};

/// Kernel::kGroups neighbouring groups, `group_bytes` long, and one tile of kColumns columns.
template <class Kernel, class Weights, ColumnBits kBits, int kColumns>
void multiply_groups(const std::uint8_t* groups, std::size_t group_bytes, const std::int32_t* tile, std::size_t blocks,
                     const std::uint8_t* ahead, float* const* outputs, std::size_t row) {
    using Vector = typename Kernel::Vector;
    constexpr int kGroups = Kernel::kGroups;
    Weights weights[kGroups];
    for (int g = 0; g < kGroups; ++g) weights[g].words = groups + static_cast<std::size_t>(g) * group_bytes;
    typename Vector::Floats sums[kGroups][kColumns];
    for (auto& of_group : sums) {
        for (auto& sum : of_group) sum = Vector::zero();
    }
    for (std::size_t b = 0; b < blocks; ++b) {
        for (Weights& of_group : weights) of_group.next(b);
        if (ahead != nullptr) {
            for (std::size_t i = 0; i < kGroups * Weights::kStep; i += 64)
                _mm_prefetch(reinterpret_cast<const char*>(ahead + i), _MM_HINT_T1);
            ahead += kGroups * Weights::kStep;
        }
        const std::int32_t* corrections = tile + Kernel::template block_words<Weights, kBits>() * kTile;
        const auto* column_scales = reinterpret_cast<const float*>(corrections + 2 * kTile);
        for (int part = 0; part < Weights::kParts; ++part) {
            typename Vector::Integers products[kGroups][kColumns];
            Kernel::template multiply_part<Weights, kBits, kColumns>(weights, part, tile, corrections + part * kTile,
                                                                     products);
            for (int g = 0; g < kGroups; ++g) {
                const auto scale = weights[g].scale(part);
                for (int c = 0; c < kColumns; ++c) {
                    sums[g][c] =
                        Vector::multiply_add(Vector::to_floats(products[g][c]),
                                             Vector::multiply(scale, Vector::all(column_scales[c])), sums[g][c]);
                }
            }
        }
        if constexpr (Weights::kHasMinimum) {
            const auto* column_sums = reinterpret_cast<const float*>(corrections + kTile);
            for (int g = 0; g < kGroups; ++g) {
                const auto minimum = weights[g].minimum();
                for (int c = 0; c < kColumns; ++c)
                    sums[g][c] = Vector::multiply_add(minimum, Vector::all(column_sums[c]), sums[g][c]);
            }
        }
        tile = corrections + kCorrections * kTile;
    }
    for (int g = 0; g < kGroups; ++g) {
        for (int c = 0; c < kColumns; ++c)
            Vector::store(outputs[c] + row + static_cast<std::size_t>(g) * kGroupRows, sums[g][c]);
    }
}

template <class Kernel, class Weights, ColumnBits kBits, int kColumns>
void multiply_pair(const std::uint8_t* pair, std::size_t group_bytes, const std::int32_t* tile, std::size_t blocks,
                   const std::uint8_t* ahead, float* const* outputs) {
    for (std::size_t g = 0; g < kPairRows / kGroupRows; g += Kernel::kGroups) {
        multiply_groups<Kernel, Weights, kBits, kColumns>(pair + g * group_bytes, group_bytes, tile, blocks,
                                                          ahead == nullptr ? nullptr : ahead + g * group_bytes, outputs,
                                                          g * kGroupRows);
    }
}

/// What was added to the weights to make them unsigned.
constexpr std::int32_t offset_of(PackedFormat format) {
    switch (format) {
        case PackedFormat::Q8: return 128;
        case PackedFormat::Q5: return 16;
        case PackedFormat::Q4K: return 0;
        case PackedFormat::Q6K: break;
    }
    return 32;
}

/// One block of one column into its tile, whose block begins at `words`.
template <class Kernel, class Weights, ColumnBits kBits>
void pack_block(PackedFormat format, const float* x, std::size_t column, std::int32_t* words) {
    using Vector = typename Kernel::Vector;
    constexpr float kMost = kBits == ColumnBits::Eight ? 127.0F : 127.0F * 256.0F;
    const typename Vector::Floats halves[2] = {Vector::load(x), Vector::load(x + 16)};
    const float largest = Vector::largest(Vector::larger(Vector::absolute(halves[0]), Vector::absolute(halves[1])));
    const auto inverse = Vector::all(largest > 0 ? kMost / largest : 0.0F);
    std::uint32_t sums[2];  // unsigned: numbers that are none round to anything
    for (int half = 0; half < 2; ++half) {
        const auto rounded = Vector::round(Vector::multiply(halves[half], inverse));
        sums[half] = static_cast<std::uint32_t>(Vector::sum(rounded));
        Kernel::template store_column<Weights, kBits>(rounded, half, words + column);
    }
    const bool has_nan = Vector::has_nan(halves[0]) || Vector::has_nan(halves[1]);
    const float scale = has_nan ? std::numeric_limits<float>::quiet_NaN() : largest / kMost;

    const std::uint32_t offset = 0U - static_cast<std::uint32_t>(offset_of(format));
    std::uint32_t corrections[2] = {offset * (sums[0] + sums[1]), 0};
    if constexpr (Weights::kParts == 2) {
        corrections[0] = offset * sums[0];
        corrections[1] = offset * sums[1];
    } else if constexpr (Weights::kHasMinimum) {
        const float sum = static_cast<float>(static_cast<std::int32_t>(sums[0] + sums[1])) * -scale;
        std::memcpy(&corrections[1], &sum, sizeof sum);
    }
    words += static_cast<std::size_t>(Kernel::template block_words<Weights, kBits>()) * kTileColumns + column;
    std::memcpy(words, &corrections[0], sizeof corrections[0]);
    std::memcpy(words + kTileColumns, &corrections[1], sizeof corrections[1]);
    std::memcpy(words + 2 * kTileColumns, &scale, sizeof scale);
}

/// The functions for one format and one rounding of the columns.
struct Functions {
    using PackBlock = void (*)(PackedFormat, const float*, std::size_t, std::int32_t*);
    using MultiplyPair = void (*)(const std::uint8_t*, std::size_t, const std::int32_t*, std::size_t,
                                  const std::uint8_t*, float* const*);
    std::size_t block_words;  // of a tile
    PackBlock pack_block;
    MultiplyPair multiply_pair[kTileColumns];  // by the number of columns
};

template <class Kernel, class Weights, ColumnBits kBits, int... kIndex>
constexpr Functions functions_of(std::integer_sequence<int, kIndex...>) {
    return {static_cast<std::size_t>(kTile * (Kernel::template block_words<Weights, kBits>() + kCorrections)),
            pack_block<Kernel, Weights, kBits>,
            {multiply_pair<Kernel, Weights, kBits, kIndex + 1>...}};
}

template <class Kernel, class Weights>
const Functions& functions_of(ColumnBits bits) {
    constexpr auto kSequence = std::make_integer_sequence<int, kTile>();
    static constexpr Functions kEight = functions_of<Kernel, Weights, ColumnBits::Eight>(kSequence);
    static constexpr Functions kSixteen = functions_of<Kernel, Weights, ColumnBits::Sixteen>(kSequence);
    return bits == ColumnBits::Eight ? kEight : kSixteen;
}

template <class Kernel>
const Functions& functions_of(PackedFormat format, ColumnBits bits) {
    using Vector = typename Kernel::Vector;
    switch (format) {
        case PackedFormat::Q8: return functions_of<Kernel, OneScale<Vector, 255>>(bits);
        case PackedFormat::Q5: return functions_of<Kernel, OneScale<Vector, 31>>(bits);
        case PackedFormat::Q4K: return functions_of<Kernel, Q4K<Vector>>(bits);
        case PackedFormat::Q6K: break;
    }
    return functions_of<Kernel, Q6K<Vector>>(bits);
}

template <class Kernel>
constexpr PackedProduct product_of() {
    return {
        [](PackedFormat format, ColumnBits bits, std::size_t length) {
            return length / kBlockLength * functions_of<Kernel>(format, bits).block_words * sizeof(std::int32_t);
        },
        [](PackedFormat format, ColumnBits bits, const float* const* columns, std::size_t count, std::size_t length,
           void* tile) {
            const Functions& functions = functions_of<Kernel>(format, bits);
            for (std::size_t b = 0; b < length / kBlockLength; ++b) {
                auto* words = static_cast<std::int32_t*>(tile) + b * functions.block_words;
                for (std::size_t c = 0; c < count; ++c)
                    functions.pack_block(format, columns[c] + b * kBlockLength, c, words);
            }
        },
        [](PackedFormat format, ColumnBits bits, const void* pair, const void* tile, std::size_t count,
           std::size_t length, const void* ahead, float* const* outputs) {
            functions_of<Kernel>(format, bits)
                .multiply_pair[count - 1](static_cast<const std::uint8_t*>(pair),
                                          packed_bytes(format, kGroupRows, length),
                                          static_cast<const std::int32_t*>(tile), length / kBlockLength,
                                          static_cast<const std::uint8_t*>(ahead), outputs);
        },
    };
}

}  // namespace
}  // namespace urial::engine
