// The inner loop of packed_product.cpp, compiled for AVX-512 with VNNI. Elsewhere packed_product_runs_here() is false.

#include "engine/packed_product.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VNNI__)

#include <immintrin.h>

#include <array>
#include <cstring>
#include <limits>
#include <utility>

namespace urial::engine {
namespace {

constexpr int kWords = static_cast<int>(kBlockLength) / 4;
constexpr int kTile = static_cast<int>(kTileColumns);

/// One tile of kColumns columns, kPlanes 8-bit planes each (16-bit columns have two).
template <int kColumns, int kPlanes>
void multiply_tile(const std::uint8_t* weights, const std::int32_t* tile, std::size_t blocks, float* const* outputs) {
    __m512 sums[kColumns];
    for (int c = 0; c < kColumns; ++c) sums[c] = _mm512_setzero_ps();
    for (std::size_t b = 0; b < blocks; ++b) {
        const __m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights)));
        weights += 2 * kGroupRows;
        const std::int32_t* corrections = tile + kPlanes * kWords * kTile;
        const auto* column_scales = reinterpret_cast<const float*>(corrections + kTile);
        __m512i products[kColumns];
        for (int c = 0; c < kColumns; ++c) {
            products[c] = kPlanes == 1 ? _mm512_set1_epi32(corrections[c]) : _mm512_setzero_si512();
        }
        for (int plane = 0; plane < kPlanes; ++plane) {
            if (plane == 1) {
                for (int c = 0; c < kColumns; ++c) {
                    products[c] =
                        _mm512_add_epi32(_mm512_slli_epi32(products[c], 8), _mm512_set1_epi32(corrections[c]));
                }
            }
            for (int k = 0; k < kWords; ++k) {
                const __m512i weight = _mm512_loadu_si512(weights + k * 64);
                for (int c = 0; c < kColumns; ++c) {
                    products[c] = _mm512_dpbusd_epi32(products[c], weight, _mm512_set1_epi32(tile[k * kTile + c]));
                }
            }
            tile += kWords * kTile;
        }
        for (int c = 0; c < kColumns; ++c) {
            sums[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products[c]),
                                      _mm512_mul_ps(scale, _mm512_set1_ps(column_scales[c])), sums[c]);
        }
        weights += static_cast<std::size_t>(kWords) * 64;
        tile += 2 * kTile;
    }
    for (int c = 0; c < kColumns; ++c) _mm512_storeu_ps(outputs[c], sums[c]);
}

constexpr std::int32_t offset_of(PackedFormat format) { return format == PackedFormat::Q8 ? 128 : 16; }

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
void pack_block(const float* x, std::int32_t offset, std::size_t column, std::int32_t* words) {
    constexpr float kMost = kPlanes == 1 ? 127.0F : 127.0F * 256.0F;
    constexpr std::size_t kPlane = kWords * kTileColumns;
    const __m512 halves[2] = {_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16)};
    const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(halves[0]), _mm512_abs_ps(halves[1])));
    const __m512 inverse = _mm512_set1_ps(largest > 0 ? kMost / largest : 0.0F);
    __m512i sum = _mm512_setzero_si512();
    for (std::size_t half = 0; half < 2; ++half) {
        const __m512i rounded = _mm512_cvtps_epi32(_mm512_mul_ps(halves[half], inverse));
        sum = _mm512_add_epi32(sum, rounded);
        std::int32_t* target = words + half * kPlane / 2;
        if constexpr (kPlanes == 1) {
            store_bytes(rounded, target, column);
        } else {  // rounded = 256 x high + low, low from -128 to 127; its low byte is that of rounded
            store_bytes(_mm512_srai_epi32(_mm512_add_epi32(rounded, _mm512_set1_epi32(128)), 8), target, column);
            store_bytes(rounded, target + kPlane, column);
        }
    }
    // Unsigned: numbers that are none round to anything.
    words[kPlanes * kPlane + column] = static_cast<std::int32_t>(
        -static_cast<std::uint32_t>(offset) * static_cast<std::uint32_t>(_mm512_reduce_add_epi32(sum)));
    const bool has_nan = (_mm512_cmp_ps_mask(halves[0], halves[0], _CMP_UNORD_Q) |
                          _mm512_cmp_ps_mask(halves[1], halves[1], _CMP_UNORD_Q)) != 0;
    const float scale = has_nan ? std::numeric_limits<float>::quiet_NaN() : largest / kMost;
    std::memcpy(words + kPlanes * kPlane + kTileColumns + column, &scale, sizeof scale);
}

using MultiplyTile = void (*)(const std::uint8_t*, const std::int32_t*, std::size_t, float* const*);

template <int kPlanes, std::size_t... kIndex>
constexpr std::array<MultiplyTile, kTileColumns> multiply_tiles(std::index_sequence<kIndex...>) {
    return {multiply_tile<static_cast<int>(kIndex) + 1, kPlanes>...};
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
            pack_one(columns[c] + b * kBlockLength, offset_of(format), c,
                     static_cast<std::int32_t*>(tile) + b * block_words);
        }
    }
}

void multiply(ColumnBits bits, const void* group, const void* tile, std::size_t count, std::size_t length,
              float* const* outputs) {
    static constexpr auto kSequence = std::make_index_sequence<kTileColumns>();
    static constexpr auto kEight = multiply_tiles<1>(kSequence);
    static constexpr auto kSixteen = multiply_tiles<2>(kSequence);
    (bits == ColumnBits::Eight ? kEight : kSixteen)[count - 1](static_cast<const std::uint8_t*>(group),
                                                               static_cast<const std::int32_t*>(tile),
                                                               length / kBlockLength, outputs);
}

}  // namespace urial::engine

#else

namespace urial::engine {

bool packed_product_runs_here() { return false; }
void pack_tile(PackedFormat, ColumnBits, const float* const*, std::size_t, std::size_t, void*) {}
void multiply(ColumnBits, const void*, const void*, std::size_t, std::size_t, float* const*) {}

}  // namespace urial::engine

#endif
