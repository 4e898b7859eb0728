#include "cli/judged_report.h"

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/report_output.h"
#include "http/http.h"
#include "report/report.h"

namespace urial::cli {
namespace {

using report::JudgedResult;
using report::JudgedRun;

report::Format format_of(const ReportOptions& command, const Context& context) {
    check_format(command, context);
    if (command.format.empty()) return context.json ? report::Format::Json : report::Format::Text;
    return report::parse_format(command.format);
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
        for (const std::string& warning : report::warnings_of(run, results.back())) context.terminal.warn(warning);
    }
    return results;
}

std::string result_tables(const std::vector<JudgedRun>& runs, const ReportOptions& command, report::Format format,
                          const Context& context) {
    if (!command.against.empty()) {
        return report::difference_tables(report::differences_to_last(runs, command.allow_unscored), format);
    }
    report::Written written = report::judged_tables(results_of(runs, command, context), format, detail_of(command));
    if (!written.left_out.empty()) {
        context.terminal.note(fmt::format("--full adds: {}", fmt::join(written.left_out, ", ")));
    }
    return std::move(written.text);
}

void report_tags(const JudgedRun& run, const Context& context) {
    fmt::print("{}", context.json ? json_text(report::label_json(run)) : report::label_text(run));
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
    const std::string html =
        report::judged_page(runs, results_of(runs, command, context),
                            command.against.empty() ? report::differences_of_pairs(runs, command.allow_unscored)
                                                    : report::differences_to_last(runs, command.allow_unscored),
                            options);
    write_file_atomic(command.html, html);
    std::size_t records = 0;
    for (const JudgedRun& run : runs) records += run.records.size();
    if (context.json) {
        const eval::Json value{
            {"html", command.html}, {"bytes", html.size()}, {"runs", runs.size()}, {"records", records}};
        fmt::print("{}", json_text(value));
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
    const report::Format format = format_of(command, context);
    const std::vector<JudgedRun> runs = load_runs(command, context);
    if (!command.html.empty()) return write_page(runs, command, context);
    if (report::has_labels(runs.front())) {
        if (runs.size() > 1 || !command.output.empty() || (format != report::Format::Text && !context.json)) {
            throw Error(ErrorKind::BadInput,
                        "the labels of a run of tags are printed as text or with --json, one run at a time: --format, "
                        "--output and --against are for scores and pairs");
        }
        return report_tags(runs.front(), context);
    }
    write_report(result_tables(runs, command, format, context), command, context);
}

}  // namespace urial::cli
