// The token-distribution-shift kernel.
//
// The task. For each position of an answer two rows of logits a[V] and b[V] over the same vocabulary (V is 262,144 for
// Gemma 3), of the aligned and of the base model. Wanted: ranks, log-probabilities, both Kullback-Leibler divergences,
// Jensen-Shannon, total variation, entropies and the top k of both, over the whole vocabulary, each to 1e-5 relative.
// A row is 1 MiB and is read twice, but arithmetic takes most of the time: some hundred vector instructions for each
// pair of vectors. So it runs in floats, summed over a few dozen terms in each lane and then folded into doubles.
//
// The first pass reads each row alone and gives log Z, entropy, rank and the top k: see logits/row.cpp.
//
// The second pass computes the divergences, and cancellation is what complicates it. For two models that nearly agree
// KL(a||b) = sum p (log p - log q) is a sum of terms around 1e-5 of both signs whose value is 1e-9. Subtracting a
// constant before summing does not help: floats round the terms themselves. So the sums are of terms that cannot be
// negative. With t = log(p/q) for one token and since both probabilities sum to 1,
//     KL(a||b) = sum p t - p + q,   KL(b||a) = sum -q t - q + p,
// whose terms are near p t^2 / 2. Let P be the larger probability, tau = |t| and x = 1 - exp(-tau), so that the
// smaller one is P (1 - x). Then every term of every measure is P times one of
//     |p - q|:            x
//     KL from the larger: alpha = tau - x                 (aligned || base where p > q, else base || aligned)
//     KL from the other:  beta = x - (1 - x) tau = tau x - alpha
//     2 JS:               beta - x^2 theta(x),   theta(x) = (x + (2 - x) ln(1 - x/2)) / x^2, smooth on [0, 1].
// alpha is where digits would be lost, but it is exp(-tau) - 1 + tau, and that is an intermediate value of the
// exponential function while tau < ln 2: exp(f) = 1 + f + f^2 R(f). Two exponentials and one polynomial do it all.
//
// What is left is t itself, t = (a - b) - shift with shift = (max a + log z_a) - (max b + log z_b). The difference is
// formed exactly, as a sum of two floats, because b may be a plus a large constant. The shift is known to about 1e-7
// from the first pass. In the KL sums that error enters only in second order; r = (sum of q) - 1, as it comes out of
// the second pass with q = p exp(-t), tells what it was, and the results are put right:
//     KL(a||b) += log1p(r) - r,   KL(b||a) = (KL(b||a) + r) / (1 + r) - log1p(r),
//     TV += r/2 ((sum of q where p > q) - (sum of q elsewhere)),   JS -= r^2/8 (which only matters where p is near q).
//
// Errors. Against a long double oracle (tests/shift/kernel_test.cpp) every number agrees to 1e-5 relative (3e-6 is the
// worst seen), or within these absolute bounds where its true value is so small that relative accuracy has no meaning:
// log-probabilities and entropies 1e-30 (exp() ends at exp(-86)), KL and JS 1e-17, TV 1e-12. Identical rows give
// exactly 0. Ranks and lists are exact.
//
// Masked tokens (-inf, or at most -1e29) have probability 0, with 0 log 0 = 0; a KL is +inf where its first
// distribution can emit a token that its second one cannot. They are kept out of the fast loops: in the second pass a
// finite floor stands in for their logits.

#include "shift/kernel.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "base/parallel.h"
#include "logits/loops.h"

namespace urial::shift {
namespace {

using logits::DivergenceSums;
using logits::is_masked;
using logits::kBlock;
using logits::Loops;
using logits::Normalisers;
using logits::RowSummary;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

[[noreturn]] void throw_bad_logit(const RowPair& row, bool aligned, std::size_t id, std::size_t vocabulary) {
    if (id >= vocabulary) {
        throw error(ErrorKind::Model, "position {}: the logits changed while they were read", row.position);
    }
    throw error(ErrorKind::Model,
                "position {}: the {} model's logit of token {} is {}, which is not a usable number; the model file or "
                "its adapter is damaged, or its weight type overflows: try F32 or BF16 weights",
                row.position, aligned ? "aligned" : "base", id, (aligned ? row.aligned : row.base)[id]);
}

/// The first pass over one of the rows.
RowSummary summary_of(const RowPair& row, bool aligned, const Loops& loops, std::size_t vocabulary, std::size_t top) {
    RowSummary summary =
        logits::summarise(loops, std::span(aligned ? row.aligned : row.base, vocabulary), row.token, top);
    if (summary.unusable) throw_bad_logit(row, aligned, *summary.unusable, vocabulary);
    if (summary.is_empty()) {
        throw error(ErrorKind::Model,
                    "position {}: the {} model gives every token probability 0 (all its logits are -inf)", row.position,
                    aligned ? "aligned" : "base");
    }
    return summary;
}

SideStats side_stats(const RowSummary& side, float logit, std::size_t top_k) {
    SideStats stats;
    stats.rank = side.rank;
    stats.logp = side.logp(logit);
    stats.entropy = side.log_z() - side.sums.weighted / side.z();
    const auto& best = side.best.entries();
    stats.argmax = best[0].token;
    stats.margin =
        best.size() < 2 ? kInfinity : static_cast<double>(best[0].logit) - static_cast<double>(best[1].logit);
    stats.top = side.top(top_k);
    return stats;
}

Normalisers normalisers(const RowSummary& aligned, const RowSummary& base) {
    const double shift =
        (static_cast<double>(aligned.max) - static_cast<double>(base.max)) + (aligned.log_z() - base.log_z());
    const float high = static_cast<float>(shift);
    return {.aligned_max = aligned.max,
            .base_max = base.max,
            .aligned_log_z = static_cast<float>(aligned.log_z()),
            .base_log_z = static_cast<float>(base.log_z()),
            .shift_high = high,
            .shift_low = static_cast<float>(shift - static_cast<double>(high)),
            .aligned_floor = aligned.max - 1e30F,
            .base_floor = base.max - 1e30F};
}

/// compare() for blocks that may hold masked tokens.
void compare_with_floors(const Loops& loops, const float* aligned, const float* base, std::size_t count,
                         const Normalisers& constants, DivergenceSums& sums) {
    float a[kBlock], b[kBlock];
    for (std::size_t i = 0; i < count; ++i) {
        a[i] = std::max(aligned[i], constants.aligned_floor);
        b[i] = std::max(base[i], constants.base_floor);
    }
    loops.compare(a, b, count, constants, sums);
}

void put_divergences(const DivergenceSums& sums, PositionStats& stats) {
    const double excess = sums.distance - 2 * sums.aligned_surplus;  // the essay's r
    const double base_where_aligned_ahead = sums.aligned_ahead - sums.aligned_surplus;
    const double kl_ab = sums.kl_ab + (std::log1p(excess) - excess);
    const double kl_ba = (sums.kl_ba + excess) / (1 + excess) - std::log1p(excess);
    const double tv = sums.distance / 2 + excess / 2 * (2 * base_where_aligned_ahead - 1);
    // Rounding may step over the bounds by its own size.
    stats.kl_ab = std::max(kl_ab, 0.0);
    stats.kl_ba = std::max(kl_ba, 0.0);
    stats.js = std::clamp(sums.js / 2 - excess * excess / 8, 0.0, std::numbers::ln2);
    stats.tv = std::clamp(tv, 0.0, 1.0);
}

void put_infinite_divergences(const RowPair& row, std::size_t vocabulary, PositionStats& stats) {
    for (std::size_t id = 0; id < vocabulary; ++id) {
        const bool aligned_masked = is_masked(row.aligned[id]), base_masked = is_masked(row.base[id]);
        if (base_masked && !aligned_masked) stats.kl_ab = kInfinity;
        if (aligned_masked && !base_masked) stats.kl_ba = kInfinity;
    }
}

void second_pass(const RowPair& row, const Loops& loops, std::size_t vocabulary, const RowSummary& aligned,
                 const RowSummary& base, PositionStats& stats) {
    const bool masked = is_masked(aligned.min) || is_masked(base.min);
    const Normalisers constants = normalisers(aligned, base);
    DivergenceSums sums;
    for (std::size_t start = 0; start < vocabulary; start += kBlock) {
        const std::size_t count = std::min(kBlock, vocabulary - start);
        const float *a = row.aligned + start, *b = row.base + start;
        if (masked) {
            compare_with_floors(loops, a, b, count, constants, sums);
        } else {
            loops.compare(a, b, count, constants, sums);
        }
    }
    put_divergences(sums, stats);
    if (masked) put_infinite_divergences(row, vocabulary, stats);
}

void score_position(const RowPair& row, const Loops& loops, const KernelOptions& options, PositionStats& stats) {
    const std::size_t vocabulary = options.vocabulary_size, top = std::max<std::size_t>(options.top_k, 2);
    const RowSummary aligned = summary_of(row, true, loops, vocabulary, top);
    const RowSummary base = summary_of(row, false, loops, vocabulary, top);
    stats.token = row.token;
    stats.aligned = side_stats(aligned, row.aligned[row.token], options.top_k);
    stats.base = side_stats(base, row.base[row.token], options.top_k);
    second_pass(row, loops, vocabulary, aligned, base, stats);
}

/// One per core (0), but one alone where the others would have less to do (0.1 ms) than waking them costs.
int threads_for(std::size_t logits) {
    constexpr std::size_t kLogitsPerThread = 65536;
    return logits < 2 * kLogitsPerThread ? 1 : 0;
}

void check(std::span<const RowPair> rows, const KernelOptions& options, std::size_t out_size) {
    if (out_size != rows.size()) {
        throw error(ErrorKind::BadInput, "{} rows to score, but room for {} results", rows.size(), out_size);
    }
    // Token ids are 32 bits, and so are the counts of the ranks.
    const std::size_t most = std::numeric_limits<Token>::max();
    if (options.vocabulary_size == 0 || options.vocabulary_size > most) {
        throw error(ErrorKind::BadInput, "a vocabulary of {} tokens cannot be scored: 1 to {} can",
                    options.vocabulary_size, most);
    }
    for (const RowPair& row : rows) {
        if (row.token >= 0 && static_cast<std::size_t>(row.token) < options.vocabulary_size) continue;
        throw error(ErrorKind::BadInput,
                    "position {}: token {} is outside the vocabulary of {} tokens; was the answer made with another "
                    "model's tokenizer?",
                    row.position, row.token, options.vocabulary_size);
    }
}

}  // namespace

void score_positions(std::span<const RowPair> rows, const KernelOptions& options, std::span<PositionStats> out) {
    check(rows, options, out.size());
    const Loops& loops = logits::loops_of(options.path);
    const int threads = options.threads > 0 ? options.threads : threads_for(rows.size() * options.vocabulary_size);
    for_each_parallel(rows.size(), threads, [&](std::size_t i) { score_position(rows[i], loops, options, out[i]); });
}

}  // namespace urial::shift
