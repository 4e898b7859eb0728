#pragma once

// What the shift kernel is compared to: loops as one writes them first, left to the compiler to vectorise.

#include <cstddef>

namespace urial::bench {

/// The cheapest thing that reads the memory: its sum.
float plain_sum(const float* values, std::size_t count);

struct NaiveStats {
    std::size_t aligned_rank = 1, base_rank = 1;
    double aligned_logp = 0, base_logp = 0, aligned_entropy = 0, base_entropy = 0;
    double kl_ab = 0, kl_ba = 0, js = 0, tv = 0;
};

/// The kernel's measures without its lists and checks, by their definitions in doubles: maxima and ranks, sums of
/// exponentials, then the divergences.
NaiveStats naive_statistics(const float* aligned, const float* base, std::size_t count, std::size_t token);

}  // namespace urial::bench
