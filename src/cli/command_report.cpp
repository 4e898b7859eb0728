#include <memory>

#include "cli/commands.h"
#include "cli/eval_report.h"

namespace urial::cli {

void add_report_command(CLI::App& app, Context& context) {
    auto command = std::make_shared<EvalReport>();
    CLI::App* report = app.add_subcommand("report", "Tables of a judged run, with intervals and counted failures");
    report->add_option("run", command->run, "The run's folder")->required();
    add_eval_report_flags(*report, *command);
    report->callback([command, &context] { report_eval(*command, context); });
}

}  // namespace urial::cli
