#pragma once

// What the AVX-512 kernels share. Only for sources that are compiled for it.

#include <immintrin.h>

#include <cstdint>
#include <initializer_list>

namespace urial::engine {

/// 16 numbers as f32: of f16 ones, given by their bits, or as they are.
inline __m512 load_numbers(const std::uint16_t* halves) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves)));
}
inline __m512 load_numbers(const float* numbers) { return _mm512_loadu_ps(numbers); }

/// exp(x) for x <= 0; 0 below -87; NaN for NaN. A polynomial of degree 6 after reduction by powers of 2; relative error
/// below 3e-7.
inline __m512 exponential(__m512 x) {
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

}  // namespace urial::engine
