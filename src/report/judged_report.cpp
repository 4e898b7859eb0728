#include "report/judged_report.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/text.h"

namespace urial::report {
namespace {

/// With more runs than this a page compares all with the first one only: every pair costs a second.
constexpr std::size_t kMostRunsComparedInPairs = 4;

bool has_scores(const JudgedRun& run) {
    return std::ranges::any_of(run.records, [](const eval::EvalRecord& record) { return !record.other; });
}

std::string written(const Document& document, Format format) {
    switch (format) {
        case Format::Markdown: return to_markdown(document);
        case Format::Latex: return to_latex(document);
        default: return to_text(document);
    }
}

}  // namespace

Format parse_format(std::string_view name) {
    constexpr std::pair<std::string_view, Format> kFormats[] = {{"text", Format::Text},
                                                                {"markdown", Format::Markdown},
                                                                {"csv", Format::Csv},
                                                                {"latex", Format::Latex},
                                                                {"json", Format::Json}};
    for (const auto& [known, format] : kFormats) {
        if (name == known) return format;
    }
    throw error(ErrorKind::BadInput, "format cannot be '{}'; it is text, markdown, csv, latex or json",
                printable(name));
}

Written judged_tables(std::span<const JudgedResult> results, Format format, Detail detail) {
    if (format == Format::Json) return {judged_json(results).dump(2) + "\n", {}};
    if (format == Format::Csv) return {to_csv(judged_csv(results)), {}};
    const Layout layout = format == Format::Text ? Layout::Tall : Layout::Wide;
    const Document document = judged_document(results, layout, detail);
    return {written(document, format), document.left_out};
}

std::string difference_tables(std::span<const RunDifference> differences, Format format) {
    if (format == Format::Json) return difference_json(differences).dump(2) + "\n";
    if (format == Format::Csv) return to_csv(difference_csv(differences));
    return written(difference_document(differences), format);
}

std::vector<std::string> warnings_of(const JudgedRun& run, const JudgedResult& result) {
    std::vector<std::string> warnings;
    if (result.withheld) {
        warnings.push_back(
            fmt::format("{}: more than {:g} % of the verdicts are unscored, so no headline numbers are shown; "
                        "--allow-unscored shows them",
                        printable(run.label), 100 * eval::kMostUnscored));
    }
    if (!result.scores) return warnings;
    const std::vector<std::string> generators = eval::generators(run.records);
    if (generators.size() > 1) {
        warnings.push_back(fmt::format(
            "{}: the answers of {} generators are counted together ({}); judge or import each into a run "
            "of its own to compare them",
            printable(run.label), generators.size(), printable(fmt::format("{}", fmt::join(generators, ", ")))));
    }
    return warnings;
}

std::vector<RunDifference> differences_to_last(std::span<const JudgedRun> runs, bool allow_unscored) {
    std::vector<RunDifference> differences;
    for (const JudgedRun& run : runs) {
        if (!has_scores(run)) {
            throw error(ErrorKind::BadInput,
                        "{}: a run of pairs has no scores that --against could compare; report it by itself",
                        run.folder.string());
        }
    }
    for (std::size_t i = 0; i + 1 < runs.size(); ++i) {
        differences.push_back(run_difference(runs[i], runs.back(), allow_unscored));
        const auto& aspects = differences.back().aspects;
        if (std::ranges::all_of(aspects, [](const eval::Difference& aspect) { return aspect.n == 0; })) {
            throw error(ErrorKind::BadInput,
                        "{} and {} have no scored item in common: an item is the same where id, instruction, turn and "
                        "aspect are",
                        runs[i].folder.string(), runs.back().folder.string());
        }
    }
    return differences;
}

std::vector<RunDifference> differences_of_pairs(std::span<const JudgedRun> runs, bool allow_unscored) {
    std::vector<RunDifference> differences;
    const std::size_t bases = runs.size() <= kMostRunsComparedInPairs ? runs.size() : 1;
    for (std::size_t base = 0; base < bases; ++base) {
        for (std::size_t run = base + 1; run < runs.size(); ++run) {
            differences.push_back(run_difference(runs[run], runs[base], allow_unscored));
        }
    }
    return differences;
}

}  // namespace urial::report
