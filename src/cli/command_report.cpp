#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/judged_report.h"
#include "report/report.h"

namespace urial::cli {
namespace {

/// All runs of one report are of one kind; what it is stands in their manifests.
std::string common_format(const ReportOptions& command) {
    const std::string format = report::run_format(command.runs.front());
    for (const std::string& run : command.runs) {
        const std::string other = report::run_format(run);
        if (other != format) {
            throw error(
                ErrorKind::BadInput,
                "{} is a run of the kind {}, {} of the kind {}: give each kind a report of its own; --shift-html "
                "links the page of judged runs to that of shift runs",
                command.runs.front(), format, run, other);
        }
    }
    return format;
}

void report_shift(const ReportOptions& command, const Context& context) {
    if (command.html.empty()) {
        throw Error(ErrorKind::BadInput,
                    "a report of shift runs is a page: give --html FILE; `urial shift` prints "
                    "their tables");
    }
    report::ShiftPageOptions options;
    options.labels = command.labels;
    if (!command.title.empty()) options.title = command.title;
    const report::ShiftPage page = report::shift_page({command.runs.begin(), command.runs.end()}, options);
    write_file_atomic(command.html, page.html);
    if (context.json) {
        const nlohmann::ordered_json value{{"html", command.html},
                                           {"bytes", page.html.size()},
                                           {"answers", page.answers},
                                           {"positions", page.positions}};
        fmt::print("{}\n", value.dump(2));
        return;
    }
    context.terminal.note(fmt::format("{}: {} answers, {} tokens, {}; open it in a browser", command.html, page.answers,
                                      page.positions, human_bytes(static_cast<double>(page.html.size()))));
}

void run_report(const ReportOptions& command, const Context& context) {
    const std::string format = common_format(command);
    if (format == "urial.shift/1") return report_shift(command, context);
    if (format == eval::kRunFormat) return report_judged(command, context);
    throw error(ErrorKind::BadInput, "{}: there is no report for runs of the kind {}", command.runs.front(), format);
}

}  // namespace

void add_report_command(CLI::App& app, Context& context) {
    auto* report = app.add_subcommand("report", "Tables of judged runs, or one HTML page of judged or of shift runs");
    auto command = std::make_shared<ReportOptions>();
    report->add_option("run", command->runs, "Run folders; several stand side by side")->required();
    report->add_option("--html", command->html, "The file to write; it opens from disk and loads nothing")
        ->type_name("FILE");
    report
        ->add_option("--label", command->labels, "Names for the runs, in their order (repeat it) [the folders' names]")
        ->take_all()
        ->allow_extra_args(false)
        ->type_name("NAME");
    report->add_option("--title", command->title, "The heading of the page")->type_name("TEXT");
    add_judged_report_flags(*report, *command);
    report->callback([command, &context] { run_report(*command, context); });
}

}  // namespace urial::cli
