// The inner loop of packed_product.cpp, compiled for AVX-512 with VNNI. Elsewhere packed_product_runs_here() is false.

#include "engine/packed_product.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VNNI__)

#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/avx512_math.h"

namespace urial::engine {
namespace {

constexpr int kWords = static_cast<int>(kBlockLength) / 4;
constexpr int kTile = static_cast<int>(kTileColumns);

__m512 load_halves(const std::uint8_t* bytes) { return load_numbers(reinterpret_cast<const std::uint16_t*>(bytes)); }

// The weights of a group, block by block (layouts: packed_product.cpp): how many *parts* of a block have a scale of
// their own, the scales as f32, word `k` of the 16 rows as unsigned bytes. next() goes to a block, from the first on.

/// Q8_0 and Q5_0.
struct OneScale {
    static constexpr int kParts = 1;
    static constexpr bool kHasMinimum = false;
    explicit OneScale(const std::uint8_t* group) : words(group) {}
    void next(std::size_t block) {
        if (block > 0) words += kStep;
    }
    __m512 scale(int) const { return load_halves(words); }
    __m512i word(int k) const { return _mm512_loadu_si512(words + 2 * kGroupRows + k * 64); }

    static constexpr std::size_t kStep = kGroupRows * (2 + kBlockLength);
    const std::uint8_t* words;
};

constexpr std::size_t kSuperBlocks = 8;

__m512 whole_numbers(const std::uint8_t* bytes) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes))));
}

struct Q4K {
    static constexpr int kParts = 1;
    static constexpr bool kHasMinimum = true;
    explicit Q4K(const std::uint8_t* group) : words(group) {}
    void next(std::size_t block) {
        if (block > 0) words += kStep;
        if (block % kSuperBlocks != 0) return;
        scales = load_halves(words);
        minima = load_halves(words + 2 * kGroupRows);
        words += 4 * kGroupRows;
    }
    __m512 scale(int) const { return _mm512_mul_ps(scales, whole_numbers(words)); }
    __m512 minimum() const { return _mm512_mul_ps(minima, whole_numbers(words + kGroupRows)); }
    __m512i word(int k) const {
        const __m512i pair = _mm512_loadu_si512(words + 2 * kGroupRows + k % 4 * 64);
        return _mm512_and_si512(k < 4 ? pair : _mm512_srli_epi16(pair, 4), _mm512_set1_epi8(15));
    }

    static constexpr std::size_t kStep = kGroupRows * (2 + kBlockLength / 2);
    const std::uint8_t* words;
    __m512 scales, minima;
};

struct Q6K {
    static constexpr int kParts = 2;
    static constexpr bool kHasMinimum = false;
    explicit Q6K(const std::uint8_t* group) : words(group) {}
    void next(std::size_t block) {
        if (block > 0) words += kStep;
        if (block % kSuperBlocks != 0) return;
        scales = load_halves(words);
        words += 2 * kGroupRows;
    }
    __m512 scale(int part) const {
        const auto* numbers = reinterpret_cast<const __m128i*>(words + static_cast<std::size_t>(part) * kGroupRows);
        return _mm512_mul_ps(scales, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(numbers))));
    }
    __m512i word(int k) const { return _mm512_loadu_si512(words + 2 * kGroupRows + k * 64); }

    static constexpr std::size_t kStep = kGroupRows * (2 + kBlockLength);
    const std::uint8_t* words;
    __m512 scales;
};

constexpr int kGroups = kPairRows / kGroupRows;

/// A pair of groups and one tile of kColumns columns, kPlanes 8-bit planes each (16-bit columns have two).
template <class Weights, int kColumns, int kPlanes>
void multiply_tile(const std::uint8_t* first, const std::uint8_t* second, const std::int32_t* tile, std::size_t blocks,
                   const std::uint8_t* ahead, float* const* outputs) {
    constexpr int kPlane = kWords * kTile;
    constexpr int kPartWords = kWords / Weights::kParts;
    Weights weights[kGroups] = {Weights(first), Weights(second)};
    __m512 sums[kGroups][kColumns];
    for (auto& of_group : sums) {
        for (__m512& sum : of_group) sum = _mm512_setzero_ps();
    }
    for (std::size_t b = 0; b < blocks; ++b) {
        for (Weights& of_group : weights) of_group.next(b);
        if (ahead != nullptr) {
            for (std::size_t i = 0; i < kGroups * Weights::kStep; i += 64)
                _mm_prefetch(reinterpret_cast<const char*>(ahead + i), _MM_HINT_T1);
            ahead += kGroups * Weights::kStep;
        }
        const std::int32_t* corrections = tile + kPlanes * kPlane;
        const auto* column_scales = reinterpret_cast<const float*>(corrections + 2 * kTile);
        for (int part = 0; part < Weights::kParts; ++part) {
            __m512i products[kGroups][kColumns];
            for (auto& of_group : products) {
                for (int c = 0; c < kColumns; ++c)
                    of_group[c] = kPlanes == 1 ? _mm512_set1_epi32(corrections[c]) : _mm512_setzero_si512();
            }
            for (int plane = 0; plane < kPlanes; ++plane) {
                if (plane == 1) {
                    for (auto& of_group : products) {
                        for (int c = 0; c < kColumns; ++c) {
                            of_group[c] =
                                _mm512_add_epi32(_mm512_slli_epi32(of_group[c], 8), _mm512_set1_epi32(corrections[c]));
                        }
                    }
                }
                for (int k = part * kPartWords; k < (part + 1) * kPartWords; ++k) {
                    const __m512i word[kGroups] = {weights[0].word(k), weights[1].word(k)};
                    const std::int32_t* words = tile + plane * kPlane + k * kTile;
                    for (int c = 0; c < kColumns; ++c) {
                        const __m512i column = _mm512_set1_epi32(words[c]);
                        for (int g = 0; g < kGroups; ++g)
                            products[g][c] = _mm512_dpbusd_epi32(products[g][c], word[g], column);
                    }
                }
            }
            for (int g = 0; g < kGroups; ++g) {
                const __m512 scale = weights[g].scale(part);
                for (int c = 0; c < kColumns; ++c) {
                    sums[g][c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products[g][c]),
                                                 _mm512_mul_ps(scale, _mm512_set1_ps(column_scales[c])), sums[g][c]);
                }
            }
            corrections += kTile;
        }
        if constexpr (Weights::kHasMinimum) {
            const auto* column_sums = reinterpret_cast<const float*>(column_scales - kTile);
            for (int g = 0; g < kGroups; ++g) {
                const __m512 minimum = weights[g].minimum();
                for (int c = 0; c < kColumns; ++c)
                    sums[g][c] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(column_sums[c]), sums[g][c]);
            }
        }
        tile += kPlanes * kPlane + 3 * kTile;
    }
    for (int g = 0; g < kGroups; ++g) {
        for (int c = 0; c < kColumns; ++c) _mm512_storeu_ps(outputs[c] + g * static_cast<int>(kGroupRows), sums[g][c]);
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

/// The low bytes of 16 numbers, four to a word, as column `column` of four rows of words.
void store_bytes(__m512i numbers, std::int32_t* words, std::size_t column) {
    const __m128i bytes = _mm512_cvtepi32_epi8(numbers);
    words[column] = _mm_extract_epi32(bytes, 0);
    words[kTileColumns + column] = _mm_extract_epi32(bytes, 1);
    words[2 * kTileColumns + column] = _mm_extract_epi32(bytes, 2);
    words[3 * kTileColumns + column] = _mm_extract_epi32(bytes, 3);
}

/// One block of one column into its tile, whose block begins at `words`.
template <int kPlanes>
void pack_block(PackedFormat format, const float* x, std::size_t column, std::int32_t* words) {
    constexpr float kMost = kPlanes == 1 ? 127.0F : 127.0F * 256.0F;
    constexpr std::size_t kPlane = kWords * kTileColumns;
    const __m512 halves[2] = {_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16)};
    const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(halves[0]), _mm512_abs_ps(halves[1])));
    const __m512 inverse = _mm512_set1_ps(largest > 0 ? kMost / largest : 0.0F);
    std::uint32_t sums[2];  // unsigned: numbers that are none round to anything
    for (std::size_t half = 0; half < 2; ++half) {
        const __m512i rounded = _mm512_cvtps_epi32(_mm512_mul_ps(halves[half], inverse));
        sums[half] = static_cast<std::uint32_t>(_mm512_reduce_add_epi32(rounded));
        std::int32_t* target = words + half * kPlane / 2;
        if constexpr (kPlanes == 1) {
            store_bytes(rounded, target, column);
        } else {  // rounded = 256 x high + low, low from -128 to 127; its low byte is that of rounded
            store_bytes(_mm512_srai_epi32(_mm512_add_epi32(rounded, _mm512_set1_epi32(128)), 8), target, column);
            store_bytes(rounded, target + kPlane, column);
        }
    }
    const bool has_nan = (_mm512_cmp_ps_mask(halves[0], halves[0], _CMP_UNORD_Q) |
                          _mm512_cmp_ps_mask(halves[1], halves[1], _CMP_UNORD_Q)) != 0;
    const float scale = has_nan ? std::numeric_limits<float>::quiet_NaN() : largest / kMost;

    const std::uint32_t offset = 0U - static_cast<std::uint32_t>(offset_of(format));
    std::uint32_t corrections[2] = {offset * (sums[0] + sums[1]), 0};
    if (format == PackedFormat::Q6K) {
        corrections[0] = offset * sums[0];
        corrections[1] = offset * sums[1];
    } else if (format == PackedFormat::Q4K) {
        const float sum = static_cast<float>(static_cast<std::int32_t>(sums[0] + sums[1])) * -scale;
        std::memcpy(&corrections[1], &sum, sizeof sum);
    }
    words += kPlanes * kPlane + column;
    std::memcpy(words, &corrections[0], sizeof corrections[0]);
    std::memcpy(words + kTileColumns, &corrections[1], sizeof corrections[1]);
    std::memcpy(words + 2 * kTileColumns, &scale, sizeof scale);
}

using MultiplyTile = void (*)(const std::uint8_t*, const std::uint8_t*, const std::int32_t*, std::size_t,
                              const std::uint8_t*, float* const*);
using MultiplyTiles = std::array<MultiplyTile, kTileColumns>;

template <class Weights, int kPlanes, std::size_t... kIndex>
constexpr MultiplyTiles tiles_of(std::index_sequence<kIndex...>) {
    return {multiply_tile<Weights, static_cast<int>(kIndex) + 1, kPlanes>...};
}

/// By rounding of the columns and by their number.
template <class Weights>
MultiplyTile multiply_tile_of(ColumnBits bits, std::size_t count) {
    static constexpr auto kSequence = std::make_index_sequence<kTileColumns>();
    static constexpr MultiplyTiles kEight = tiles_of<Weights, 1>(kSequence);
    static constexpr MultiplyTiles kSixteen = tiles_of<Weights, 2>(kSequence);
    return (bits == ColumnBits::Eight ? kEight : kSixteen)[count - 1];
}

MultiplyTile multiply_tile_of(PackedFormat format, ColumnBits bits, std::size_t count) {
    switch (format) {
        case PackedFormat::Q8:
        case PackedFormat::Q5: return multiply_tile_of<OneScale>(bits, count);
        case PackedFormat::Q4K: return multiply_tile_of<Q4K>(bits, count);
        case PackedFormat::Q6K: break;
    }
    return multiply_tile_of<Q6K>(bits, count);
}

}  // namespace

bool packed_product_runs_here() {
    return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
           __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
           __builtin_cpu_supports("avx512vnni") != 0;
}

void pack_tile(PackedFormat format, ColumnBits bits, const float* const* columns, std::size_t count, std::size_t length,
               void* tile) {
    const std::size_t block_words = tile_bytes(kBlockLength, bits) / 4;
    const auto pack_one = bits == ColumnBits::Eight ? pack_block<1> : pack_block<2>;
    for (std::size_t b = 0; b < length / kBlockLength; ++b) {
        for (std::size_t c = 0; c < count; ++c) {
            pack_one(format, columns[c] + b * kBlockLength, c, static_cast<std::int32_t*>(tile) + b * block_words);
        }
    }
}

void multiply(PackedFormat format, ColumnBits bits, const void* pair, const void* tile, std::size_t count,
              std::size_t length, const void* ahead, float* const* outputs) {
    const auto* first = static_cast<const std::uint8_t*>(pair);
    multiply_tile_of(format, bits, count)(first, first + packed_bytes(format, kGroupRows, length),
                                          static_cast<const std::int32_t*>(tile), length / kBlockLength,
                                          static_cast<const std::uint8_t*>(ahead), outputs);
}

}  // namespace urial::engine

#else

namespace urial::engine {

bool packed_product_runs_here() { return false; }
void pack_tile(PackedFormat, ColumnBits, const float* const*, std::size_t, std::size_t, void*) {}
void multiply(PackedFormat, ColumnBits, const void*, const void*, std::size_t, std::size_t, const void*,
              float* const*) {}

}  // namespace urial::engine

#endif
