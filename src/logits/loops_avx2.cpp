// The loops in AVX2 and FMA. Compiled for these (CMakeLists.txt) and called only where the processor has them.
#if defined(__x86_64__)

#include <immintrin.h>

#include "logits/loop_code.h"

namespace urial::logits {
namespace {

struct Avx2 {
    using Floats = __m256;
    using Counts = __m256i;
    struct Mask {
        __m256 lanes;  ///< all bits set or none
        Mask operator|(Mask other) const { return {_mm256_or_ps(lanes, other.lanes)}; }
    };
    struct Doubles {
        __m256d low, high;
    };
    static constexpr std::size_t kWidth = 8;

    static Floats all(float x) { return _mm256_set1_ps(x); }
    static Floats load(const float* from) { return _mm256_loadu_ps(from); }
    static Floats load_part(const float* from, std::size_t count, float fill) {
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        const __m256i wanted = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lane);
        return _mm256_blendv_ps(all(fill), _mm256_maskload_ps(from, wanted), _mm256_castsi256_ps(wanted));
    }

    static Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
    static Floats max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
    static Floats min(Floats a, Floats b) { return _mm256_min_ps(a, b); }
    static Floats absolute(Floats a) { return _mm256_andnot_ps(all(-0.0F), a); }
    static Floats truncate(Floats a) { return _mm256_round_ps(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
    /// x - n ln 2. The product is not rounded; what float's ln 2 lacks, 2e-9, is too little to matter.
    static Floats without_powers(Floats x, Floats n) { return _mm256_fnmadd_ps(n, all(0.693147181F), x); }
    static Floats scale(Floats a, Floats n) {
        const __m256i exponent = _mm256_slli_epi32(_mm256_cvttps_epi32(n), 23);
        return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), exponent));
    }

    static Mask above(Floats a, Floats b) { return {_mm256_cmp_ps(a, b, _CMP_GT_OQ)}; }
    static Mask at_least(Floats a, Floats b) { return {_mm256_cmp_ps(a, b, _CMP_GE_OQ)}; }
    static Mask equal(Floats a, Floats b) { return {_mm256_cmp_ps(a, b, _CMP_EQ_OQ)}; }
    static Mask unordered(Floats a, Floats b) { return {_mm256_cmp_ps(a, b, _CMP_UNORD_Q)}; }
    static Floats keep(Mask mask, Floats a) { return _mm256_and_ps(mask.lanes, a); }
    static Floats select(Mask mask, Floats yes, Floats no) { return _mm256_blendv_ps(no, yes, mask.lanes); }
    static Floats add_where(Mask mask, Floats sum, Floats a) { return sum + keep(mask, a); }
    static bool any(Mask mask) { return bits(mask) != 0; }
    static unsigned bits(Mask mask) { return static_cast<unsigned>(_mm256_movemask_ps(mask.lanes)); }

    static Counts no_counts() { return _mm256_setzero_si256(); }
    static Counts count(Counts counts, Mask mask) {
        return _mm256_sub_epi32(counts, _mm256_castps_si256(mask.lanes));  // a set lane is -1
    }
    static std::uint32_t total(Counts counts) {
        alignas(32) std::uint32_t lanes[kWidth];
        _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), counts);
        std::uint32_t sum = 0;
        for (const std::uint32_t lane : lanes) sum += lane;
        return sum;
    }
    static float largest(Floats a) {
        float result = a[0];
        for (std::size_t i = 1; i < kWidth; ++i) result = a[i] > result ? a[i] : result;
        return result;
    }
    static float smallest(Floats a) { return -largest(all(0.0F) - a); }

    static Doubles no_sum() { return {_mm256_setzero_pd(), _mm256_setzero_pd()}; }
    static Doubles add(Doubles sums, Floats a) {
        return {sums.low + _mm256_cvtps_pd(_mm256_castps256_ps128(a)),
                sums.high + _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1))};
    }
    static double sum(Doubles sums) {
        const __m256d both = sums.low + sums.high;
        return (both[0] + both[1]) + (both[2] + both[3]);
    }
};

}  // namespace

constinit const Loops avx2_loops = loops_of<Avx2>();

}  // namespace urial::logits

#endif
