#pragma once

// Tables over the records of a run: means with intervals, counted failures, and the original authors' rules by name.
// docs/metrics.md defines every number. Pure functions.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eval/record.h"
#include "eval/statistics.h"

namespace urial::eval {

/// Original: the original authors' rules, "paper" to users. "N/A" counts 5.0; an item with several tags counts for its
/// last one; breakdowns look at helpfulness alone; lengths are those of the general answers; sources are classes. None:
/// our own rules.
enum class Compat { None, Original };
/// What "N/A" counts as under Compat::Original: full marks.
inline constexpr double kOriginalNotApplicable = 5.0;
Compat parse_compat(std::string_view name);  ///< "paper", "none"; throws Error{BadInput}

struct Aggregate {
    double mean = 0;    ///< NaN when n is 0
    std::size_t n = 0;  ///< verdicts that count
    std::size_t unscored = 0;
    std::size_t not_applicable = 0;  ///< "N/A" where the rubric allows it; counted in n under Compat::Original
    std::optional<Interval> ci95;
};

template <typename Value>
using Named = std::vector<std::pair<std::string, Value>>;

struct Group {
    std::size_t n = 0;  ///< records
    Named<Aggregate> aspects;
};

struct Summary {
    Named<Aggregate> aspects;
    double average = 0;  ///< unweighted mean of the aspects' means; NaN when one has none
    std::optional<Interval> average_ci95;
    double words = 0;         ///< mean words per answer; NaN when no answer counts
    std::size_t answers = 0;  ///< distinct answers behind `words`
    Named<Group> task, topic, source, difficulty;
    Named<Group> task_every_tag, topic_every_tag;  ///< Compat::Original only; its task and topic credit the last tag
    std::size_t records = 0;
    std::size_t verdicts = 0;
    std::size_t unscored = 0;  ///< verdicts
    std::size_t refused = 0;   ///< of them: the judge refused
    std::size_t attempts = 0;  ///< requests sent
    bool withheld = false;     ///< too much is unscored for a headline number
};

struct SummaryOptions {
    Compat compat = Compat::None;
    bool allow_unscored = false;  ///< show headline numbers whatever is missing
    Resampling resampling = {};
};

/// More than this share of an aspect's verdicts unscored, and the headline numbers are withheld.
inline constexpr double kMostUnscored = 0.05;
/// `read`: the other verdicts.
bool is_incomplete(std::size_t unscored, std::size_t read);

/// Over the records with scores (Score, NotApplicable, Unscored verdicts); others do not count.
Summary summarize(std::span<const EvalRecord> records, const SummaryOptions& options = {});

/// Distinct answers (or pairs of answers) that fulfil a rule of find_steering().
std::size_t count_steering(std::span<const EvalRecord> records);

/// {"aspects": {NAME: {"mean", "n", "unscored", "not_applicable", "ci95"}}, "avg", "avg_ci95", "len", "task": {TAG:
/// {"n", ASPECT: {...}}}, "topic", "source", "difficulty", ...}. What is withheld or empty is null.
Json to_json(const Summary& summary);

/// mt-* -> "mt-1", lima -> "lima", safety items -> "safety", everything else -> "alpaca_eval".
std::string source_class(const Item& item);

/// Two decimals as the paper's tables print them: the binary value, rounded half to even where it is exact.
std::string format_paper(double value);

/// How often each value was given: "1" ... "5", "N/A".
Named<std::size_t> count_scores(std::span<const EvalRecord> records, std::string_view aspect);

/// b minus a over the items that both runs scored.
struct Difference {
    std::string aspect;
    double mean = 0;           ///< NaN when n is 0
    std::size_t n = 0;         ///< items in both runs with a score in both
    std::size_t unpaired = 0;  ///< records with this aspect that found no partner
    std::optional<Interval> ci95;
    double p_value = 1;                           ///< sign flips of whole clusters, two-sided
    std::optional<double> p_holm = std::nullopt;  ///< corrected for the number of comparisons that were stated together
    bool incomplete = false;                      ///< one of the runs is_incomplete() in this aspect
};
/// Items are matched by id, turn and instruction, whatever the rubric; several scores of one item (a jury) are averaged
/// first.
std::vector<Difference> compare(std::span<const EvalRecord> a, std::span<const EvalRecord> b,
                                const Resampling& resampling = {});

}  // namespace urial::eval
