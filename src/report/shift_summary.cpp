// The summaries of shift runs (shift/summary.h), made anew from their folders.

#include "shift/summary.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "report/labels.h"
#include "report/report.h"
#include "report/shift_run.h"
#include "shift/shift.h"

namespace urial::report {
namespace {

using nlohmann::ordered_json;

struct SummarizedRun {
    shift::Summary summary;
    shift::SummaryContext context;
};

SummarizedRun summarize_run(const fs::path& folder) {
    const ordered_json manifest = read_manifest(folder);
    SummarizedRun run;
    run.summary = shift::summarize(shift::records_file(folder));
    require_positions(run.summary.positions, folder);
    run.context = shift::summary_context(manifest, run.summary);
    return run;
}

}  // namespace

std::string shift_summaries(const std::vector<fs::path>& runs, const std::vector<std::string>& labels, Detail detail) {
    const std::vector<std::string> names = run_labels(runs, labels);
    std::string text;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        SummarizedRun run = summarize_run(runs[i]);
        run.context.label = names[i];
        if (i > 0) text += "\n";
        text += detail == Detail::Full ? shift::as_markdown(run.summary, run.context)
                                       : shift::headline(run.summary, run.context);
    }
    return text;
}

ordered_json shift_summaries_json(const std::vector<fs::path>& runs, const std::vector<std::string>& labels) {
    const std::vector<std::string> names = run_labels(runs, labels);
    ordered_json all = ordered_json::object();
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const SummarizedRun run = summarize_run(runs[i]);
        all[names[i]] = shift::as_json(run.summary, run.context);
    }
    if (runs.size() == 1) return all.front();
    return {{"runs", std::move(all)}};
}

}  // namespace urial::report
