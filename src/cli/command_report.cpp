#include "base/error.h"
#include "cli/commands.h"
#include "cli/experiment_report.h"
#include "cli/judged_report.h"
#include "cli/shift_report.h"
#include "experiment/plan.h"
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

void run_report(const ReportOptions& command, const CLI::App& flags, const Context& context) {
    const std::string format = common_format(command);
    if (command.html.empty() && !command.title.empty()) {
        throw Error(ErrorKind::BadInput, "--title is the heading of a page: give --html FILE too");
    }
    if (!command.html.empty() && command.full) {
        throw Error(ErrorKind::BadInput, "--full is for tables; the page of --html has everything");
    }
    if (format == "urial.shift/1") return report_shift(command, flags, context);
    if (format == eval::kRunFormat) return report_judged(command, context);
    if (format == experiment::kFormat) return report_experiment(command, context);
    throw error(ErrorKind::BadInput, "{}: there is no report for runs of the kind {}", command.runs.front(), format);
}

}  // namespace

void add_report_command(CLI::App& app, Context& context) {
    auto* report =
        app.add_subcommand("report", "Tables of judged runs, summaries of shift runs, or one HTML page of either");
    auto command = std::make_shared<ReportOptions>();
    report->add_option("run", command->runs, "Run folders; several stand side by side")->type_name("RUN")->required();
    report->add_option("--html", command->html, "The file to write; it opens from disk and loads nothing")
        ->type_name("FILE");
    report
        ->add_option("--label", command->labels, "Names for the runs, in their order (repeat it) [the folders' names]")
        ->take_all()
        ->allow_extra_args(false)
        ->type_name("NAME");
    report->add_option("--title", command->title, "The heading of the page")->type_name("TEXT");
    report->add_flag("--full", command->full, "All tables, not only the headline (csv and json have everything)");
    add_judged_report_flags(*report, *command);
    report->footer(examples({
        {"Tables of two runs beside each other", "urial report runs/urial runs/zero-shot"},
        {"For a paper", "urial report runs/urial --format latex -o table.tex"},
        {"One page to look into single answers", "urial report runs/urial runs/zero-shot --html report.html"},
    }));
    report->callback([command, report, &context] { run_report(*command, *report, context); });
}

}  // namespace urial::cli
