// `urial merge`: shards and runs become one.

#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/merge.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/commands.h"

namespace urial::cli {
namespace {

struct MergeFlags {
    std::vector<std::string> runs;
    std::string output;
    std::string input;
};

void run_merge(const MergeFlags& flags, Context& context) {
    app::MergeOptions options;
    options.runs = {flags.runs.begin(), flags.runs.end()};
    options.output = flags.output;
    options.input = flags.input;
    options.notice = [&context](std::string_view text) { context.terminal.note(text); };
    const app::MergeSummary summary = app::merge_runs(options);
    if (context.json) {
        const nlohmann::ordered_json printed{{"output", flags.output},   {"records", summary.records},
                                             {"failed", summary.failed}, {"repeated", summary.repeated},
                                             {"total", summary.total},   {"in_order", summary.is_in_order}};
        fmt::print("{}", json_text(printed));
    } else {
        context.terminal.note(fmt::format("{} of {} records of {} runs in {}; {} stood in several", summary.records,
                                          summary.total, flags.runs.size(), printable(flags.output), summary.repeated));
        if (summary.failed > 0) context.terminal.warn(fmt::format("{} of them failed in every run", summary.failed));
    }
    if (summary.records < summary.total) context.exit_code = 1;
}

}  // namespace

void add_merge_command(CLI::App& app, Context& context) {
    auto flags = std::make_shared<MergeFlags>();
    CLI::App* command = app.add_subcommand("merge", "Join shards and runs of one kind and of the same settings");
    command
        ->add_option("runs", flags->runs, "Records of `urial generate`, or folders of `urial shift` or `urial judge`")
        ->type_name("RUN")
        ->required();
    command->add_option("-o,--output", flags->output, "The file or folder of the whole run; nothing may be there")
        ->type_name("PATH")
        ->required();
    command
        ->add_option("-i,--input", flags->input,
                     "The items, for their order [the file that the runs name, if it is there]")
        ->type_name("FILE");
    command->footer(examples({
        {"Three shards of answers", "urial merge part-1.jsonl part-2.jsonl part-3.jsonl -o answers.jsonl"},
        {"Shift runs of two machines", "urial merge runs/left runs/right -o runs/all"},
    }));
    command->callback([flags, &context] { run_merge(*flags, context); });
}

}  // namespace urial::cli
