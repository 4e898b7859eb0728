// A row of logits (262,144 of them for Gemma 3, 1 MiB) is read once, in blocks that fit the first-level cache. scan()
// finds the block's maximum, counts the logits above the token's (the rank: equal logits count for smaller ids, so the
// block that holds the token is cut there) and looks for NaN. When the maximum rises, the sums so far are scaled down
// to the new one. Then sum_exponentials() adds e = exp(x - max) and e (x - max), which give log Z and the entropy
//     H = log z - (sum of e (x - max)) / z,
// two terms that are never negative. Logits equal to the maximum are counted, not added: z = count + tail and
// log z = log(count) + log1p(tail / count) keep their digits however peaked the distribution is. The top k costs one
// comparison per block: only a block whose maximum exceeds the k-th best so far is searched.
//
// The loops run in floats, summed over a few dozen terms in each lane and then folded into doubles.
//
// Masked tokens (-inf, or at most -1e29) have probability 0. They are kept out of the fast loops: exp() takes them for
// exp(-86), too little to be seen.

#include "logits/row.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/cpu_level.h"
#include "base/error.h"

namespace urial::logits {
namespace {

/// More than the empty lanes of the vectors at the ends of blocks.
constexpr std::size_t kPadding = 64;

/// Gives the sums the new maximum to relate to.
void raise_maximum(RowSummary& row, float max) {
    if (row.sums.at_max != 0) {
        const double rise = static_cast<double>(max) - static_cast<double>(row.max);
        const double factor = std::exp(-rise);
        row.sums.weighted = factor * (row.sums.weighted - rise * row.z());
        row.sums.tail = factor * row.z();
        row.sums.at_max = 0;
    }
    row.max = max;
}

/// Takes a block that begins with token `start` and has this maximum.
void take_block(const Loops& loops, RowSummary& row, std::span<const float> block, std::size_t start, float max) {
    if (is_masked(max)) return;
    if (max > row.max) raise_maximum(row, max);
    loops.sum_exponentials(block.data(), block.size(), row.max, row.sums);
    if (!(max > row.best.threshold())) return;
    std::uint32_t indices[kBlock];
    const std::size_t found = loops.collect(block.data(), block.size(), row.best.threshold(), indices);
    for (std::size_t i = 0; i < found; ++i) {
        row.best.offer(block[indices[i]], static_cast<Token>(start + indices[i]));
    }
}

/// Forgets sums that a vocabulary of masked tokens would give too: the loops take exp(-86) for the least value.
void drop_dust(RowSummary& row, std::size_t vocabulary) {
    if (row.sums.tail < 5e-38 * static_cast<double>(vocabulary + kPadding)) row.sums.tail = row.sums.weighted = 0;
}

std::size_t first_unusable(std::span<const float> row) {
    const auto is_unusable = [](float logit) { return !(logit <= -kMasked); };
    return static_cast<std::size_t>(std::ranges::find_if(row, is_unusable) - row.begin());
}

/// The rank of a token of logit -inf: behind all that are not, among its equals by id.
std::uint32_t rank_among_masked(std::span<const float> row, std::size_t token) {
    std::uint32_t rank = 1;
    for (std::size_t id = 0; id < row.size(); ++id) {
        if (id < token ? row[id] >= row[token] : row[id] > row[token]) ++rank;
    }
    return rank;
}

bool is_available(KernelPath path) {
#if defined(__x86_64__)
    if (path == KernelPath::Avx2) return cpu_level() >= CpuLevel::Avx2;
    if (path == KernelPath::Avx512) return cpu_level() >= CpuLevel::Avx512;
#endif
    return path == KernelPath::Portable;
}

KernelPath resolve(KernelPath path) { return path == KernelPath::Automatic ? available_paths().back() : path; }

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

const Loops& loops_of(KernelPath path) {
    const KernelPath resolved = resolve(path);
    if (!is_available(resolved)) {
        throw error(ErrorKind::BadInput, "this processor cannot run the {} path of the kernel", path_name(resolved));
    }
#if defined(__x86_64__)
    if (resolved == KernelPath::Avx2) return avx2_loops;
    if (resolved == KernelPath::Avx512) return avx512_loops;
#endif
    return portable_loops;
}

float TopList::threshold() const {
    if (capacity_ == 0) return std::numeric_limits<float>::infinity();
    return entries_.size() < capacity_ ? kMasked : entries_.back().logit;
}

void TopList::offer(float logit, Token token) {
    if (!(logit > threshold())) return;
    const auto better = [](float value, const Entry& entry) { return value > entry.logit; };
    entries_.insert(std::upper_bound(entries_.begin(), entries_.end(), logit, better), {logit, token});
    if (entries_.size() > capacity_) entries_.pop_back();
}

double RowSummary::log_z() const {
    const double count = static_cast<double>(sums.at_max);
    return std::log(count) + std::log1p(sums.tail / count);
}

double RowSummary::logp(float logit) const {
    if (is_masked(logit)) return -std::numeric_limits<double>::infinity();
    return (static_cast<double>(logit) - static_cast<double>(max)) - log_z();
}

std::vector<TopToken> RowSummary::top(std::size_t count) const {
    std::vector<TopToken> tokens;
    for (std::size_t i = 0; i < std::min(count, best.entries().size()); ++i) {
        tokens.push_back({best.entries()[i].token, logp(best.entries()[i].logit)});
    }
    return tokens;
}

RowSummary summarise(const Loops& loops, std::span<const float> row, Token token, std::size_t top) {
    const auto place = static_cast<std::size_t>(token);
    RowSummary summary(top);
    summary.max = -std::numeric_limits<float>::infinity();
    summary.min = std::numeric_limits<float>::infinity();
    BlockScan scan = {};
    for (std::size_t start = 0, end = 0; start < row.size(); start = end) {
        end = std::min((start / kBlock + 1) * kBlock, row.size());
        if (start < place && place < end) end = place;
        const std::span<const float> block = row.subspan(start, end - start);
        loops.scan(block.data(), block.size(), row[place], start < place, scan);
        if (scan.nan || scan.max > -kMasked) {
            summary.unusable = first_unusable(row);
            return summary;
        }
        summary.min = std::min(summary.min, scan.min);
        take_block(loops, summary, block, start, scan.max);
    }
    summary.rank = std::isinf(row[place]) ? rank_among_masked(row, place) : 1 + scan.above;
    drop_dust(summary, row.size());
    return summary;
}

TokenScore score_row(std::span<const float> row, Token token, std::size_t top) {
    static const Loops& loops = loops_of(KernelPath::Automatic);
    if (token < 0 || static_cast<std::size_t>(token) >= row.size()) {
        throw error(ErrorKind::BadInput, "token {} is outside the vocabulary of {} tokens", token, row.size());
    }
    const RowSummary summary = summarise(loops, row, token, top);
    if (summary.unusable) {
        throw error(ErrorKind::Model,
                    "the model's logit of token {} is not a usable number; the model file or its adapter is damaged, "
                    "or its weight type overflows: try F32 or BF16 weights",
                    *summary.unusable);
    }
    if (summary.is_empty()) {
        throw Error(ErrorKind::Model, "the model gives every token probability 0 (all its logits are -inf)");
    }
    return {token, summary.logp(row[static_cast<std::size_t>(token)]), summary.rank, summary.top(top)};
}

}  // namespace urial::logits
