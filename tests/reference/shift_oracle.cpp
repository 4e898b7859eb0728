#include "reference/shift_oracle.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace urial::reference {
namespace {

using Row = std::vector<long double>;

Row log_softmax(const std::vector<float>& logits) {
    const std::size_t best = static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    // log z = log(1 + the others): log1p keeps a tiny rest that 1 + rest would lose.
    long double others = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        if (i != best) others += std::exp(static_cast<long double>(logits[i]) - logits[best]);
    }
    Row result;
    for (const float logit : logits) {
        result.push_back((static_cast<long double>(logit) - logits[best]) - std::log1p(others));
    }
    return result;
}

/// p log(p / q) with 0 log 0 = 0.
long double relative_entropy_term(long double logp, long double logq) {
    return std::isinf(logp) ? 0 : std::exp(logp) * (logp - logq);
}

/// log((exp(a) + exp(b)) / 2), also where the exponentials themselves are too small to be represented.
long double log_mean(long double a, long double b) {
    if (std::isinf(a) && std::isinf(b)) return a;
    return std::max(a, b) + std::log1p(std::exp(-std::abs(a - b))) - std::log(2.0L);
}

OracleSide side_of(const std::vector<float>& logits, std::size_t token) {
    OracleSide side;
    side.all_logp = log_softmax(logits);
    side.logp = side.all_logp[token];
    for (const long double logp : side.all_logp) side.entropy -= relative_entropy_term(logp, 0);
    std::vector<std::size_t> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return logits[x] > logits[y]; });
    side.rank = static_cast<std::size_t>(std::find(order.begin(), order.end(), token) - order.begin()) + 1;
    std::copy_if(order.begin(), order.end(), std::back_inserter(side.order),
                 [&](std::size_t id) { return !std::isinf(logits[id]); });
    return side;
}

}  // namespace

OracleStats shift_oracle(const std::vector<float>& aligned, const std::vector<float>& base, std::size_t token) {
    OracleStats stats;
    stats.aligned = side_of(aligned, token);
    stats.base = side_of(base, token);
    for (std::size_t i = 0; i < aligned.size(); ++i) {
        const long double a = stats.aligned.all_logp[i], b = stats.base.all_logp[i];
        const long double middle = log_mean(a, b);
        stats.kl_ab += relative_entropy_term(a, b);
        stats.kl_ba += relative_entropy_term(b, a);
        stats.js += (relative_entropy_term(a, middle) + relative_entropy_term(b, middle)) / 2;
        stats.tv += std::abs(std::exp(a) - std::exp(b)) / 2;
    }
    return stats;
}

}  // namespace urial::reference
