#include "cli/experiment_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/judging.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/report_output.h"
#include "experiment/results.h"

namespace urial::cli {
namespace {

void refuse_what_does_not_fit(const ReportOptions& command) {
    const auto refuse = [](bool is_given, std::string_view option, std::string_view why) {
        if (is_given) throw error(ErrorKind::BadInput, "{} is not for an experiment: {}", option, why);
    };
    refuse(command.runs.size() > 1, "a second run", "report each folder by itself");
    refuse(!command.labels.empty(), "--label", "its file has the labels");
    refuse(!command.against.empty(), "--against", "its file states the comparisons");
    refuse(!command.shift_html.empty(), "--shift-html", "its page has the shift of its pairs");
    refuse(command.compat != "none", "--compat", "report the folders of its judging with it");
    refuse(!command.html.empty() && !(command.format.empty() && command.output.empty()), "--html with --format or -o",
           "call it twice");
}

}  // namespace

void report_experiment(const ReportOptions& command, const Context& context) {
    refuse_what_does_not_fit(command);
    check_format(command, context);
    experiment::ResultOptions options;
    options.summary.allow_unscored = command.allow_unscored;
    options.filter = app::filter_of(command.items);
    const experiment::Results results = experiment::load_results(command.runs.front(), options);
    if (!command.html.empty()) {
        check_target(command.html, command);
        const std::string html = experiment::results_page(results, command.title);
        write_file_atomic(command.html, html);
        context.terminal.note(fmt::format("{}: {} methods, {}; open it in a browser", command.html,
                                          results.methods.size(), human_bytes(static_cast<double>(html.size()))));
        return;
    }
    const report::Format format = !command.format.empty() ? report::parse_format(command.format)
                                  : context.json          ? report::Format::Json
                                                          : report::Format::Text;
    const report::Written written = experiment::results_tables(results, format, detail_of(command));
    if (!written.left_out.empty() && command.output.empty()) {
        context.terminal.note(fmt::format("--full adds: {}", fmt::join(written.left_out, ", ")));
    }
    write_report(written.text, command, context);
}

}  // namespace urial::cli
