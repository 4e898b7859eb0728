// `urial experiment`: the methods, judges and comparisons of a file, carried out resumably; tables and a page at the
// end.

#include <memory>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/experiment_report.h"
#include "experiment/results.h"
#include "experiment/run.h"
#include "terminal/progress_bar.h"

namespace urial::cli {
namespace {

using experiment::Plan;
using experiment::Spec;
using experiment::Step;

struct ExperimentFlags {
    std::string file;
    std::string output;
    app::ModelChoice loading;
    bool dry_run = false;
};

std::string title_of(const Step& step) { return fmt::format("{} {}", name(step.kind), step.name); }

/// What an edit of the file does to what was made before.
void tell_changes(const Plan& plan, const Context& context) {
    for (const Step& step : plan.steps) {
        if (step.before.empty()) continue;
        context.terminal.note(printable(fmt::format("{}: {} changed, so it is made anew; what there was stays in {}",
                                                    title_of(step), fmt::join(step.changed, " and "), step.before)));
    }
}

std::string state_of(const Step& step) {
    if (step.finished) return "finished";
    return step.done > 0 ? fmt::format("{} of {} done", step.done, step.total) : "to do";
}

/// The most that judging may cost, where it can be said.
std::string cost_line(const Spec& spec, const Plan& plan, const experiment::RunOptions& options) {
    if (!spec.judging) return "";
    const std::optional<double> cost = experiment::most_judging_cost(spec, plan, options);
    const std::string limit =
        spec.judging->max_cost ? fmt::format(", and no more than {:g} USD (max_cost)", *spec.judging->max_cost) : "";
    if (!cost) return fmt::format("judging: the cost is not known (a judge has no price){}\n", limit);
    return fmt::format("judging: at most {:.4f} USD{}\n", *cost, limit);
}

void print_plan(const Spec& spec, const Plan& plan, const experiment::RunOptions& options, const Context& context) {
    nlohmann::ordered_json steps = nlohmann::ordered_json::array();
    std::string table = fmt::format("{:<34} {:>7}  {:<18} {:>12}  {}\n", "STEP", "ITEMS", "STATE", "TOKENS <=", "TIME");
    double seconds = 0;
    bool is_whole = true;
    for (const Step& step : plan.steps) {
        const experiment::Estimate estimate = experiment::estimate(spec, plan, step);
        if (estimate.seconds) seconds += *estimate.seconds;
        is_whole = is_whole && (step.finished || estimate.seconds);
        const std::string time = step.finished      ? "-"
                                 : estimate.seconds ? "about " + human_seconds(*estimate.seconds)
                                                    : "not known yet";
        table += printable(fmt::format("{:<34} {:>7}  {:<18} {:>12}  {}", title_of(step), step.total, state_of(step),
                                       estimate.most_tokens ? fmt::format("{}", *estimate.most_tokens) : "-", time)) +
                 "\n";
        nlohmann::ordered_json entry{{"kind", name(step.kind)}, {"name", step.name}, {"place", step.place},
                                     {"total", step.total},     {"done", step.done}, {"finished", step.finished},
                                     {"changed", step.changed}};
        entry["seconds"] = estimate.seconds ? nlohmann::ordered_json(*estimate.seconds) : nullptr;
        entry["most_tokens"] = estimate.most_tokens ? nlohmann::ordered_json(*estimate.most_tokens) : nullptr;
        steps.push_back(std::move(entry));
    }
    if (context.json) {
        nlohmann::ordered_json printed{{"questions", plan.questions.size()}, {"steps", std::move(steps)}};
        const std::optional<double> cost = experiment::most_judging_cost(spec, plan, options);
        printed["most_judging_cost"] = cost ? nlohmann::ordered_json(*cost) : nullptr;
        fmt::print("{}", json_text(printed));
        return;
    }
    fmt::print("{}: {} questions, {} methods\n\n{}\n", printable(spec.title), plan.questions.size(),
               spec.methods.size(), table);
    fmt::print("{}", cost_line(spec, plan, options));
    fmt::print("time: {}{}\n", seconds > 0 ? "about " + human_seconds(seconds) : "not known",
               is_whole ? "" : "; steps like one that this folder has begun are estimated by its speed");
}

/// Bars and lines of the steps, for a terminal.
class Display {
public:
    Display(const Context& context, const Plan& plan) : context_(context), plan_(plan) {}

    void attach(experiment::RunOptions& options) {
        options.began = [this](const Step& step) { begin(step); };
        options.progress = [this](const Step& step, std::string_view rate) {
            if (bar_) bar_->update(step.done, step.total, rate);
        };
        options.ended = [this](const Step& step) { end(step); };
        options.notice = [this](std::string_view text) {
            if (bar_) bar_->clear();
            context_.terminal.note(text);
        };
    }
    void clear() { bar_.reset(); }

private:
    std::string numbered(const Step& step) const {
        return fmt::format("{}/{} {}", &step - plan_.steps.data() + 1, plan_.steps.size(), title_of(step));
    }
    void begin(const Step& step) { bar_.emplace(context_.terminal, numbered(step), terminal::ProgressUnit::Items); }
    void end(const Step& step) {
        bar_.reset();
        context_.terminal.note(fmt::format("{}: {}{}", numbered(step), state_of(step),
                                           step.seconds > 0 ? " in " + human_seconds(step.seconds) : ""));
    }

    const Context& context_;
    const Plan& plan_;
    std::optional<terminal::ProgressBar> bar_;
};

/// The tables for a reader and for programs, and the page, in the folder.
void write_results(const ExperimentFlags& flags, const Context& context) {
    const fs::path folder = flags.output;
    const experiment::Results results = experiment::load_results(folder, {});
    write_file_atomic(folder / "report.md",
                      experiment::results_tables(results, report::Format::Markdown, report::Detail::Full).text);
    write_file_atomic(folder / "report.json",
                      experiment::results_tables(results, report::Format::Json, report::Detail::Full).text);
    write_file_atomic(folder / "report.html", experiment::results_page(results, ""));
    const report::Format format = context.json ? report::Format::Json : report::Format::Text;
    fmt::print("{}", experiment::results_tables(results, format, report::Detail::Headline).text);
    context.terminal.note(fmt::format("every answer side by side: {}; the tables: report.md and report.json there",
                                      (folder / "report.html").string()));
}

void run(const ExperimentFlags& flags, Context& context) {
    const Spec spec = experiment::read_spec(flags.file);
    Plan plan = experiment::make_plan(spec, flags.output);
    experiment::RunOptions options;
    options.loading = flags.loading;
    options.callbacks = callbacks(context);
    options.interrupted = terminal::interrupted;
    tell_changes(plan, context);
    if (flags.dry_run) return print_plan(spec, plan, options, context);
    Display display(context, plan);
    display.attach(options);
    const experiment::Outcome outcome = experiment::run(spec, plan, options);
    display.clear();
    if (outcome.interrupted) {
        context.terminal.note("interrupted: run the same command again to go on");
        throw terminal::Interrupted{};
    }
    write_results(flags, context);
    if (outcome.failed > 0) {
        context.terminal.warn(
            fmt::format("{} answers or judgements failed; the same command tries them again", outcome.failed));
        context.exit_code = 1;
    }
    if (outcome.out_of_money) {
        context.terminal.warn(fmt::format(
            "stopped: the next request might cost more than max_cost = {:g} leaves; raise it and run the same command",
            spec.judging->max_cost.value_or(0)));
        context.exit_code = 1;
    }
}

}  // namespace

void add_experiment_command(CLI::App& app, Context& context) {
    auto flags = std::make_shared<ExperimentFlags>();
    CLI::App* command =
        app.add_subcommand("experiment", "Compare models and prompts: answers, judgements, shift, one table and page");
    command->add_option("file", flags->file, "What is compared: a TOML file (docs/experiment.md)")
        ->type_name("FILE")
        ->required();
    command
        ->add_option("-o,--output", flags->output, "The experiment's folder; what is finished there is not done again")
        ->type_name("DIR")
        ->required();
    command->add_flag("--dry-run", flags->dry_run, "Do nothing; print the steps with what they would take");
    add_loading_flags(*command, flags->loading, context, "Model");
    add_server_flags(*command, flags->loading.api_key_file, flags->loading.timeout_seconds);
    command->footer(examples({
        {"What it would do, and take", "urial experiment paper.toml -o runs/paper --dry-run"},
        {"All of it; the same command goes on after an interruption", "urial experiment paper.toml -o runs/paper"},
        {"Its table for a paper", "urial report runs/paper --format latex -o table.tex"},
    }));
    command->callback([flags, &context] { run(*flags, context); });
}

}  // namespace urial::cli
