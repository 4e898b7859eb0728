#include "engine/gated_gelu.h"

#if defined(__AVX512F__)

#include "engine/avx512_math.h"

namespace urial::engine {
namespace {

__m512 gelu(__m512 x) {
    const __m512 cube = _mm512_mul_ps(_mm512_mul_ps(x, x), x);
    const __m512 doubled = _mm512_mul_ps(_mm512_set1_ps(1.5957691216F),  // 2 sqrt(2 / pi)
                                         _mm512_fmadd_ps(cube, _mm512_set1_ps(0.044715F), x));
    // The exponential of what is not positive cannot overflow: 1 / (1 + exp(-v)) = exp(v) / (exp(v) + 1).
    const __m512 e = exponential(_mm512_or_ps(doubled, _mm512_set1_ps(-0.0F)));
    const __mmask16 negative = _mm512_cmp_ps_mask(doubled, _mm512_setzero_ps(), _CMP_LT_OQ);
    const __m512 numerator = _mm512_mask_mul_ps(x, negative, x, e);
    return _mm512_div_ps(numerator, _mm512_add_ps(e, _mm512_set1_ps(1.0F)));
}

}  // namespace

bool gated_gelu_runs_here() {
    return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0;
}

void gated_gelu(const float* gate, const float* up, float* output, std::size_t length) {
    constexpr std::size_t kLanes = 16;
    std::size_t i = 0;
    for (; i + kLanes <= length; i += kLanes) {
        _mm512_storeu_ps(output + i, _mm512_mul_ps(gelu(_mm512_loadu_ps(gate + i)), _mm512_loadu_ps(up + i)));
    }
    if (i == length) return;
    const auto rest = static_cast<__mmask16>((1U << (length - i)) - 1U);
    const __m512 last = _mm512_mul_ps(gelu(_mm512_maskz_loadu_ps(rest, gate + i)), _mm512_maskz_loadu_ps(rest, up + i));
    _mm512_mask_storeu_ps(output + i, rest, last);
}

}  // namespace urial::engine

#else

namespace urial::engine {

bool gated_gelu_runs_here() { return false; }
void gated_gelu(const float*, const float*, float*, std::size_t) {}

}  // namespace urial::engine

#endif
