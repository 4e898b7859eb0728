// The tokens fall into three kinds: *known* ones, whose p (aligned) and q (base) are both listed; *half-known* ones,
// listed by one model alone; and the rest.
//
// KL(aligned || base). Of a half-known token of the aligned list p is known, and q is at most u, the last probability
// of the base list. All tokens without a known p are one group, with p in sum P = 1 - sum of the known p. By the
// log-sum inequality the group adds at least P ln(P / Q), where Q is its sum of q. So
//     KL >= sum over known of p ln(p / q) + min over (m, Q) of [sum over half-known of p ln(p / m) + P ln(P / Q)],
// where 0 <= m <= u for each and sum m + Q = R, what the known tokens leave of the base model's probability. The
// minimum gives each its share of R in proportion to its p, cut at u; what is cut goes to the others in the same way.
//
// Total variation is the sum of (p - q)+ over all tokens, and that of (q - p)+. Known tokens give their terms, the
// others together at least the excess of their sums, and a half-known one at least what its probability exceeds the
// other list's last by. It is also 1 - sum of min(p, q), hence at most 1 minus that sum over the known ones.

#include "shift/bounds.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

namespace urial::shift {
namespace {

/// What the sums of some hundred listed probabilities may be off by: the base model gets as much more to distribute, so
/// that rounding makes no bound too high.
constexpr double kRounding = 1e-6;

double positive(double value) { return std::max(0.0, value); }

/// a ln(a / b), as its limits have it.
double relative(double a, double b) {
    if (a <= 0) return 0;
    return b > 0 ? a * std::log(a / b) : std::numeric_limits<double>::infinity();
}

struct Known {
    Token token;
    double p, q;
};

struct Listed {
    explicit Listed(std::span<const TopToken> top) : tokens(top) {
        if (!top.empty()) last = std::exp(top.back().logp);
    }
    const TopToken* find(Token token) const {
        const auto found = std::ranges::find(tokens, token, &TopToken::token);
        return found == tokens.end() ? nullptr : &*found;
    }
    std::span<const TopToken> tokens;
    double last = 1;  // what no other token exceeds
};

/// Probabilities of the tokens that `list` has and `known` has not, descending.
std::vector<double> half_known(const Listed& list, const std::vector<Known>& known) {
    std::vector<double> values;
    for (const TopToken& top : list.tokens) {
        if (std::ranges::find(known, top.token, &Known::token) == known.end()) values.push_back(std::exp(top.logp));
    }
    std::ranges::sort(values, std::greater<>());
    return values;
}

/// min of sum p ln(p / m) + P ln(P / Q) over m <= most and sum m + Q = left.
double least_divergence(const std::vector<double>& values, double rest, double left, double most) {
    double uncut = rest;
    for (const double p : values) uncut += p;
    double sum = 0;
    for (const double p : values) {
        const double share = uncut > 0 ? p * left / uncut : 0;
        const double q = std::min(share, most);
        sum += relative(p, q);
        left = positive(left - q);
        uncut = positive(uncut - p);
    }
    return sum + relative(rest, left);
}

}  // namespace

DivergenceBounds bound_divergence(std::span<const TopToken> aligned_top, std::span<const TopToken> base_top,
                                  const TopToken& token_aligned, const TopToken& token_base) {
    const Listed aligned(aligned_top);
    const Listed base(base_top);
    std::vector<Known> known{{token_aligned.token, std::exp(token_aligned.logp), std::exp(token_base.logp)}};
    for (const TopToken& top : aligned_top) {
        const TopToken* other = base.find(top.token);
        if (top.token == token_aligned.token || other == nullptr) continue;
        known.push_back({top.token, std::exp(top.logp), std::exp(other->logp)});
    }
    const std::vector<double> only_aligned = half_known(aligned, known);
    const std::vector<double> only_base = half_known(base, known);

    double kl = 0, more_p = 0, more_q = 0, least = 0, rest_p = 1, rest_q = 1;
    for (const Known& both : known) {
        kl += relative(both.p, both.q);
        more_p += positive(both.p - both.q);
        more_q += positive(both.q - both.p);
        least += std::min(both.p, both.q);
        rest_p -= both.p;
        rest_q -= both.q;
    }
    double surely_p = 0, surely_q = 0, unlisted = rest_p;
    for (const double p : only_aligned) {
        surely_p += positive(p - base.last);
        unlisted -= p;
    }
    for (const double q : only_base) surely_q += positive(q - aligned.last);

    DivergenceBounds bounds;
    const double left = positive(rest_q) + kRounding;
    bounds.kl_ab_lower = positive(kl + least_divergence(only_aligned, positive(unlisted), left, base.last));
    bounds.tv_upper = std::clamp(1 - least, 0.0, 1.0);
    bounds.tv_lower = std::min(bounds.tv_upper, std::max(more_p + std::max(positive(rest_p - rest_q), surely_p),
                                                         more_q + std::max(positive(rest_q - rest_p), surely_q)));
    return bounds;
}

}  // namespace urial::shift
