#pragma once

// What two lists of most likely tokens say about the divergence of the distributions that they come from. Pure
// functions; docs/shift.md defines the numbers for users, bounds.cpp proves them.

#include <span>

#include "shift/kernel.h"

namespace urial::shift {

/// A bound is no estimate: the divergence itself may lie far from it.
struct DivergenceBounds {
    double kl_ab_lower = 0;  ///< KL(aligned || base) is at least this, nats; +inf where it is infinite for certain
    double tv_lower = 0;     ///< the total variation distance is at least this
    double tv_upper = 0;     ///< and at most this
};

/// `aligned_top`, `base_top`: the most likely tokens of both models at one position, best first, with exact
/// log-probabilities; every token that is not listed has at most the probability of the list's last, and an empty list
/// says nothing. `token`: one more token of which both log-probabilities are known.
DivergenceBounds bound_divergence(std::span<const TopToken> aligned_top, std::span<const TopToken> base_top,
                                  const TopToken& token_aligned, const TopToken& token_base);

}  // namespace urial::shift
