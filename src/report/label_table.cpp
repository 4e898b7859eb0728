#include "report/label_table.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace urial::report {

bool has_labels(const JudgedRun& run) {
    return std::ranges::any_of(run.records, [](const eval::EvalRecord& record) {
        return std::ranges::any_of(record.verdicts, [](const eval::AspectVerdict& entry) {
            return std::holds_alternative<eval::Labels>(entry.verdict);
        });
    });
}

eval::Json label_json(const JudgedRun& run) {
    eval::Json counts = eval::Json::object();
    std::size_t unscored = 0;
    for (const eval::EvalRecord& record : run.records) {
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
    return {{"labels", counts}, {"records", run.records.size()}, {"unscored", unscored}};
}

std::string label_text(const JudgedRun& run) {
    const eval::Json counted = label_json(run);
    std::string out;
    for (const auto& [aspect, labels] : counted["labels"].items()) {
        out += fmt::format("\n  {:<28} {:>6} {:>7}\n", printable(aspect), "N", "%");
        for (const auto& [label, count] : labels.items()) {
            const auto items = count.get<std::size_t>();
            out += fmt::format("  {:<28} {:>6} {:>7.2f}\n", printable(label), items,
                               100.0 * static_cast<double>(items) / static_cast<double>(run.records.size()));
        }
    }
    out += fmt::format("\n  {} records, {} verdicts unscored\n", run.records.size(),
                       counted["unscored"].get<std::size_t>());
    if (const auto bill = bill_of(run)) out += fmt::format("  {}\n", bill_text(*bill));
    return out;
}

}  // namespace urial::report
