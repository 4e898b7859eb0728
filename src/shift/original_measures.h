#pragma once

// The measures of the original token-distribution-shift analysis (arXiv 2312.01552, its published analysis code), so
// that old results can be compared. They see only the first tokens of both models and compare them by decoded text; the
// exact ones over the whole vocabulary are in shift/kernel.h. Pure functions.

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "shift/kernel.h"

namespace urial::shift {

/// How many of a model's best tokens the original stores for each position.
inline constexpr std::size_t kOriginalListLength = 30;

struct ListedToken {
    engine::Token token = 0;
    std::string text;  ///< decoded on its own; several tokens may have the same text (parts of characters do)
    double logit = 0;  ///< or its log-probability: only differences within a list count
};

/// The names under which the measures are stored (docs/shift.md), all but the first two as they are in
/// OriginalMeasures with k = 10 or 50. The ranks count from 0 and are k where there is none.
inline constexpr std::array<std::string_view, 9> kOriginalNames{"base_rank10",  "base_rank50",    "jaccard10",
                                                                "jaccard50",    "ndcg",           "ws",
                                                                "kl_truncated", "kl_truncated50", "base_prob50"};

/// In every measure p is the softmax over the logits of one list, not over the vocabulary: p1 of the base model's list,
/// p2 of the aligned model's. "In the first k" is by text, and a text that occurs twice stands where it occurs first.
struct OriginalMeasures {
    /// Where the aligned model's first token stands among the base model's first k, from 0; nullopt where it does not.
    /// (The original writes k then.) It is the aligned model's arg-max, not the token of the answer.
    std::optional<std::size_t> base_rank;
    ShiftClass label = ShiftClass::Shifted;  ///< of base_rank
    double kl = 0;              ///< KL@k: sum of p1 ln(p1/p2) over the texts in both first k; may be negative, nats
    double jaccard = 0;         ///< Jaccard@k of the two sets of texts
    double weighted_sum = 0;    ///< WS@k: sum of p1 p2 over the texts in both first k
    double base_prob = 0;       ///< TP@k: p1 of the aligned model's first token, 0 where it is not in the first k
    double two_sided_prob = 0;  ///< mean of base_prob and p2 of the base model's first token, likewise
    double ndcg = 0;            ///< of the base list; relevance 1/log2(j+2) by aligned rank j, by token id, without k
};

/// Both lists are sorted, the best first. The original uses k = 10 and 50 (there: all 30 entries).
/// Throws Error{BadInput} for an empty or unsorted list, a logit that is not finite, and k = 0.
OriginalMeasures original_measures(std::span<const ListedToken> base, std::span<const ListedToken> aligned,
                                   std::size_t k);

}  // namespace urial::shift
