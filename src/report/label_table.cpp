#include "cli/tag_report.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace urial::cli {

bool has_labels(const eval::EvalRecord& record) {
    return std::ranges::any_of(record.verdicts, [](const eval::AspectVerdict& entry) {
        return std::holds_alternative<eval::Labels>(entry.verdict);
    });
}

void report_tags(const report::JudgedRun& run, const Context& context) {
    const std::vector<eval::EvalRecord>& records = run.records;
    eval::Json counts = eval::Json::object();
    std::size_t unscored = 0;
    for (const eval::EvalRecord& record : records) {
        for (const auto& [aspect, verdict] : record.verdicts) {
            const auto* labels = std::get_if<eval::Labels>(&verdict);
            unscored += labels == nullptr ? 1 : 0;
            if (labels == nullptr) continue;
            for (const std::string& label : labels->values) {
                eval::Json& count = counts[aspect][label];
                count = count.is_null() ? 1 : count.get<std::size_t>() + 1;
            }
        }
    }
    if (context.json) {
        fmt::print("{}\n", eval::Json{{"labels", counts}, {"records", records.size()}, {"unscored", unscored}}.dump(2));
        return;
    }
    for (const auto& [aspect, labels] : counts.items()) {
        fmt::print("\n  {:<28} {:>6} {:>7}\n", printable(aspect), "N", "%");
        for (const auto& [label, count] : labels.items()) {
            const auto items = count.get<std::size_t>();
            fmt::print("  {:<28} {:>6} {:>7.2f}\n", printable(label), items,
                       100.0 * static_cast<double>(items) / static_cast<double>(records.size()));
        }
    }
    fmt::print("\n  {} records, {} verdicts unscored\n", records.size(), unscored);
    if (const auto bill = report::bill_of(run)) fmt::print("  {}\n", report::bill_text(*bill));
}

}  // namespace urial::cli
