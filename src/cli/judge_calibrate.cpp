#include "cli/judge_calibrate.h"

#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/judging.h"
#include "report/report.h"

namespace urial::cli {
namespace {

struct CalibrateCommand {
    std::string run;
    std::string human;
};

void run(const CalibrateCommand& command, const Context& context) {
    const app::CalibratedRun calibrated = app::calibrate_run(command.run, command.human);
    if (context.json) {
        eval::Json json{{"judges", report::calibration_json(calibrated.judges)}};
        json["humans"] = eval::to_json(calibrated.humans);
        fmt::print("{}", json_text(json));
        return;
    }
    fmt::print("{}", report::calibration_text(calibrated.judges));
    if (!calibrated.humans.empty())
        fmt::print("\n  {} among themselves:{}", command.human, report::jury_text(calibrated.humans));
}

}  // namespace

void add_judge_calibrate(CLI::App& judge, Context& context) {
    auto command = std::make_shared<CalibrateCommand>();
    CLI::App* calibrate = judge.add_subcommand(
        "calibrate", "Agreement of a run's judges with people or other judges on the same answers");
    calibrate->add_option("run", command->run, "The run's folder")->type_name("RUN")->required();
    calibrate->add_option("--human", command->human, "Ratings of people (JSON, JSON lines), or another run's folder")
        ->type_name("FILE|RUN")
        ->required();
    calibrate->footer(examples({
        {"Against ratings of people", "urial judge calibrate runs/gpt --human ratings.jsonl"},
        {"Against another judge's run", "urial judge calibrate runs/local --human runs/gpt"},
    }));
    calibrate->callback([command, &context] { run(*command, context); });
}

}  // namespace urial::cli
