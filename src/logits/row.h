#pragma once

// One row of logits: log-probabilities, ranks and the most likely tokens, exact over the whole vocabulary. Pure
// functions; any thread may call them. How it works: the essay at the top of row.cpp.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "logits/loops.h"

namespace urial::logits {

using engine::Token;

/// Which machine code runs. The results of two paths differ in the last digits.
enum class KernelPath {
    Automatic,  ///< the fastest that this processor has
    Portable,   ///< four floats at a time, in what every compiler and processor can do
    Avx2,       ///< AVX2 and FMA
    Avx512,     ///< AVX-512 F
};
/// The paths that this processor can run, the slowest first; never empty, never contains Automatic.
std::vector<KernelPath> available_paths();
/// "portable", "avx2", "avx512"; for Automatic the name of the path that it stands for.
std::string_view path_name(KernelPath path);
/// Throws Error{BadInput} for a path that this processor lacks.
const Loops& loops_of(KernelPath path);

struct TopToken {
    Token token = 0;
    double logp = 0;  ///< nats
    bool operator==(const TopToken&) const = default;
};

/// What a row says of one token.
struct TokenScore {
    Token token = 0;
    double logp = 0;  ///< nats; -inf where its logit is
    /// 1 + the tokens with a greater logit + the tokens with the same logit and a smaller id. So ranks are a
    /// permutation of 1..V also where logits are tied (analyses that only count greater logits rank ties better than
    /// this).
    std::uint32_t rank = 0;
    std::vector<TopToken> top;  ///< best first, ties by id; tokens of probability 0 are left out
    bool operator==(const TokenScore&) const = default;
};

/// Of `token` and the `top` most likely ones. Throws Error{Model} where a logit is NaN, +inf or above 1e29 and where
/// every token has probability 0. A logit of -inf (or anything from -1e29 down, as some frameworks mask) is legal and
/// means probability 0.
TokenScore score_row(std::span<const float> row, Token token, std::size_t top);

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
    float threshold() const;
    void offer(float logit, Token token);

private:
    std::size_t capacity_;
    std::vector<Entry> entries_;
};

/// What one reading of a row finds.
struct RowSummary {
    explicit RowSummary(std::size_t top) : best(top) {}

    /// The first logit that is no usable number, or the vocabulary's size where the logits changed while they were
    /// read. Where there is one, nothing else has a meaning.
    std::optional<std::size_t> unusable;
    float max, min;
    std::uint32_t rank = 0;  ///< of the token: see TokenScore
    ExponentialSums sums;    ///< relative to max
    TopList best;

    bool is_empty() const { return sums.at_max == 0; }  ///< every token has probability 0
    double z() const { return static_cast<double>(sums.at_max) + sums.tail; }
    double log_z() const;
    double logp(float logit) const;
    /// The first so many of `best`.
    std::vector<TopToken> top(std::size_t count) const;
};
RowSummary summarise(const Loops& loops, std::span<const float> row, Token token, std::size_t top);

/// Of probability 0.
inline bool is_masked(float logit) { return logit <= kMasked; }

}  // namespace urial::logits
