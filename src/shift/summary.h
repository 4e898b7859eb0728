#pragma once

// What a shift run says as a whole: shares of the three classes with intervals, the shift along the answer, the tokens
// and answers that carry it. Pure: from records (shift/record.h), nothing of a model. docs/shift.md defines every
// number.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "shift/record.h"
#include "shift/token_groups.h"

namespace urial::shift {

/// A value with its 95 % interval: percentiles of kBootstrapSamples resamples of whole answers, from a fixed seed.
/// With fewer than two answers there is no interval: low and high are the value. All are NaN where nothing was counted.
struct Estimate {
    double value = 0;
    double low = 0;
    double high = 0;
};
inline constexpr int kBootstrapSamples = 2000;

/// Shares of positions, in [0, 1].
struct ClassShares {
    Estimate unshifted;
    Estimate marginal;
    Estimate shifted;
};

/// Positions begin <= i < end of every answer that is as long. Positions count from 0.
struct PositionBin {
    std::size_t begin = 0;
    std::size_t end = 0;  ///< 0: no end
    std::size_t positions = 0;
    ClassShares shares;
    /// Mean, nats, without the tokens that end answers; nullopt: no other, or the records have only its bound.
    std::optional<Estimate> kl_without_ends;
    std::optional<Estimate> kl_lower_without_ends;  ///< likewise, of the lower bound
    Estimate base_rank;                             ///< mean rank of the token in the base model, at most kRankCap each
    Estimate base_prob;                             ///< mean probability that the base model gives the token
};

struct TokenShift {
    Token token = 0;
    std::string piece;
    std::size_t count = 0;    ///< occurrences in the answers
    std::size_t shifted = 0;  ///< of these, shifted ones
    TokenGroup group = TokenGroup::Content;
};

struct GroupShift {
    TokenGroup group = TokenGroup::Content;
    std::size_t count = 0;
    std::size_t shifted = 0;
};

struct AnswerShift {
    std::string id;
    std::string instruction;
    std::size_t positions = 0;
    double shifted = 0;  ///< share of positions
    double kl_ab = 0;    ///< mean, nats; NaN where the records have only its bound
};

struct TagShift {
    std::string tag;  ///< "task: writing"
    std::size_t answers = 0;
    std::size_t positions = 0;
    ClassShares shares;
    Estimate kl_ab;
};

/// The original analysis' own measures (shift/original_measures.h), over the positions of records that have them.
struct OriginalSummary {
    ClassShares shares;           ///< by where the aligned model's first choice stands among the base model's first 10
    std::vector<Estimate> means;  ///< in the order of kOriginalNames
};

/// Means of what bounds the divergences, over the positions of records that have no more (shift/bounds.h). A bound is
/// no estimate.
struct BoundsSummary {
    std::size_t positions = 0;
    std::size_t infinite_kl = 0;  ///< positions whose KL is infinite for certain; they are left out of its means
    Estimate kl_ab_lower;         ///< the mean KL(aligned || base) is at least this, nats
    Estimate kl_lower_without_ends;
    Estimate tv_lower;  ///< the mean total variation distance is at least this
    Estimate tv_upper;  ///< and at most this
};

struct Summary {
    std::size_t answers = 0;
    std::size_t positions = 0;
    std::size_t repeated = 0;     ///< records that stand in the file again; each answer counts once
    std::size_t infinite_kl = 0;  ///< positions whose KL is infinite; they are left out of its means
    ClassShares shares;
    Estimate kl_ab;                  ///< mean, nats, over the positions that have one
    std::size_t ends = 0;            ///< positions whose token ends its answer (ends_answer)
    double ends_kl_share = 0;        ///< their part of the sum of the KL, in [0, 1]
    Estimate kl_without_ends;        ///< mean over the other positions, nats
    Estimate self_agreement;         ///< share of positions where the token is the aligned model's arg-max
    std::size_t near_ties_base = 0;  ///< positions where the model's two best tokens are closer than kNearTie
    std::size_t near_ties_aligned = 0;
    std::vector<PositionBin> bins;
    std::vector<TokenShift> tokens;             ///< those shifted most often first, at most kMostTokens
    std::vector<GroupShift> groups;             ///< in the order of TokenGroup
    std::vector<AnswerShift> answers_by_shift;  ///< the most shifted first, all of them
    std::vector<TagShift> tags;                 ///< sorted by name
    std::optional<OriginalSummary> original;    ///< nullopt: no record has them
    std::optional<BoundsSummary> bounds;        ///< nullopt: the KL of every position is known
};
/// Nats of margin. Tighter than generate's kNearTieGap: shift runs compute in precise arithmetic, where a margin moves
/// by less than a hundredth of what it moves by in the engine's.
inline constexpr double kNearTie = 0.05;
inline constexpr std::size_t kMostTokens = 200;
/// A self-agreement below this has a cause that the analysis should not hide.
inline constexpr double kLowSelfAgreement = 0.9;

/// Takes records one by one and keeps a few numbers of each. A value; not thread-safe.
class Summarizer {
public:
    void add(const ShiftRecord& record);
    Summary finish() const;

private:
    /// A divergence, or a bound of it, over some positions; at some it is infinite.
    struct Divergence {
        std::size_t positions = 0;                // that have one
        std::size_t finite = 0, finite_ends = 0;  // finite_ends: of them those of tokens that end answers
        double sum = 0, sum_ends = 0;
        void add(double value, bool is_end);
    };
    struct BinCounts {
        std::size_t positions = 0, marginal = 0, shifted = 0, ends = 0;
        Divergence kl, kl_lower;
        double tv_lower = 0, tv_upper = 0;  // over the positions of kl_lower
        double rank = 0, probability = 0;
    };
    struct OriginalCounts {
        std::size_t positions = 0, marginal = 0, shifted = 0;
        std::vector<double> sums;  // in the order of kOriginalNames
    };
    struct AnswerCounts {
        std::string id, instruction;
        std::vector<std::string> tags;
        BinCounts all;
        std::size_t agreeing = 0;
        std::vector<BinCounts> bins;
        OriginalCounts original;
    };
    static void add_position(BinCounts& counts, const ShiftRecord& record, std::size_t position);
    /// Over answers: what `sum` gives to what `count` gives.
    template <typename Counts, typename Sum, typename Count>
    static Estimate ratio_of(const std::vector<const Counts*>& counts, const Sum& sum, const Count& count);
    template <typename Counts>
    static std::size_t positions_of(const Counts& counts);
    template <typename Counts>
    static ClassShares shares_of(const std::vector<const Counts*>& counts);
    static Estimate mean(const std::vector<const BinCounts*>& counts, Divergence BinCounts::*divergence);
    static Estimate mean_without_ends(const std::vector<const BinCounts*>& counts, Divergence BinCounts::*divergence);
    static std::optional<BoundsSummary> bounds_of(const std::vector<const BinCounts*>& counts);
    std::vector<const BinCounts*> counts_of_bin(std::size_t bin) const;
    void add_bins(Summary& summary) const;
    void add_tokens(Summary& summary) const;
    void add_answers(Summary& summary) const;
    void add_tags(Summary& summary) const;
    void add_original(Summary& summary) const;

    std::vector<AnswerCounts> answers_;
    std::map<Token, TokenShift> tokens_;
    std::size_t bins_ = 0;  // of the longest answer
    std::size_t near_ties_base_ = 0;
    std::size_t near_ties_aligned_ = 0;
};

/// Of all answers in a run folder's records file.
Summary summarize(const std::filesystem::path& records);

/// What stands beside the numbers: the pair and what disturbs its analysis.
struct SummaryContext {
    std::string label;  ///< of the run, for the heading; may be empty
    std::string base;   ///< "gemma-3-270m, Q4_K - Medium, prompt zero-shot"
    std::string aligned;
    std::vector<std::string> warnings;
};
/// From the run folder's manifest, and the warnings that it and the numbers call for: quantised weights, low
/// self-agreement, left-out ids, repeated records.
SummaryContext summary_context(const nlohmann::ordered_json& manifest, const Summary& summary);

nlohmann::ordered_json as_json(const Summary& summary, const SummaryContext& context);
/// Markdown whose tables are also aligned for a terminal. `most_rows` limits the tables of tokens and answers.
std::string as_markdown(const Summary& summary, const SummaryContext& context, std::size_t most_rows = 15);
/// Its beginning: the pair, the shares of the three classes and the warnings.
std::string headline(const Summary& summary, const SummaryContext& context);

}  // namespace urial::shift
