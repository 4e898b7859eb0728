#include "cli/judge_flags.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/judged_report.h"
#include "command_line/command_tree.h"
#include "report/report.h"
#include "terminal/progress_bar.h"

namespace urial::cli {
namespace {

std::vector<std::string> specs_of(const JudgeFlags& flags) {
    if (flags.judge.empty() == flags.jury.empty()) {
        throw Error(ErrorKind::BadInput, "give one judge with --judge, or several with --jury A,B,C");
    }
    return flags.jury.empty() ? std::vector{flags.judge} : flags.jury;
}

app::Jury open_jury(const JudgeFlags& flags, eval::Json origin, const Context& context) {
    app::JuryChoice choice = flags.asked;
    choice.judges = specs_of(flags);
    choice.run.folder = flags.output;
    choice.run.origin = std::move(origin);
    return app::open_jury(choice, callbacks(context));
}

void print_estimate(const eval::JudgeEstimate& estimate, const JudgeFlags& flags, const Context& context) {
    fmt::print("{}", context.json
                         ? json_text(report::estimate_json(estimate))
                         : report::estimate_text(estimate, flags.asked.run.max_tokens, flags.asked.run.max_cost));
}

void print_counts(const eval::JudgeSummary& summary, const JudgeFlags& flags, const Context& context) {
    const eval::JudgeProgress& progress = summary.progress;
    const eval::Bill& bill = progress.bill;
    if (context.json) {
        const eval::Json json{
            {"run", flags.output},         {"judgements", progress.done},    {"total", progress.total},
            {"resumed", summary.resumed},  {"unscored", progress.unscored},  {"failed", progress.failed},
            {"bill", eval::to_json(bill)}, {"finished", summary.finished()}, {"out_of_money", summary.out_of_money}};
        fmt::print("{}", json_text(json));
        return;
    }
    fmt::print("\n  {} of {} judgements in {}, {} of them not wholly readable\n", progress.done, progress.total,
               printable(flags.output), progress.unscored);
    // The report of a finished run ends with the bill.
    if (!summary.finished()) fmt::print("  {}\n", report::bill_text(bill));
}

/// The most frequent reasons; -v has told each when it came.
void print_failures(const eval::JudgeSummary& summary, const Context& context) {
    constexpr std::size_t kMostReasons = 3;
    std::vector<std::pair<std::string, std::size_t>> reasons(summary.failures.begin(), summary.failures.end());
    std::ranges::stable_sort(reasons, std::greater{}, &std::pair<std::string, std::size_t>::second);
    for (std::size_t i = 0; i < std::min(reasons.size(), kMostReasons); ++i) {
        context.terminal.warn(printable(fmt::format("{} of them: {}", reasons[i].second, reasons[i].first)));
    }
    if (reasons.size() > kMostReasons) {
        context.terminal.note(fmt::format("and {} other reasons: -v tells all", reasons.size() - kMostReasons));
    }
}

void report_run(const eval::JudgeSummary& summary, const JudgeFlags& flags, Context& context) {
    if (!context.json && summary.finished()) {
        ReportOptions report;
        report.runs = {flags.output};
        report_judged(report, context);
    }
    print_counts(summary, flags, context);
    if (summary.progress.failed > 0) {
        context.terminal.warn(
            fmt::format("{} judgements failed; the same command tries them again", summary.progress.failed));
        print_failures(summary, context);
        context.exit_code = 1;
    }
    if (summary.out_of_money) {
        context.terminal.warn(
            fmt::format("stopped: the next request might cost more than --max-cost {:g} leaves; the "
                        "same command with a higher one goes on",
                        flags.asked.run.max_cost.value_or(0)));
        context.exit_code = 1;
    }
    if (summary.interrupted) {
        context.terminal.note("interrupted: run the same command again to go on");
        throw terminal::Interrupted{};
    }
}

}  // namespace

void add_judge_flags(CLI::App& command, JudgeFlags& flags, Context& context) {
    command
        .add_option("--judge", flags.judge, "Who judges: https://HOST/v1#MODEL, openai:MODEL, or a local chat model")
        ->check(suggest(app::model_names()))
        ->type_name("SPEC");
    add_loading_flags(command, flags.asked.local, context, "Local judge");
    command.add_option("--jury", flags.jury, "Several judges, each asked about everything")
        ->type_name("SPEC,SPEC...")
        ->delimiter(',');
    command.add_option("-o,--output", flags.output, "The run's folder; what is there already is not asked again")
        ->type_name("DIR")
        ->required();
    add_item_filter_flags(command, flags.items);
    command.add_option("--items", flags.tags, "Instructions with the tags that the answers' file does not have, by id")
        ->type_name("FILE");
    command.add_option("--shard", flags.items.shard, "Of these, only every N-th item, from the I-th on")
        ->type_name("I/N");
    command.add_option("--limit", flags.items.limit, "Only the first N items that pass")
        ->type_name("N")
        ->check(CLI::Range(1, 1'000'000'000));
    command.add_option("--concurrency", flags.asked.run.concurrency, "Requests at the same time")
        ->type_name("N")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    command.add_option("--max-tokens", flags.asked.run.max_tokens, "The most tokens of a reply")
        ->type_name("N")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    command.add_option("--timeout", flags.asked.timeout_seconds, "Seconds to wait for a reply")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.01, 86'400.0))
        ->capture_default_str();
    command.add_option("--prices", flags.asked.prices, "What the judges' tokens cost, a TOML file")->type_name("FILE");
    command
        .add_option("--max-cost", flags.asked.run.max_cost,
                    "Send nothing that might make the run cost more (needs prices)")
        ->type_name("USD")
        ->check(CLI::Range(0.0, 1e6));
    command.add_flag("--dry-run", flags.dry_run, "Send nothing; print requests, tokens and cost");
}

void run_jury(const std::vector<eval::JudgeTask>& tasks, const JudgeFlags& flags, eval::Json origin, Context& context) {
    app::Jury jury = open_jury(flags, std::move(origin), context);
    if (flags.dry_run) return print_estimate(eval::estimate_run(tasks, jury.options), flags, context);
    terminal::ProgressBar bar(context.terminal, "judgements", terminal::ProgressUnit::Items);
    bool heard = false;
    jury.options.interrupted = [&] {
        if (terminal::interrupted() && !std::exchange(heard, true)) {
            bar.clear();
            context.terminal.note("stopping; replies that are on their way are waited for");
        }
        return heard;
    };
    jury.options.progress = [&](const eval::JudgeProgress& progress) { bar.update(progress.done, progress.total); };
    jury.options.notice = [&](std::string_view text) {
        bar.clear();
        context.terminal.note(text);
    };
    jury.options.detail = [&](std::string_view text) {
        bar.clear();
        context.terminal.detail(printable(text));
    };
    const eval::JudgeSummary summary = eval::run_judges(tasks, jury.options);
    bar.clear();
    report_run(summary, flags, context);
}

}  // namespace urial::cli
