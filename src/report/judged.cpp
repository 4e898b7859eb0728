#include "report/judged.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/error.h"
#include "report/labels.h"

namespace urial::report {
namespace {

using eval::EvalRecord;

bool is_pair(const EvalRecord& record) { return record.other.has_value(); }

/// MT-bench is known by its rubrics; its table needs the turns.
bool is_mt_bench(const EvalRecord& record) { return record.rubric.starts_with("mt-bench"); }

std::vector<std::string> aspects_of(const std::vector<EvalRecord>& records) {
    std::vector<std::string> names;
    for (const EvalRecord& record : records) {
        for (const eval::AspectVerdict& entry : record.verdicts) {
            if (std::ranges::find(names, entry.aspect) == names.end()) names.push_back(entry.aspect);
        }
    }
    return names;
}

std::vector<PairResult> pair_results(const std::vector<EvalRecord>& records, bool allow_unscored) {
    std::vector<PairResult> results;
    for (const std::string& generator : eval::generators(records)) {
        for (const std::string& aspect : aspects_of(records)) {
            const eval::WinRate rate = eval::win_rate(records, generator, aspect);
            const bool withheld = !allow_unscored && eval::is_incomplete(rate.unscored, rate.compared());
            results.push_back({generator, aspect, rate, withheld});
        }
    }
    return results;
}

std::vector<MtBenchResult> mt_bench_results(const std::vector<EvalRecord>& records, bool allow_unscored) {
    std::vector<MtBenchResult> results;
    for (const std::string& generator : eval::generators(records)) {
        const eval::MtBenchTable table = eval::mt_bench_table(records, generator);
        const bool withheld = !allow_unscored && eval::is_incomplete(table.unscored, table.overall.n);
        results.push_back({generator, table, withheld});
    }
    return results;
}

bool withholds(const JudgedResult& result) {
    const auto is_withheld = [](const auto& entry) { return entry.withheld; };
    return (result.scores && result.scores->withheld) || std::ranges::any_of(result.pairs, is_withheld) ||
           std::ranges::any_of(result.mt_bench, is_withheld);
}

/// Everything but agreement and bill.
void add_tables(const JudgedRun& run, const eval::SummaryOptions& options, JudgedResult& result) {
    const bool as_original = options.compat == eval::Compat::Original;
    std::vector<EvalRecord> records = run.records;
    if (as_original) records = eval::reread_as_original(std::move(records));
    std::vector<EvalRecord> pairs;
    std::vector<EvalRecord> singles;
    for (EvalRecord& record : records) (is_pair(record) ? pairs : singles).push_back(std::move(record));
    result.pairs = pair_results(pairs, options.allow_unscored);
    if (as_original && !pairs.empty()) result.original_pairs = eval::report_pairwise_as_original(pairs);
    if (singles.empty()) return;
    if (std::ranges::all_of(singles, is_mt_bench)) {
        result.mt_bench = mt_bench_results(singles, options.allow_unscored);
        return;
    }
    result.scores = eval::summarize(singles, options);
    for (const auto& [aspect, aggregate] : result.scores->aspects) {
        result.score_counts.emplace_back(aspect, eval::count_scores(singles, aspect));
    }
    if (as_original) result.original = eval::report_as_original(singles);
}

std::set<std::string> rubrics_of(const JudgedRun& run) {
    std::set<std::string> names;
    for (const EvalRecord& record : run.records) names.insert(record.rubric);
    return names;
}

}  // namespace

std::vector<JudgedRun> load_judged_runs(const std::vector<std::filesystem::path>& folders,
                                        const std::vector<std::string>& labels, const eval::Filter& filter) {
    const std::vector<std::string> names = run_labels(folders, labels);
    std::vector<JudgedRun> runs;
    for (std::size_t i = 0; i < folders.size(); ++i) {
        eval::EvalRun run = eval::load_run(folders[i]);
        std::vector<EvalRecord> kept = eval::keep(
            std::move(run.records), filter, [](const EvalRecord& record) -> const eval::Item& { return record.item; });
        if (kept.empty()) {
            throw error(ErrorKind::BadInput, "{}: no record is left to report on", folders[i].string());
        }
        runs.push_back({names[i], folders[i], std::move(run.manifest), std::move(kept), run.repeated});
    }
    return runs;
}

std::optional<eval::Bill> bill_of(const JudgedRun& run) {
    const auto found = run.manifest.find("bill");
    return found == run.manifest.end() ? std::nullopt : std::optional(eval::bill_from_json(*found));
}

JudgedResult judged_result(const JudgedRun& run, const eval::SummaryOptions& options) {
    JudgedResult result;
    result.label = run.label;
    result.agreement = eval::jury_agreement(eval::ratings_of(run.records));
    result.bill = bill_of(run);
    result.steering = eval::count_steering(run.records);
    add_tables(run, options, result);
    result.withheld = withholds(result);
    return result;
}

RunDifference run_difference(const JudgedRun& run, const JudgedRun& against, bool allow_unscored) {
    RunDifference difference{run.label, against.label, eval::compare(against.records, run.records), {}, allow_unscored};
    std::set<std::string> rubrics = rubrics_of(run);
    if (rubrics != rubrics_of(against)) {
        rubrics.merge(rubrics_of(against));
        difference.rubrics.assign(rubrics.begin(), rubrics.end());
    }
    return difference;
}

void correct_by_holm(std::span<RunDifference> differences) {
    std::vector<double> p_values;
    for (const RunDifference& difference : differences) {
        for (const eval::Difference& entry : difference.aspects) {
            p_values.push_back(entry.n == 0 ? std::numeric_limits<double>::quiet_NaN() : entry.p_value);
        }
    }
    const std::vector<double> corrected = eval::holm(p_values);
    auto next = corrected.begin();
    for (RunDifference& difference : differences) {
        for (eval::Difference& entry : difference.aspects) {
            if (const double p = *next++; !std::isnan(p)) entry.p_holm = p;
        }
    }
}

}  // namespace urial::report
