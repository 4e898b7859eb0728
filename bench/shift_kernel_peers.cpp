#include "shift_kernel_peers.h"

#include <algorithm>
#include <cmath>

namespace urial::bench {

float plain_sum(const float* values, std::size_t count) {
    float sums[64] = {};
    for (std::size_t i = 0; i + 64 <= count; i += 64) {
        for (std::size_t lane = 0; lane < 64; ++lane) sums[lane] += values[i + lane];
    }
    float sum = 0;
    for (const float part : sums) sum += part;
    return sum;
}

NaiveStats naive_statistics(const float* aligned, const float* base, std::size_t count, std::size_t token) {
    NaiveStats stats;
    float a_max = aligned[0], b_max = base[0];
    for (std::size_t i = 0; i < count; ++i) {
        a_max = std::max(a_max, aligned[i]);
        b_max = std::max(b_max, base[i]);
        stats.aligned_rank += aligned[i] > aligned[token] ? 1 : 0;
        stats.base_rank += base[i] > base[token] ? 1 : 0;
    }
    double a_sum = 0, b_sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        a_sum += std::exp(static_cast<double>(aligned[i] - a_max));
        b_sum += std::exp(static_cast<double>(base[i] - b_max));
    }
    const double a_log_z = a_max + std::log(a_sum), b_log_z = b_max + std::log(b_sum);
    for (std::size_t i = 0; i < count; ++i) {
        const double a = aligned[i] - a_log_z, b = base[i] - b_log_z;
        const double p = std::exp(a), q = std::exp(b), middle = std::log((p + q) / 2);
        stats.aligned_entropy -= p * a;
        stats.base_entropy -= q * b;
        stats.kl_ab += p * (a - b);
        stats.kl_ba += q * (b - a);
        stats.js += (p * (a - middle) + q * (b - middle)) / 2;
        stats.tv += std::abs(p - q) / 2;
    }
    stats.aligned_logp = aligned[token] - a_log_z;
    stats.base_logp = base[token] - b_log_z;
    return stats;
}

}  // namespace urial::bench
