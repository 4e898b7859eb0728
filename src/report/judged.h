#pragma once

// Judged runs (`urial judge`): what is computed from them once, and the tables and JSON that show it. The page that
// shows the same numbers is judged_page(). Plain values; only load_judged_runs() reads files.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/eval.h"
#include "report/table.h"

namespace urial::report {

struct JudgedRun {
    std::string label;
    std::filesystem::path folder;
    eval::Json manifest;
    std::vector<eval::EvalRecord> records;  ///< those that the filter keeps
    std::size_t repeated = 0;               ///< records that stand in the file again, left out
};

struct PairResult {
    std::string generator;
    std::string aspect;
    eval::WinRate rate;
    bool withheld = false;  ///< too much is unscored for a headline number
};

struct MtBenchResult {
    std::string generator;
    eval::MtBenchTable table;
    bool withheld = false;
};

/// What a run's records amount to. Pairwise records give `pairs`; a run whose other records are all of MT-bench's
/// rubrics gives `mt_bench`, any other one `scores`.
struct JudgedResult {
    std::string label;
    std::optional<eval::Summary> scores;
    std::vector<PairResult> pairs;
    std::vector<MtBenchResult> mt_bench;
    std::optional<eval::OriginalReport> original;                ///< Compat::Original only, beside `scores`
    std::optional<eval::OriginalPairwiseReport> original_pairs;  ///< likewise, beside `pairs`
    eval::Named<eval::Named<std::size_t>> score_counts;          ///< count_scores() of every aspect of `scores`
    std::vector<eval::JuryAgreement> agreement;                  ///< of several judges; empty with one
    std::optional<eval::Bill> bill;  ///< runs of `urial judge` only: what was imported has none
    std::size_t steering = 0;        ///< count_steering() of all records
    bool withheld = false;           ///< some headline number is
};

/// One run minus another, paired by item.
struct RunDifference {
    std::string label;
    std::string against;
    std::vector<eval::Difference> aspects;
    std::vector<std::string> rubrics;  ///< of both runs where they differ, else none
    bool allow_unscored = false;       ///< show differences of incomplete aspects too

    bool withholds(const eval::Difference& difference) const { return difference.incomplete && !allow_unscored; }
};

/// `labels`: one a run, or none for the folders' names. Throws Error{BadInput} naming a folder of which the filter
/// leaves nothing.
std::vector<JudgedRun> load_judged_runs(const std::vector<std::filesystem::path>& folders,
                                        const std::vector<std::string>& labels, const eval::Filter& filter);

/// The p-values of all aspects of all these differences, corrected for their number by Holm's rule: for comparisons
/// that were stated together, before the results were seen.
void correct_by_holm(std::span<RunDifference> differences);

JudgedResult judged_result(const JudgedRun& run, const eval::SummaryOptions& options);
RunDifference run_difference(const JudgedRun& run, const JudgedRun& against, bool allow_unscored);

/// The manifest's; std::nullopt for a run that was imported.
std::optional<eval::Bill> bill_of(const JudgedRun& run);
/// "12 requests (0 failed), 3456 + 789 tokens, 0.0123 USD"
std::string bill_text(const eval::Bill& bill);
/// "0.0123 USD"; "at least 0.0123 USD" or "cost not known (no price)" where some of it has no price.
std::string cost_text(double cost, bool complete);

/// Tall: a line for each aspect and tag, a column for each run (a terminal is narrow). Wide: a line for each run, a
/// column for each aspect, as papers print them.
enum class Layout { Tall, Wide };
/// The headline is without the breakdowns by tag and category.
Document judged_document(std::span<const JudgedResult> results, Layout layout, Detail detail = Detail::Full);
Document difference_document(std::span<const RunDifference> differences);

/// One line a number, for programs (docs/report.md lists the columns). Throws Error{BadInput} when the runs' tables
/// have different columns (scores beside pairs).
Table judged_csv(std::span<const JudgedResult> results);
Table difference_csv(std::span<const RunDifference> differences);

/// One run: the object that docs/metrics.md describes. Several: {"runs": {LABEL: that object}}.
eval::Json judged_json(std::span<const JudgedResult> results);
eval::Json difference_json(std::span<const RunDifference> differences);

/// The object of one run whatever their number.
eval::Json to_json(const JudgedResult& result);
eval::Json to_json(const RunDifference& difference);  ///< {ASPECT: {"mean", "ci95", "p_value", "n", "unpaired"}}

}  // namespace urial::report
