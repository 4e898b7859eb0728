// The largest of a row of logits, its index and its lead over the second largest.
//
// Greedy decoding reads every logit once; with a vocabulary of 262,144 and 48 sequences that is 50 MB a step, so the
// loop must run at memory speed. Each vector lane keeps its own largest and second largest value (no indices: two
// operations a vector). The index is found afterwards by a search for the largest value, which reads half a row on
// average and stays in the cache. NaN is detected in the same pass: an unordered comparison sets a bit that is looked
// at once a row.

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "base/cpu_level.h"
#include "base/error.h"
#include "generate/generate.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define URIAL_HAS_X86 1
// GCC 12 takes the deliberately undefined operands inside its own AVX-512 intrinsics for a mistake (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#else
#define URIAL_HAS_X86 0
#endif

namespace urial::generate {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();

struct TopTwo {
    float first = kLowest;
    float second = kLowest;
    bool has_nan = false;

    void add(float value) {
        if (std::isnan(value)) has_nan = true;
        second = std::max(second, std::min(first, value));
        first = std::max(first, value);
    }
};

TopTwo top_two_portable(const float* values, std::size_t count) {
    TopTwo top;
    for (std::size_t i = 0; i < count; ++i) top.add(values[i]);
    return top;
}

#if URIAL_HAS_X86

template <std::size_t N>
void fold_lanes(TopTwo& top, const float (&first)[N], const float (&second)[N]) {
    for (std::size_t lane = 0; lane < N; ++lane) {
        top.add(first[lane]);
        top.add(second[lane]);
    }
}

__attribute__((target("avx2"))) TopTwo top_two_avx2(const float* values, std::size_t count) {
    constexpr std::size_t kLanes = 8;
    __m256 first = _mm256_set1_ps(kLowest);
    __m256 second = first;
    __m256 unordered = _mm256_setzero_ps();
    std::size_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        const __m256 value = _mm256_loadu_ps(values + i);
        unordered = _mm256_or_ps(unordered, _mm256_cmp_ps(value, value, _CMP_UNORD_Q));
        second = _mm256_max_ps(second, _mm256_min_ps(first, value));
        first = _mm256_max_ps(first, value);
    }
    float firsts[kLanes];
    float seconds[kLanes];
    _mm256_storeu_ps(firsts, first);
    _mm256_storeu_ps(seconds, second);
    TopTwo top = top_two_portable(values + i, count - i);
    fold_lanes(top, firsts, seconds);
    top.has_nan |= _mm256_movemask_ps(unordered) != 0;
    return top;
}

__attribute__((target("avx512f"))) TopTwo top_two_avx512(const float* values, std::size_t count) {
    constexpr std::size_t kLanes = 16;
    __m512 first = _mm512_set1_ps(kLowest);
    __m512 second = first;
    __mmask16 unordered = 0;
    std::size_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        const __m512 value = _mm512_loadu_ps(values + i);
        unordered |= _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
        second = _mm512_max_ps(second, _mm512_min_ps(first, value));
        first = _mm512_max_ps(first, value);
    }
    float firsts[kLanes];
    float seconds[kLanes];
    _mm512_storeu_ps(firsts, first);
    _mm512_storeu_ps(seconds, second);
    TopTwo top = top_two_portable(values + i, count - i);
    fold_lanes(top, firsts, seconds);
    top.has_nan |= unordered != 0;
    return top;
}

#endif

using TopTwoFunction = TopTwo (*)(const float*, std::size_t);

TopTwoFunction fastest_top_two() {
#if URIAL_HAS_X86
    if (cpu_level() >= CpuLevel::Avx512) return top_two_avx512;
    if (cpu_level() >= CpuLevel::Avx2) return top_two_avx2;
#endif
    return top_two_portable;
}

}  // namespace

ArgMax arg_max(std::span<const float> logits) {
    static const TopTwoFunction top_two = fastest_top_two();
    const TopTwo top = top_two(logits.data(), logits.size());
    if (top.has_nan) throw Error(ErrorKind::Model, "the model gave a logit that is not a number (NaN)");
    const auto* const begin = logits.data();
    const auto* const found = std::find(begin, begin + logits.size(), top.first);
    const float gap = top.first == top.second ? 0 : top.first - top.second;
    return {static_cast<Token>(found - begin), top.first, gap};
}

}  // namespace urial::generate
