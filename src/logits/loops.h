#pragma once

// The four loops over logits that exist once per instruction set; row.cpp and shift/kernel.cpp say what for. They work
// on one block of at most kBlock logits, which stays in the first-level cache between them. Their sources are compiled
// with other instruction sets than the rest, so they use nothing from the standard library whose code another source
// file might share.

#include <cstddef>
#include <cstdint>

namespace urial::logits {

inline constexpr std::size_t kBlock = 2048;

/// Logits below this are masked tokens of probability 0, as -inf is; logits above its negative are errors.
inline constexpr float kMasked = -1e29F;

/// What scan() finds in a block. The count and `nan` go on from the values that were there before.
struct BlockScan {
    float max, min;           ///< without meaning where `nan`
    std::uint32_t above = 0;  ///< logits above the token's (or equal, where scan() was told so)
    bool nan = false;
};

/// Sums over e = exp(logit - max) of one row. A logit equal to max is counted in `at_max` and left out of `tail`, so
/// that the tail of a peaked distribution keeps its digits.
struct ExponentialSums {
    double tail = 0;
    double weighted = 0;  ///< sum of e * (logit - max), not above 0
    std::uint64_t at_max = 0;
};

/// Constants of one pair of rows, of an aligned and a base model, for compare().
struct Normalisers {
    float aligned_max, base_max;
    float aligned_log_z, base_log_z;  ///< logarithm of the sum of exp(logit - max)
    float shift_high, shift_low;      ///< (max + log z) of aligned minus that of base, as the sum of two floats
    /// What stands for the logit of a masked token: far below all others, but finite, so that differences are numbers.
    float aligned_floor, base_floor;
};

/// Sums of compare() over tokens with probabilities p (aligned) and q (base), t = ln(p/q); the last two only over those
/// with t > 0.
struct DivergenceSums {
    double kl_ab = 0;            ///< p t - p + q
    double kl_ba = 0;            ///< -q t - q + p
    double js = 0;               ///< p ln(2p / (p + q)) + q ln(2q / (p + q))
    double distance = 0;         ///< |p - q|
    double aligned_surplus = 0;  ///< p - q
    double aligned_ahead = 0;    ///< p
};

struct Loops {
    /// `inclusive` counts logits that equal the token's too: for the ids below it.
    void (*scan)(const float* logits, std::size_t count, float token_logit, bool inclusive, BlockScan& result);
    void (*sum_exponentials)(const float* logits, std::size_t count, float max, ExponentialSums& result);
    /// No logit is below the floor of its row.
    void (*compare)(const float* aligned, const float* base, std::size_t count, const Normalisers& constants,
                    DivergenceSums& result);
    /// Writes the indices of the logits above `threshold`, ascending, and returns how many.
    std::size_t (*collect)(const float* logits, std::size_t count, float threshold, std::uint32_t* indices);
};

extern const Loops portable_loops;
#if defined(__x86_64__)
extern const Loops avx2_loops;
extern const Loops avx512_loops;
#endif

}  // namespace urial::logits
