// The token-distribution-shift kernel.
//
// The task. For each position of an answer two rows of logits a[V] and b[V] over the same vocabulary (V is 262,144 for
// Gemma 3), of the aligned and of the base model. Wanted: ranks, log-probabilities, both Kullback-Leibler divergences,
// Jensen-Shannon, total variation, entropies and the top k of both, over the whole vocabulary, each to 1e-5 relative.
// A row is 1 MiB and is read twice, but arithmetic takes most of the time: some hundred vector instructions for each
// pair of vectors. So it runs in floats, summed over a few dozen terms in each lane and then folded into doubles.
//
// The first pass walks over both rows in blocks that fit the first-level cache. scan() finds the block's maxima, counts
// the logits above the emitted token's (the rank: equal logits count for smaller ids, so the block that holds the token
// is cut there) and looks for NaN. When a maximum rises, the sums so far are scaled down to the new one. Then
// sum_exponentials() adds e = exp(x - max) and e (x - max), which give log Z and the entropy
//     H = log z - (sum of e (x - max)) / z,
// two terms that are never negative. Logits equal to the maximum are counted, not added: z = count + tail and
// log z = log(count) + log1p(tail / count) keep their digits however peaked the distribution is. The top k costs one
// comparison per block: only a block whose maximum exceeds the k-th best so far is searched.
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
// distribution can emit a token that its second one cannot. They are kept out of the fast loops: the first pass takes
// their exp() for exp(-86), too little to be seen, and in the second one a finite floor stands in for their logits.

#include "shift/kernel.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/cpu_level.h"
#include "base/error.h"
#include "base/parallel.h"
#include "shift/kernel_path.h"

namespace urial::shift {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// More than the empty lanes of the vectors at the ends of blocks.
constexpr std::size_t kPadding = 64;

bool is_masked(float logit) { return logit <= kMasked; }

/// The best tokens of a row that is offered in ascending order of ids.
class TopList {
public:
    explicit TopList(std::size_t capacity) : capacity_(capacity) { entries_.reserve(capacity + 1); }

    struct Entry {
        float logit;
        Token token;
    };
    const std::vector<Entry>& entries() const { return entries_; }

    /// A logit enters only above this: of tied ones the smallest ids stay.
    float threshold() const { return entries_.size() < capacity_ ? kMasked : entries_.back().logit; }

    void offer(float logit, Token token) {
        if (!(logit > threshold())) return;
        const auto better = [](float value, const Entry& entry) { return value > entry.logit; };
        entries_.insert(std::upper_bound(entries_.begin(), entries_.end(), logit, better), {logit, token});
        if (entries_.size() > capacity_) entries_.pop_back();
    }

private:
    std::size_t capacity_;
    std::vector<Entry> entries_;
};

/// One row during and after the first pass.
struct RowSide {
    RowSide(const float* row, std::size_t top) : logits(row), best(top) {}

    const float* logits;
    float max = -std::numeric_limits<float>::infinity();
    float min = std::numeric_limits<float>::infinity();
    std::uint32_t above = 0;  ///< logits that rank before the token's
    ExponentialSums sums;
    TopList best;

    /// Forgets sums that a vocabulary of masked tokens would give too: the loops take exp(-86) for the least value.
    void drop_dust(std::size_t vocabulary) {
        if (sums.tail < 5e-38 * static_cast<double>(vocabulary + kPadding)) sums.tail = sums.weighted = 0;
    }
    double z() const { return static_cast<double>(sums.at_max) + sums.tail; }
    double log_z() const {
        const double count = static_cast<double>(sums.at_max);
        return std::log(count) + std::log1p(sums.tail / count);
    }
};

/// Gives the sums the new maximum to relate to.
void raise_maximum(RowSide& side, float max) {
    if (side.sums.at_max != 0) {
        const double rise = static_cast<double>(max) - static_cast<double>(side.max);
        const double factor = std::exp(-rise);
        side.sums.weighted = factor * (side.sums.weighted - rise * side.z());
        side.sums.tail = factor * side.z();
        side.sums.at_max = 0;
    }
    side.max = max;
}

void take_block(const Path& path, RowSide& side, std::size_t start, std::size_t count, float max, float min) {
    side.min = std::min(side.min, min);
    if (is_masked(max)) return;
    if (max > side.max) raise_maximum(side, max);
    path.sum_exponentials(side.logits + start, count, side.max, side.sums);
    if (!(max > side.best.threshold())) return;
    std::uint32_t indices[kBlock];
    const std::size_t found = path.collect(side.logits + start, count, side.best.threshold(), indices);
    for (std::size_t i = 0; i < found; ++i) {
        const std::size_t id = start + indices[i];
        side.best.offer(side.logits[id], static_cast<Token>(id));
    }
}

[[noreturn]] void throw_bad_logit(const RowPair& row, std::size_t start, std::size_t count) {
    for (std::size_t id = start; id < start + count; ++id) {
        for (const bool aligned : {true, false}) {
            const float logit = (aligned ? row.aligned : row.base)[id];
            if (logit <= -kMasked) continue;
            throw error(ErrorKind::Model,
                        "position {}: the {} model's logit of token {} is {}, which is not a usable number; the model "
                        "file or its adapter is damaged, or its weight type overflows: try F32 or BF16 weights",
                        row.position, aligned ? "aligned" : "base", id, logit);
        }
    }
    throw error(ErrorKind::Model, "position {}: the logits changed while they were read", row.position);
}

/// The rank of a token of logit -inf: behind all that are not, among its equals by id.
std::uint32_t rank_among_masked(const float* logits, std::size_t count, std::size_t token) {
    std::uint32_t rank = 1;
    for (std::size_t id = 0; id < count; ++id) {
        if (id < token ? logits[id] >= logits[token] : logits[id] > logits[token]) ++rank;
    }
    return rank;
}

SideStats side_stats(const RowSide& side, std::size_t vocabulary, std::size_t token, std::size_t top_k) {
    const double log_z = side.log_z();
    const auto logp = [&](float logit) {
        return is_masked(logit) ? -kInfinity : (static_cast<double>(logit) - static_cast<double>(side.max)) - log_z;
    };
    const float logit = side.logits[token];
    SideStats stats;
    stats.rank = std::isinf(logit) ? rank_among_masked(side.logits, vocabulary, token) : 1 + side.above;
    stats.logp = logp(logit);
    stats.entropy = log_z - side.sums.weighted / side.z();
    const auto& best = side.best.entries();
    stats.argmax = best[0].token;
    stats.margin =
        best.size() < 2 ? kInfinity : static_cast<double>(best[0].logit) - static_cast<double>(best[1].logit);
    for (std::size_t i = 0; i < std::min(top_k, best.size()); ++i) {
        stats.top.push_back({best[i].token, logp(best[i].logit)});
    }
    return stats;
}

Normalisers normalisers(const RowSide& aligned, const RowSide& base) {
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
void compare_with_floors(const Path& path, const float* aligned, const float* base, std::size_t count,
                         const Normalisers& constants, DivergenceSums& sums) {
    float a[kBlock], b[kBlock];
    for (std::size_t i = 0; i < count; ++i) {
        a[i] = std::max(aligned[i], constants.aligned_floor);
        b[i] = std::max(base[i], constants.base_floor);
    }
    path.compare(a, b, count, constants, sums);
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

void first_pass(const RowPair& row, const Path& path, std::size_t vocabulary, RowSide& aligned, RowSide& base) {
    const auto token = static_cast<std::size_t>(row.token);
    BlockScan scan = {};
    for (std::size_t start = 0, end = 0; start < vocabulary; start = end) {
        end = std::min((start / kBlock + 1) * kBlock, vocabulary);
        if (start < token && token < end) end = token;
        const std::size_t count = end - start;
        path.scan(row.aligned + start, row.base + start, count, row.aligned[token], row.base[token], start < token,
                  scan);
        if (scan.nan || scan.aligned_max > -kMasked || scan.base_max > -kMasked) throw_bad_logit(row, start, count);
        take_block(path, aligned, start, count, scan.aligned_max, scan.aligned_min);
        take_block(path, base, start, count, scan.base_max, scan.base_min);
    }
    aligned.above = scan.aligned_above;
    base.above = scan.base_above;
    for (RowSide* side : {&aligned, &base}) {
        if (side->sums.at_max == 0) {
            throw error(ErrorKind::Model,
                        "position {}: the {} model gives every token probability 0 (all its logits are -inf)",
                        row.position, side == &aligned ? "aligned" : "base");
        }
        side->drop_dust(vocabulary);
    }
}

void second_pass(const RowPair& row, const Path& path, std::size_t vocabulary, const RowSide& aligned,
                 const RowSide& base, PositionStats& stats) {
    const bool masked = is_masked(aligned.min) || is_masked(base.min);
    const Normalisers constants = normalisers(aligned, base);
    DivergenceSums sums;
    for (std::size_t start = 0; start < vocabulary; start += kBlock) {
        const std::size_t count = std::min(kBlock, vocabulary - start);
        const float *a = row.aligned + start, *b = row.base + start;
        if (masked) {
            compare_with_floors(path, a, b, count, constants, sums);
        } else {
            path.compare(a, b, count, constants, sums);
        }
    }
    put_divergences(sums, stats);
    if (masked) put_infinite_divergences(row, vocabulary, stats);
}

void score_position(const RowPair& row, const Path& path, const KernelOptions& options, PositionStats& stats) {
    const std::size_t vocabulary = options.vocabulary_size, top = std::max<std::size_t>(options.top_k, 2);
    const auto token = static_cast<std::size_t>(row.token);
    RowSide aligned(row.aligned, top), base(row.base, top);
    first_pass(row, path, vocabulary, aligned, base);
    stats.token = row.token;
    stats.aligned = side_stats(aligned, vocabulary, token, options.top_k);
    stats.base = side_stats(base, vocabulary, token, options.top_k);
    second_pass(row, path, vocabulary, aligned, base, stats);
}

/// One per core (0), but one alone where the others would have less to do (0.1 ms) than waking them costs.
int threads_for(std::size_t logits) {
    constexpr std::size_t kLogitsPerThread = 65536;
    return logits < 2 * kLogitsPerThread ? 1 : 0;
}

bool is_available(KernelPath path) {
#if defined(__x86_64__)
    if (path == KernelPath::Avx2) return cpu_level() >= CpuLevel::Avx2;
    if (path == KernelPath::Avx512) return cpu_level() >= CpuLevel::Avx512;
#endif
    return path == KernelPath::Portable;
}

KernelPath resolve(KernelPath path) { return path == KernelPath::Automatic ? available_paths().back() : path; }

const Path& loops(KernelPath path) {
#if defined(__x86_64__)
    if (path == KernelPath::Avx2) return avx2_path;
    if (path == KernelPath::Avx512) return avx512_path;
#endif
    return portable_path;
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

std::vector<KernelPath> available_paths() {
    std::vector<KernelPath> paths;
    for (const KernelPath path : {KernelPath::Portable, KernelPath::Avx2, KernelPath::Avx512}) {
        if (is_available(path)) paths.push_back(path);
    }
    return paths;
}

std::string_view path_name(KernelPath path) {
    switch (resolve(path)) {
        case KernelPath::Avx2: return "avx2";
        case KernelPath::Avx512: return "avx512";
        default: return "portable";
    }
}

void score_positions(std::span<const RowPair> rows, const KernelOptions& options, std::span<PositionStats> out) {
    check(rows, options, out.size());
    const KernelPath path = resolve(options.path);
    if (!is_available(path)) {
        throw error(ErrorKind::BadInput, "this processor cannot run the {} path of the kernel", path_name(path));
    }
    const int threads = options.threads > 0 ? options.threads : threads_for(rows.size() * options.vocabulary_size);
    for_each_parallel(rows.size(), threads,
                      [&](std::size_t i) { score_position(rows[i], loops(path), options, out[i]); });
}

}  // namespace urial::shift
