#pragma once

// The token-distribution-shift kernel: two rows of logits over one vocabulary and the token that was emitted, to every
// statistic of that position, exact over the whole vocabulary. Pure functions; any thread may call them. How it works
// and what its errors are: the essay at the top of kernel.cpp.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "logits/row.h"

namespace urial::shift {

using engine::Token;

/// What alignment did to a token, by the rank (from 1) of the aligned model's token in the base model's distribution.
enum class ShiftClass {
    Unshifted,  ///< rank 1
    Marginal,   ///< rank 2 or 3
    Shifted,    ///< beyond
};
constexpr ShiftClass shift_class(std::size_t rank) {
    if (rank <= 1) return ShiftClass::Unshifted;
    return rank <= 3 ? ShiftClass::Marginal : ShiftClass::Shifted;
}
constexpr std::string_view class_name(std::size_t rank) {
    switch (shift_class(rank)) {
        case ShiftClass::Unshifted: return "unshifted";
        case ShiftClass::Marginal: return "marginal";
        case ShiftClass::Shifted: break;
    }
    return "shifted";
}

using logits::available_paths;
using logits::KernelPath;
using logits::path_name;
using logits::TopToken;

struct KernelOptions {
    std::size_t vocabulary_size = 0;  ///< length of every row
    std::size_t top_k = 10;           ///< entries of the lists of the most likely tokens
    int threads = 0;                  ///< 0: one per core, fewer for little work. The results do not depend on it
    KernelPath path = KernelPath::Automatic;
};

/// One position: what both models say about the token that follows the same answer so far. Borrowed for the call.
///
/// A logit of -inf (or anything from -1e29 down, as some frameworks mask) is legal and means probability 0.
struct RowPair {
    const float* aligned = nullptr;  ///< [vocabulary_size] logits
    const float* base = nullptr;     ///< [vocabulary_size] logits
    Token token = 0;                 ///< the token that stands in the answer
    std::size_t position = 0;        ///< its place in the answer; only named in errors
};

/// What one of the two models says about the position.
struct SideStats {
    std::uint32_t rank = 0;     ///< as logits::TokenScore::rank
    double logp = 0;            ///< log-probability of the token, nats; -inf where its logit is
    double entropy = 0;         ///< nats
    Token argmax = 0;           ///< the most likely token, of tied ones the smallest id
    double margin = 0;          ///< nats by which argmax leads the second; 0 in a tie, +inf where there is no second
    std::vector<TopToken> top;  ///< best first, ties by id; tokens of probability 0 are left out
};

/// All in nats but the total variation, which is a probability.
struct PositionStats {
    Token token = 0;
    SideStats aligned;
    SideStats base;
    double kl_ab = 0;  ///< KL(aligned || base); +inf where base gives 0 to a token that aligned can emit
    double kl_ba = 0;  ///< KL(base || aligned); +inf likewise
    double js = 0;     ///< Jensen-Shannon divergence, in [0, ln 2]
    double tv = 0;     ///< total variation distance, in [0, 1]
};

/// Fills out[i] from rows[i]. Rows are independent of each other: neither their order nor the threads change a bit.
///
/// Throws Error{Model} naming the position, the model and the token where a logit is NaN, +inf or above 1e29 and where
/// a row gives every token probability 0; of several such rows the first is named. Throws Error{BadInput} for a token
/// outside the vocabulary, an empty vocabulary, spans of different lengths, and a path that this processor lacks.
void score_positions(std::span<const RowPair> rows, const KernelOptions& options, std::span<PositionStats> out);

}  // namespace urial::shift
