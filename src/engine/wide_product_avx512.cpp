// The inner loop of wide_product.cpp, compiled for AVX-512 with VNNI. Elsewhere has_wide_product() is false.

#include "engine/wide_product.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VNNI__)

#include <immintrin.h>

#include <cstring>

#define URIAL_INLINE inline __attribute__((always_inline))

namespace urial::engine {
namespace {

constexpr std::size_t kLanes = 16;
constexpr std::size_t kPairs = kWideBlock / 2;

/// Sums of kCount columns. Members instead of an array, which the compiler would keep in memory.
template <std::size_t kCount>
struct Sums {
    __m512i low = _mm512_setzero_si512(), high = _mm512_setzero_si512();
    Sums<kCount - 1> others;

    URIAL_INLINE void add(__m512i first, __m512i second, const char* words) {
        std::int32_t word;
        std::memcpy(&word, words, sizeof word);
        const __m512i numbers = _mm512_set1_epi32(word);
        // Not by the intrinsic: GCC 12 then copies each sum to memory in each round.
        asm("vpdpwssd %2, %1, %0" : "+v"(low) : "v"(first), "v"(numbers));
        asm("vpdpwssd %2, %1, %0" : "+v"(high) : "v"(second), "v"(numbers));
        others.add(first, second, words + sizeof word);
    }
    /// to[c] += the sums of column c, scaled.
    URIAL_INLINE void add_to(float* to, __m512 low_scale, __m512 high_scale, const float* column_scales) const {
        const __m512 scale = _mm512_set1_ps(*column_scales);
        const __m512 one = _mm512_mul_ps(low_scale, scale), two = _mm512_mul_ps(high_scale, scale);
        _mm512_store_ps(to, _mm512_fmadd_ps(_mm512_cvtepi32_ps(low), one, _mm512_load_ps(to)));
        _mm512_store_ps(to + kLanes, _mm512_fmadd_ps(_mm512_cvtepi32_ps(high), two, _mm512_load_ps(to + kLanes)));
        others.add_to(to + kWideRows, low_scale, high_scale, column_scales + 1);
    }
};
template <>
struct Sums<0> {
    URIAL_INLINE void add(__m512i, __m512i, const char*) {}
    URIAL_INLINE void add_to(float*, __m512, __m512, const float*) const {}
};

}  // namespace

bool has_wide_product() { return true; }

void pack_wide_columns(const float* columns, std::size_t count, std::size_t length, void* target) {
    const __m512i apart = _mm512_mullo_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                                             _mm512_set1_epi32(kWideColumns));
    const std::size_t block_bytes = wide_columns_bytes(kWideBlock);
    auto* bytes = static_cast<char*>(target);
    for (std::size_t block = 0; block < length / kWideBlock; ++block, bytes += block_bytes) {
        if (count < kWideColumns) std::memset(bytes, 0, block_bytes);
        for (std::size_t column = 0; column < count; ++column) {
            const float* numbers = columns + column * length + block * kWideBlock;
            __m512 parts[kWideBlock / kLanes];
            __m512 most = _mm512_setzero_ps();
            for (std::size_t i = 0; i < kWideBlock / kLanes; ++i) {
                parts[i] = _mm512_loadu_ps(numbers + i * kLanes);
                most = _mm512_max_ps(most, _mm512_abs_ps(parts[i]));
            }
            const float largest = _mm512_reduce_max_ps(most);
            reinterpret_cast<float*>(bytes)[column] = largest / kWideMost;
            const __m512 factor = _mm512_set1_ps(largest > 0 ? kWideMost / largest : 0);
            char* words = bytes + 64 + 4 * column;
            for (std::size_t i = 0; i < kWideBlock / kLanes; i += 2) {
                const __m512i low = _mm512_cvtps_epi32(_mm512_mul_ps(parts[i], factor));
                const __m512i high = _mm512_cvtps_epi32(_mm512_mul_ps(parts[i + 1], factor));
                const __m512i halves = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi32_epi16(low)),
                                                          _mm512_cvtepi32_epi16(high), 1);
                _mm512_i32scatter_epi32(words + i / 2 * kLanes * kWideColumns * 4, apart, halves, 4);
            }
        }
    }
}

void multiply_wide(const void* rows, const void* columns, std::size_t count, std::size_t length, float* outputs,
                   std::size_t stride) {
    const auto* row_bytes = static_cast<const char*>(rows);
    const auto* column_bytes = static_cast<const char*>(columns);
    // In memory: while a block is summed its registers are all in use.
    alignas(64) float sums[kWideColumns * kWideRows] = {};
    for (std::size_t block = 0; block < length / kWideBlock; ++block) {
        const auto* row_scales = reinterpret_cast<const float*>(row_bytes);
        const auto* column_scales = reinterpret_cast<const float*>(column_bytes);
        row_bytes += kWideRows * sizeof(float);
        column_bytes += 64;
        Sums<kWideColumns> block_sums;
        for (std::size_t pair = 0; pair < kPairs; ++pair) {
            block_sums.add(_mm512_load_si512(row_bytes), _mm512_load_si512(row_bytes + 64), column_bytes);
            row_bytes += 128;
            column_bytes += 4 * kWideColumns;
        }
        block_sums.add_to(sums, _mm512_load_ps(row_scales), _mm512_load_ps(row_scales + kLanes), column_scales);
    }
    for (std::size_t c = 0; c < count; ++c)
        std::memcpy(outputs + c * stride, sums + c * kWideRows, kWideRows * sizeof(float));
}

}  // namespace urial::engine

#undef URIAL_INLINE

#else

namespace urial::engine {

bool has_wide_product() { return false; }
void pack_wide_columns(const float*, std::size_t, std::size_t, void*) {}
void multiply_wide(const void*, const void*, std::size_t, std::size_t, float*, std::size_t) {}

}  // namespace urial::engine

#endif
