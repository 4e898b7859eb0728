#pragma once

// vector_avx512.h in two AVX2 registers. Every function gives the same bits as there, sums of lanes included.

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace urial::engine {
namespace {

struct Avx2 {
    struct Floats {
        __m256 low, high;
    };
    struct Integers {
        __m256i low, high;
    };
    static constexpr std::size_t kLanes = 16;
    static constexpr std::size_t kRegisters = 8;  ///< of Floats or Integers

    static Floats load(const float* numbers) { return {_mm256_loadu_ps(numbers), _mm256_loadu_ps(numbers + 8)}; }
    static Floats load(const std::uint16_t* halves) {
        return {_mm256_cvtph_ps(load_16(halves)), _mm256_cvtph_ps(load_16(halves + 8))};
    }
    static Floats load(const std::uint8_t* bytes) {
        const __m128i numbers = load_16(bytes);
        return to_floats({_mm256_cvtepu8_epi32(numbers), _mm256_cvtepu8_epi32(_mm_srli_si128(numbers, 8))});
    }
    static Floats load(const std::int8_t* bytes) {
        const __m128i numbers = load_16(bytes);
        return to_floats({_mm256_cvtepi8_epi32(numbers), _mm256_cvtepi8_epi32(_mm_srli_si128(numbers, 8))});
    }
    static void store(float* numbers, Floats x) {
        _mm256_storeu_ps(numbers, x.low);
        _mm256_storeu_ps(numbers + 8, x.high);
    }
    static Floats all(float number) { return {_mm256_set1_ps(number), _mm256_set1_ps(number)}; }
    static Floats zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
    static Floats add(Floats a, Floats b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
    static Floats subtract(Floats a, Floats b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
    static Floats multiply(Floats a, Floats b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
    static Floats divide(Floats a, Floats b) { return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)}; }
    static Floats multiply_add(Floats a, Floats b, Floats c) {
        return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
    }
    static Floats larger(Floats a, Floats b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
    static Floats absolute(Floats x) {
        const __m256 sign = _mm256_set1_ps(-0.0F);
        return {_mm256_andnot_ps(sign, x.low), _mm256_andnot_ps(sign, x.high)};
    }
    static Floats negative_absolute(Floats x) {
        const __m256 sign = _mm256_set1_ps(-0.0F);
        return {_mm256_or_ps(x.low, sign), _mm256_or_ps(x.high, sign)};
    }
    static Floats where_negative(Floats x, Floats negative, Floats other) {
        const auto choose = [](__m256 of, __m256 yes, __m256 no) {
            return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(of, _mm256_setzero_ps(), _CMP_LT_OQ));
        };
        return {choose(x.low, negative.low, other.low), choose(x.high, negative.high, other.high)};
    }
    static float first(Floats x) { return _mm256_cvtss_f32(x.low); }
    static float sum(Floats x) {
        const __m256 eight = _mm256_add_ps(x.high, x.low);
        const __m128 four = _mm_add_ps(_mm256_extractf128_ps(eight, 1), _mm256_castps256_ps128(eight));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }
    static float largest(Floats x) {
        const __m256 eight = _mm256_max_ps(x.high, x.low);
        const __m128 four = _mm_max_ps(_mm256_extractf128_ps(eight, 1), _mm256_castps256_ps128(eight));
        const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
    }
    static bool has_nan(Floats x) { return _mm256_movemask_ps(_mm256_cmp_ps(x.low, x.high, _CMP_UNORD_Q)) != 0; }

    static Integers load_integers(const void* from) {
        return {load_32(from), load_32(static_cast<const char*>(from) + 32)};
    }
    static Integers all_integers(std::int32_t number) { return {_mm256_set1_epi32(number), _mm256_set1_epi32(number)}; }
    static Integers add(Integers a, Integers b) {
        return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
    }
    static std::int32_t sum(Integers x) {
        const __m256i eight = _mm256_add_epi32(x.low, x.high);
        const __m128i four = _mm_add_epi32(_mm256_extracti128_si256(eight, 1), _mm256_castsi256_si128(eight));
        const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
        return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
    }
    static Floats to_floats(Integers x) { return {_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)}; }
    static Integers round(Floats x) { return {_mm256_cvtps_epi32(x.low), _mm256_cvtps_epi32(x.high)}; }
    static Integers low_nibbles(Integers x) {
        const __m256i mask = _mm256_set1_epi8(15);
        return {_mm256_and_si256(x.low, mask), _mm256_and_si256(x.high, mask)};
    }
    static Integers high_nibbles(Integers x) {
        return low_nibbles({_mm256_srli_epi16(x.low, 4), _mm256_srli_epi16(x.high, 4)});
    }

    static Floats exponential(Floats x) { return {exponential(x.low), exponential(x.high)}; }

    static void transpose(Floats (&rows)[kLanes]) {
        __m256 low_left[8], low_right[8], high_left[8], high_right[8];
        for (std::size_t i = 0; i < 8; ++i) {
            low_left[i] = rows[i].low;
            low_right[i] = rows[i].high;
            high_left[i] = rows[i + 8].low;
            high_right[i] = rows[i + 8].high;
        }
        for (auto* quarter : {&low_left, &low_right, &high_left, &high_right}) transpose(*quarter);
        for (std::size_t i = 0; i < 8; ++i) {
            rows[i] = {low_left[i], high_left[i]};
            rows[i + 8] = {low_right[i], high_right[i]};
        }
    }

    static std::uint32_t without(const std::uint16_t* numbers, std::uint16_t mask) {
        const __m256i bits = _mm256_set1_epi16(static_cast<std::int16_t>(mask));
        const Integers x = load_integers(numbers);
        return equal({_mm256_and_si256(x.low, bits), _mm256_and_si256(x.high, bits)}, _mm256_setzero_si256());
    }
    static std::uint32_t equal(const std::uint16_t* numbers, std::uint16_t number) {
        return equal(load_integers(numbers), _mm256_set1_epi16(static_cast<std::int16_t>(number)));
    }

private:
    static __m128i load_16(const void* bytes) { return _mm_loadu_si128(static_cast<const __m128i*>(bytes)); }
    static __m256i load_32(const void* bytes) { return _mm256_loadu_si256(static_cast<const __m256i*>(bytes)); }

    static std::uint32_t equal(Integers x, __m256i number) {
        const __m256i bytes = _mm256_packs_epi16(_mm256_cmpeq_epi16(x.low, number), _mm256_cmpeq_epi16(x.high, number));
        return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_permute4x64_epi64(bytes, 0xD8)));
    }

    static __m256 exponential(__m256 x) {
        const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504F)),
                                         _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        __m256 f = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375F), x);
        f = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4F), f);
        __m256 sum = _mm256_set1_ps(1.0F / 720);
        for (const float term : {1.0F / 120, 1.0F / 24, 1.0F / 6, 0.5F, 1.0F, 1.0F}) {
            sum = _mm256_fmadd_ps(sum, f, _mm256_set1_ps(term));
        }
        // From -87 up 2^n is a normal number: n is -126 or more.
        const __m256i power = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
        const __m256 normal = _mm256_cmp_ps(x, _mm256_set1_ps(-87.0F), _CMP_GE_OQ);
        const __m256 result = _mm256_and_ps(normal, _mm256_mul_ps(sum, _mm256_castsi256_ps(power)));
        return _mm256_blendv_ps(result, x, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    }

    static void transpose(__m256 (&rows)[8]) {
        __m256 t[8];
        for (std::size_t i = 0; i < 8; i += 2) {
            t[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
            t[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
        }
        for (std::size_t i = 0; i < 8; i += 4) {
            for (std::size_t half = 0; half < 2; ++half) {
                const __m256d low = _mm256_castps_pd(t[i + half]);
                const __m256d high = _mm256_castps_pd(t[i + half + 2]);
                rows[i + 2 * half] = _mm256_castpd_ps(_mm256_unpacklo_pd(low, high));
                rows[i + 2 * half + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low, high));
            }
        }
        for (std::size_t i = 0; i < 4; ++i) {
            t[i] = _mm256_permute2f128_ps(rows[i], rows[i + 4], 0x20);
            t[i + 4] = _mm256_permute2f128_ps(rows[i], rows[i + 4], 0x31);
        }
        for (std::size_t i = 0; i < 8; ++i) rows[i] = t[i];
    }
};

}  // namespace
}  // namespace urial::engine
