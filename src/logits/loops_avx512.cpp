// The loops in AVX-512 F. Compiled for that instruction set (CMakeLists.txt) and called only where the processor has
// it.
#if defined(__x86_64__)

#include <immintrin.h>

#include "logits/loop_code.h"

namespace urial::logits {
namespace {

struct Avx512 {
    using Floats = __m512;
    using Mask = unsigned;
    using Counts = __m512i;
    struct Doubles {
        __m512d low, high;
    };
    static constexpr std::size_t kWidth = 16;

    static Floats all(float x) { return _mm512_set1_ps(x); }
    static Floats load(const float* from) { return _mm512_loadu_ps(from); }
    static Floats load_part(const float* from, std::size_t count, float fill) {
        return _mm512_mask_loadu_ps(all(fill), short_mask((1U << count) - 1), from);
    }

    static Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
    static Floats max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
    static Floats min(Floats a, Floats b) { return _mm512_min_ps(a, b); }
    static Floats absolute(Floats a) { return _mm512_abs_ps(a); }
    static Floats truncate(Floats a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
    /// x - n ln 2. The product is not rounded; what float's ln 2 lacks, 2e-9, is too little to matter.
    static Floats without_powers(Floats x, Floats n) { return _mm512_fnmadd_ps(n, all(0.693147181F), x); }
    static Floats scale(Floats a, Floats n) { return _mm512_scalef_ps(a, n); }

    static Mask above(Floats a, Floats b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
    static Mask at_least(Floats a, Floats b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
    static Mask equal(Floats a, Floats b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
    static Mask unordered(Floats a, Floats b) { return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q); }
    static Floats keep(Mask mask, Floats a) { return _mm512_maskz_mov_ps(short_mask(mask), a); }
    static Floats select(Mask mask, Floats yes, Floats no) { return _mm512_mask_mov_ps(no, short_mask(mask), yes); }
    static Floats add_where(Mask mask, Floats sum, Floats a) {
        return _mm512_mask_add_ps(sum, short_mask(mask), sum, a);
    }
    static bool any(Mask mask) { return mask != 0; }
    static unsigned bits(Mask mask) { return mask; }

    static Counts no_counts() { return _mm512_setzero_si512(); }
    static Counts count(Counts counts, Mask mask) {
        return _mm512_mask_add_epi32(counts, short_mask(mask), counts, _mm512_set1_epi32(1));
    }
    static std::uint32_t total(Counts counts) { return static_cast<std::uint32_t>(_mm512_reduce_add_epi32(counts)); }
    static float largest(Floats a) { return _mm512_reduce_max_ps(a); }
    static float smallest(Floats a) { return _mm512_reduce_min_ps(a); }

    static Doubles no_sum() { return {_mm512_setzero_pd(), _mm512_setzero_pd()}; }
    static Doubles add(Doubles sums, Floats a) {
        const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a), 1));
        return {sums.low + _mm512_cvtps_pd(_mm512_castps512_ps256(a)), sums.high + _mm512_cvtps_pd(high)};
    }
    static double sum(Doubles sums) { return _mm512_reduce_add_pd(sums.low + sums.high); }

private:
    static __mmask16 short_mask(unsigned bits) { return static_cast<__mmask16>(bits); }
};

}  // namespace

constinit const Loops avx512_loops = loops_of<Avx512>();

}  // namespace urial::logits

#endif
