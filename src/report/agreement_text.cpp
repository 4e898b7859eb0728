#include "report/agreement_text.h"

#include <cmath>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace urial::report {
namespace {

using eval::Estimate;

std::string value_text(double value) { return std::isnan(value) ? "-" : fmt::format("{:.2f}", value); }

std::string interval_text(const Estimate& estimate) {
    return estimate.ci95 ? fmt::format("[{:.2f}, {:.2f}]", estimate.ci95->low, estimate.ci95->high) : "-";
}

}  // namespace

std::string jury_text(std::span<const eval::JuryAgreement> jury) {
    if (jury.empty()) return {};
    std::string out = fmt::format("\n  {:<28} {:>6} {:>6} {:>7} {:>16} {:>7} {:>16}\n", "AGREEMENT OF THE JUDGES",
                                  "JUDGES", "ITEMS", "ALPHA", "95 % INTERVAL", "EXACT", "95 % INTERVAL");
    for (const eval::JuryAgreement& aspect : jury) {
        out += fmt::format("  {:<28} {:>6} {:>6} {:>7} {:>16} {:>7} {:>16}\n", printable(aspect.aspect), aspect.raters,
                           aspect.units, value_text(aspect.alpha.value), interval_text(aspect.alpha),
                           value_text(aspect.exact.value), interval_text(aspect.exact));
    }
    return out;
}

std::string calibration_text(std::span<const eval::Calibration> calibrations) {
    std::string out;
    std::string judge;
    for (const eval::Calibration& entry : calibrations) {
        if (out.empty() || entry.judge != judge) {
            judge = entry.judge;
            out += fmt::format("\n  {}\n  {:<20} {:<24} {:>7} {:>16}\n", printable(judge), "ASPECT", "MEASURE", "VALUE",
                               "95 % INTERVAL");
        }
        const eval::Agreement& found = entry.agreement;
        std::string name = printable(entry.aspect);
        for (const auto& [measure, estimate] : {std::pair<std::string_view, const Estimate&>{"exact", found.exact},
                                                {"within 1", found.within_one},
                                                {"kappa", found.kappa},
                                                {"kappa, quadratic", found.quadratic_kappa},
                                                {"Krippendorff's alpha", found.alpha},
                                                {"Pearson", found.pearson},
                                                {"Spearman", found.spearman}}) {
            out += fmt::format("  {:<20} {:<24} {:>7} {:>16}\n", name, measure, value_text(estimate.value),
                               interval_text(estimate));
            name.clear();
        }
        out += fmt::format("  {:<20} {:<24} {:>7}\n", "", "mean difference", value_text(found.mean_difference));
        out += fmt::format("  {:<20} {} items; without a partner: {} of the judge's, {} of the others'\n", "", found.n,
                           entry.unmatched_judge, entry.unmatched_human);
    }
    return out;
}

eval::Json calibration_json(std::span<const eval::Calibration> calibrations) {
    eval::Json json = eval::Json::object();
    for (const eval::Calibration& entry : calibrations) {
        eval::Json& row = json[entry.judge][entry.aspect];
        row = eval::to_json(entry.agreement);
        row["unmatched_judge"] = entry.unmatched_judge;
        row["unmatched_human"] = entry.unmatched_human;
    }
    return json;
}

}  // namespace urial::report
