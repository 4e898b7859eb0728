#pragma once

// Sixteen lanes for the kernels, in one AVX-512 register; vector_avx2.h is the same in two AVX2 registers. Only for
// sources that are compiled for it.
//
// The types are unnamed on purpose: what is made of them belongs to one source, and code for one CPU can never be taken
// for another source's. For the same reason these sources use nothing of the standard library that has code of its own.

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace urial::engine {
namespace {

struct Avx512 {
    using Floats = __m512;
    using Integers = __m512i;
    static constexpr std::size_t kLanes = 16;
    static constexpr std::size_t kRegisters = 32;  ///< of Floats or Integers

    static Floats load(const float* numbers) { return _mm512_loadu_ps(numbers); }
    /// f16 numbers, given by their bits.
    static Floats load(const std::uint16_t* halves) {
        return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves)));
    }
    static Floats load(const std::uint8_t* bytes) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(load_16(bytes))); }
    static Floats load(const std::int8_t* bytes) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load_16(bytes))); }
    static void store(float* numbers, Floats x) { _mm512_storeu_ps(numbers, x); }
    static Floats all(float number) { return _mm512_set1_ps(number); }
    static Floats zero() { return _mm512_setzero_ps(); }
    static Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
    static Floats subtract(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
    static Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
    static Floats divide(Floats a, Floats b) { return _mm512_div_ps(a, b); }
    /// a b + c, rounded once.
    static Floats multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
    static Floats larger(Floats a, Floats b) { return _mm512_max_ps(a, b); }
    static Floats absolute(Floats x) { return _mm512_abs_ps(x); }
    static Floats negative_absolute(Floats x) { return _mm512_or_ps(x, _mm512_set1_ps(-0.0F)); }
    /// `negative` in the lanes where x < 0, else `other`.
    static Floats where_negative(Floats x, Floats negative, Floats other) {
        return _mm512_mask_mov_ps(other, _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), negative);
    }
    static float first(Floats x) { return _mm512_cvtss_f32(x); }
    static float sum(Floats x) { return _mm512_reduce_add_ps(x); }
    static float largest(Floats x) { return _mm512_reduce_max_ps(x); }
    static bool has_nan(Floats x) { return _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q) != 0; }

    static Integers load_integers(const void* from) { return _mm512_loadu_si512(from); }
    static Integers all_integers(std::int32_t number) { return _mm512_set1_epi32(number); }
    static Integers add(Integers a, Integers b) { return _mm512_add_epi32(a, b); }
    static std::int32_t sum(Integers x) { return _mm512_reduce_add_epi32(x); }
    static Floats to_floats(Integers x) { return _mm512_cvtepi32_ps(x); }
    /// To the nearest, halves to even.
    static Integers round(Floats x) { return _mm512_cvtps_epi32(x); }
    /// Each byte's low four bits, or its high four.
    static Integers low_nibbles(Integers x) { return _mm512_and_si512(x, _mm512_set1_epi8(15)); }
    static Integers high_nibbles(Integers x) { return low_nibbles(_mm512_srli_epi16(x, 4)); }

    /// exp(x) for x <= 0; 0 below -87; NaN for NaN. A polynomial of degree 6 after reduction by powers of 2; relative
    /// error below 3e-7.
    static Floats exponential(Floats x) {
        const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504F)), 0);
        __m512 f = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375F), x);
        f = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4F), f);
        __m512 sum = _mm512_set1_ps(1.0F / 720);
        for (const float term : {1.0F / 120, 1.0F / 24, 1.0F / 6, 0.5F, 1.0F, 1.0F}) {
            sum = _mm512_fmadd_ps(sum, f, _mm512_set1_ps(term));
        }
        const __mmask16 normal = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-87.0F), _CMP_GE_OQ);
        const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
        return _mm512_mask_mov_ps(_mm512_maskz_scalef_ps(normal, sum, n), nan, x);
    }

    /// 16 x 16 numbers, rows become columns.
    static void transpose(Floats (&rows)[kLanes]) {
        __m512 t[kLanes];
        for (std::size_t i = 0; i < kLanes; i += 2) {
            t[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
            t[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
        }
        for (std::size_t i = 0; i < kLanes; i += 4) {
            for (std::size_t half = 0; half < 2; ++half) {
                const __m512d low = _mm512_castps_pd(t[i + half]);
                const __m512d high = _mm512_castps_pd(t[i + half + 2]);
                rows[i + 2 * half] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
                rows[i + 2 * half + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
            }
        }
        for (std::size_t i = 0; i < 4; ++i) {
            const __m512 even_low = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0x88);
            const __m512 even_high = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0x88);
            const __m512 odd_low = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0xDD);
            const __m512 odd_high = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0xDD);
            t[i] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
            t[i + 4] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
            t[i + 8] = _mm512_shuffle_f32x4(even_low, even_high, 0xDD);
            t[i + 12] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xDD);
        }
        for (std::size_t i = 0; i < kLanes; ++i) rows[i] = t[i];
    }

    /// Of 32 16-bit numbers: a bit for each that has no bits in common with `mask`.
    static std::uint32_t without(const std::uint16_t* numbers, std::uint16_t mask) {
        return _mm512_testn_epi16_mask(load_integers(numbers), _mm512_set1_epi16(static_cast<std::int16_t>(mask)));
    }
    /// A bit for each that equals `number`.
    static std::uint32_t equal(const std::uint16_t* numbers, std::uint16_t number) {
        return _mm512_cmpeq_epi16_mask(load_integers(numbers), _mm512_set1_epi16(static_cast<std::int16_t>(number)));
    }

private:
    static __m128i load_16(const void* bytes) { return _mm_loadu_si128(static_cast<const __m128i*>(bytes)); }
};

}  // namespace
}  // namespace urial::engine
