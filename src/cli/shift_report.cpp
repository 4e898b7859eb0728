#include "cli/shift_report.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/report_output.h"
#include "report/report.h"

namespace urial::cli {
namespace {

using Folders = std::vector<fs::path>;

void refuse_judged_flags(const ReportOptions& command, const CLI::App& flags) {
    for (const char* name :
         {"--shift-html", "--compat", "--against", "--where", "--ids", "--subset", "--allow-unscored"}) {
        if (flags.count(name) == 0) continue;
        throw error(ErrorKind::BadInput, "{} is for judged runs, and {} is a run of `urial shift`", name,
                    command.runs.front());
    }
    if (command.format == "csv" || command.format == "latex") {
        throw error(ErrorKind::BadInput,
                    "--format {} is for judged runs; summaries of shift runs are text, markdown or json, and "
                    "`urial shift --csv FILE` writes a row for every position",
                    command.format);
    }
}

void write_shift_page(const ReportOptions& command, const Folders& folders, const Context& context) {
    check_target(command.html, command);
    report::ShiftPageOptions options;
    options.labels = command.labels;
    if (!command.title.empty()) options.title = command.title;
    const report::ShiftPage page = report::shift_page(folders, options);
    write_file_atomic(command.html, page.html);
    if (context.json) {
        const nlohmann::ordered_json value{{"html", command.html},
                                           {"bytes", page.html.size()},
                                           {"answers", page.answers},
                                           {"positions", page.positions}};
        fmt::print("{}", json_text(value));
        return;
    }
    context.terminal.note(fmt::format("{}: {} answers, {} tokens, {}; open it in a browser", command.html, page.answers,
                                      page.positions, human_bytes(static_cast<double>(page.html.size()))));
}

/// Text and Markdown are one: the tables of the summary are aligned.
std::string summaries(const ReportOptions& command, const Folders& folders, const Context& context) {
    check_format(command, context);
    if (!context.json && command.format != "json") {
        if (!command.full)
            context.terminal.note(
                "--full adds: along the answer, what is shifted, answers, tags, the original analysis' measures");
        return report::shift_summaries(folders, command.labels, detail_of(command));
    }
    return json_text(report::shift_summaries_json(folders, command.labels));
}

}  // namespace

void report_shift(const ReportOptions& command, const CLI::App& flags, const Context& context) {
    refuse_judged_flags(command, flags);
    const Folders folders(command.runs.begin(), command.runs.end());
    if (!command.html.empty()) {
        if (!command.format.empty() || !command.output.empty()) {
            throw Error(ErrorKind::BadInput,
                        "--html writes a page, --format and --output write summaries: call it twice");
        }
        return write_shift_page(command, folders, context);
    }
    write_report(summaries(command, folders, context), command, context);
}

}  // namespace urial::cli
