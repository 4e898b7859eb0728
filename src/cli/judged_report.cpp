#include "cli/judged_report.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/report_output.h"
#include "cli/tag_report.h"
#include "command_line/command_tree.h"
#include "http/http.h"
#include "report/report.h"

namespace urial::cli {
namespace {

using report::JudgedResult;
using report::JudgedRun;
using report::RunDifference;

/// With more runs than this a page compares all with the first one only: every pair costs a second.
constexpr std::size_t kMostRunsComparedInPairs = 4;

enum class Format { Text, Markdown, Csv, Latex, Json };

Format format_of(const ReportOptions& command, const Context& context) {
    check_format(command, context);
    if (command.format.empty()) return context.json ? Format::Json : Format::Text;
    if (command.format == "markdown") return Format::Markdown;
    if (command.format == "csv") return Format::Csv;
    if (command.format == "latex") return Format::Latex;
    return command.format == "json" ? Format::Json : Format::Text;
}

std::vector<JudgedRun> load_runs(const ReportOptions& command, const Context& context) {
    std::vector<fs::path> folders(command.runs.begin(), command.runs.end());
    std::vector<std::string> labels = command.labels;
    if (!command.against.empty()) {
        folders.emplace_back(command.against);
        if (!labels.empty()) labels.push_back(command.against);
    }
    std::vector<JudgedRun> runs = report::load_judged_runs(folders, labels, app::filter_of(command.items));
    for (const JudgedRun& run : runs) {
        if (run.repeated == 0) continue;
        context.terminal.warn(fmt::format("{}: {} records stand in its file more than once; each counts once",
                                          printable(run.label), run.repeated));
    }
    return runs;
}

std::vector<JudgedResult> results_of(const std::vector<JudgedRun>& runs, const ReportOptions& command,
                                     const Context& context) {
    eval::SummaryOptions options;
    options.compat = eval::parse_compat(command.compat);
    options.allow_unscored = command.allow_unscored;
    std::vector<JudgedResult> results;
    for (const JudgedRun& run : runs) {
        results.push_back(report::judged_result(run, options));
        if (results.back().withheld) {
            context.terminal.warn(
                fmt::format("{}: more than {:g} % of the verdicts are unscored, so no headline numbers are shown; "
                            "--allow-unscored shows them",
                            printable(run.label), 100 * eval::kMostUnscored));
        }
        if (!results.back().scores) continue;
        const std::vector<std::string> generators = eval::generators(run.records);
        if (generators.size() > 1) {
            context.terminal.warn(fmt::format(
                "{}: the answers of {} generators are counted together ({}); judge or import each into a run "
                "of its own to compare them",
                printable(run.label), generators.size(), printable(fmt::format("{}", fmt::join(generators, ", ")))));
        }
    }
    return results;
}

bool has_scores(const JudgedRun& run) {
    return std::ranges::any_of(run.records, [](const eval::EvalRecord& record) { return !record.other; });
}

/// Every run minus the last one, which is the one that --against named.
std::vector<RunDifference> differences_to_last(const std::vector<JudgedRun>& runs, const ReportOptions& command) {
    std::vector<RunDifference> differences;
    for (const JudgedRun& run : runs) {
        if (!has_scores(run)) {
            throw error(ErrorKind::BadInput,
                        "{}: a run of pairs has no scores that --against could compare; report it by itself",
                        run.folder.string());
        }
    }
    for (std::size_t i = 0; i + 1 < runs.size(); ++i) {
        differences.push_back(report::run_difference(runs[i], runs.back(), command.allow_unscored));
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

std::vector<RunDifference> differences_of_pairs(const std::vector<JudgedRun>& runs, const ReportOptions& command) {
    std::vector<RunDifference> differences;
    const std::size_t bases = runs.size() <= kMostRunsComparedInPairs ? runs.size() : 1;
    for (std::size_t base = 0; base < bases; ++base) {
        for (std::size_t run = base + 1; run < runs.size(); ++run) {
            differences.push_back(report::run_difference(runs[run], runs[base], command.allow_unscored));
        }
    }
    return differences;
}

std::string written(const report::Document& document, Format format) {
    switch (format) {
        case Format::Markdown: return to_markdown(document);
        case Format::Latex: return to_latex(document);
        default: return to_text(document);
    }
}

std::string difference_tables(const std::vector<JudgedRun>& runs, const ReportOptions& command, Format format) {
    const std::vector<RunDifference> differences = differences_to_last(runs, command);
    if (format == Format::Json) return report::difference_json(differences).dump(2) + "\n";
    if (format == Format::Csv) return to_csv(report::difference_csv(differences));
    return written(report::difference_document(differences), format);
}

std::string result_tables(const std::vector<JudgedResult>& results, const ReportOptions& command, Format format,
                          const Context& context) {
    if (format == Format::Json) return report::judged_json(results).dump(2) + "\n";
    if (format == Format::Csv) return to_csv(report::judged_csv(results));
    const auto layout = format == Format::Text ? report::Layout::Tall : report::Layout::Wide;
    const report::Document document = report::judged_document(results, layout, detail_of(command));
    if (!document.left_out.empty()) {
        context.terminal.note(fmt::format("--full adds: {}", fmt::join(document.left_out, ", ")));
    }
    return written(document, format);
}

/// The address of `target` as seen from a page at `page`.
std::string relative_address(const fs::path& target, const fs::path& page) {
    const fs::path folder = fs::absolute(page).lexically_normal().parent_path();
    return http::url_path(fs::absolute(target).lexically_normal().lexically_relative(folder).generic_string());
}

void write_page(const std::vector<JudgedRun>& runs, const ReportOptions& command, const Context& context) {
    check_target(command.html, command);
    report::JudgedPageOptions options;
    if (!command.title.empty()) options.title = command.title;
    if (!command.shift_html.empty()) {
        options.shift_items = report::shift_page_items(command.shift_html);
        options.shift_address = relative_address(command.shift_html, command.html);
    }
    const std::string html = report::judged_page(
        runs, results_of(runs, command, context),
        command.against.empty() ? differences_of_pairs(runs, command) : differences_to_last(runs, command), options);
    write_file_atomic(command.html, html);
    std::size_t records = 0;
    for (const JudgedRun& run : runs) records += run.records.size();
    if (context.json) {
        const eval::Json value{
            {"html", command.html}, {"bytes", html.size()}, {"runs", runs.size()}, {"records", records}};
        fmt::print("{}\n", value.dump(2));
        return;
    }
    context.terminal.note(fmt::format("{}: {} judgements, {}; open it in a browser", command.html, records,
                                      human_bytes(static_cast<double>(html.size()))));
}

}  // namespace

void add_judged_report_flags(CLI::App& report, ReportOptions& command) {
    report.add_option("--shift-html", command.shift_html, "With --html: link items into this page of shift runs")
        ->type_name("FILE");
    report.add_option("--format", command.format, "How to write the tables [text]")
        ->check(one_of({"text", "markdown", "csv", "latex", "json"}))
        ->type_name("FORMAT");
    report.add_option("-o,--output", command.output, "Where to write the tables [standard output]")->type_name("FILE");
    report.add_option("--compat", command.compat, "Count as the original authors did")
        ->check(one_of({"none", "paper"}))
        ->type_name("HOW")
        ->capture_default_str();
    report.add_option("--against", command.against, "Another run: differences, paired by item")->type_name("DIR");
    add_item_filter_flags(report, command.items);
    report.add_flag("--allow-unscored", command.allow_unscored, "Show means whatever share is unscored");
}

void report_judged(const ReportOptions& command, const Context& context) {
    if (!command.html.empty() && !(command.format.empty() && command.output.empty())) {
        throw Error(ErrorKind::BadInput, "--html writes a page, --format and --output write tables: call it twice");
    }
    if (command.html.empty() && !command.shift_html.empty()) {
        throw Error(ErrorKind::BadInput, "--shift-html is for the page: give --html FILE too");
    }
    const Format format = format_of(command, context);
    const std::vector<JudgedRun> runs = load_runs(command, context);
    if (!command.html.empty()) return write_page(runs, command, context);
    if (std::ranges::any_of(runs.front().records, has_labels)) {
        if (runs.size() > 1 || !command.output.empty() || (format != Format::Text && !context.json)) {
            throw Error(ErrorKind::BadInput,
                        "the labels of a run of tags are printed as text or with --json, one run at a time: --format, "
                        "--output and --against are for scores and pairs");
        }
        return report_tags(runs.front(), context);
    }
    const std::string tables = command.against.empty()
                                   ? result_tables(results_of(runs, command, context), command, format, context)
                                   : difference_tables(runs, command, format);
    write_report(tables, command, context);
}

}  // namespace urial::cli
