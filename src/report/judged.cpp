#include "report/judged.h"

#include <algorithm>

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

std::vector<PairResult> pair_results(const std::vector<EvalRecord>& records) {
    std::vector<PairResult> results;
    for (const std::string& generator : eval::generators(records)) {
        for (const std::string& aspect : aspects_of(records)) {
            results.push_back({generator, aspect, eval::win_rate(records, generator, aspect)});
        }
    }
    return results;
}

std::vector<MtBenchResult> mt_bench_results(const std::vector<EvalRecord>& records) {
    std::vector<MtBenchResult> results;
    for (const std::string& generator : eval::generators(records)) {
        results.push_back({generator, eval::mt_bench_table(records, generator)});
    }
    return results;
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
        runs.push_back({names[i], folders[i], std::move(run.manifest), std::move(kept)});
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
    std::vector<EvalRecord> pairs;
    std::vector<EvalRecord> singles;
    for (const EvalRecord& record : run.records) (is_pair(record) ? pairs : singles).push_back(record);
    result.pairs = pair_results(pairs);
    if (singles.empty()) return result;
    if (std::ranges::all_of(singles, is_mt_bench)) {
        result.mt_bench = mt_bench_results(singles);
        return result;
    }
    result.scores = eval::summarise(singles, options);
    if (options.compat == eval::Compat::Paper) result.paper = eval::report_as_paper(singles);
    return result;
}

RunDifference run_difference(const JudgedRun& run, const JudgedRun& against) {
    return {run.label, against.label, eval::compare(against.records, run.records)};
}

}  // namespace urial::report
