// `urial batch export judge`: what `urial judge` would ask, as files.

#include <memory>

#include <fmt/format.h>

#include "app/judging.h"
#include "app/judging_files.h"
#include "base/error.h"
#include "cli/batch_export.h"
#include "cli/item_filter.h"
#include "terminal/standard_streams.h"

namespace urial::cli {
namespace {

struct JudgingExportFlags {
    app::JudgingExport judging;
    ExportTarget target;
    std::string answers;
    std::string others;
    std::string rest_of;
};

void run_judging_export(JudgingExportFlags& flags, const Context& context) {
    for (const std::string& name : {flags.answers, flags.others}) {
        if (name == terminal::kStandardStream) {
            throw Error(ErrorKind::BadInput, "-: import reads the answers once more, so they must lie in a file");
        }
    }
    app::JudgingExport& options = flags.judging;
    options.files.answers = {flags.answers, app::answers_file(flags.answers)};
    options.files.others = {flags.others, app::answers_file(flags.others)};
    options.judge = flags.target.model;
    options.target = batch::parse_target(flags.target.target);
    options.requests = flags.target.output;
    options.overwrite = flags.target.overwrite;
    options.rest_of = flags.rest_of;
    print_export(app::export_judging(options, callbacks(context)),
                 {.requests = flags.target.output, .target = options.target, .more_flags = ""}, context);
}

void add_judging_export(CLI::App& parent, app::Judging judging, const std::string& name, const std::string& help,
                        Context& context) {
    auto flags = std::make_shared<JudgingExportFlags>();
    app::JudgingExport& options = flags->judging;
    options.judging = judging;
    const bool is_pairwise = judging == app::Judging::Pairwise;
    CLI::App* command = parent.add_subcommand(name, help);
    command->add_option("answers", flags->answers, judging == app::Judging::Tags ? "Instructions" : "Answers")
        ->type_name("FILE")
        ->required();
    if (is_pairwise) {
        options.files.rubric = "pairwise";
        command->add_option("others", flags->others, "Answers of the other side, matched by id")
            ->type_name("FILE")
            ->required();
    }
    if (judging == app::Judging::Tags) options.files.rubric = "tags";
    add_export_target(*command, flags->target);
    if (judging != app::Judging::MtBench) {
        command->add_option("--rubric", options.files.rubric, "For every item [as in `urial judge`]")
            ->check(suggest(eval::builtin_rubrics()))
            ->type_name("NAME|FILE");
    }
    add_item_filter_flags(*command, options.files.items);
    command->add_option("--items", options.files.tags, "Instructions with the tags that the answers do not have, by id")
        ->type_name("FILE");
    command->add_option("--shard", options.files.items.shard, "Only every N-th item, from the I-th on")
        ->type_name("I/N");
    command->add_option("--limit", options.files.items.limit, "Only the first N items that pass")
        ->type_name("N")
        ->check(CLI::Range(1, 1'000'000'000));
    command->add_option("--max-tokens", options.max_tokens, "The most tokens of a reply")
        ->type_name("N")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    command->add_option("--rest-of", flags->rest_of, "Only what this run's folder has no judgement of")
        ->type_name("DIR");
    const std::string files = is_pairwise ? "ours.jsonl theirs.jsonl" : "answers.jsonl";
    command->footer(examples({
        {"For a judge on a cluster",
         fmt::format("urial batch export judge {} {} -m org/judge -o requests.jsonl", name, files)},
        {"For OpenAI's batches",
         fmt::format("urial batch export judge {} {} -m gpt-4o --target openai -o requests.jsonl", name, files)},
    }));
    command->callback([flags, &context] { run_judging_export(*flags, context); });
}

}  // namespace

void add_judging_export_commands(CLI::App& parent, Context& context) {
    CLI::App* judge = parent.add_subcommand("judge", "Requests to a judge, as `urial judge` sends them");
    judge->require_subcommand(1);
    using app::Judging;
    add_judging_export(*judge, Judging::Score, "score", "Scores of every answer", context);
    add_judging_export(*judge, Judging::Pairwise, "pairwise", "Which of two answers is better, in both orders",
                       context);
    add_judging_export(*judge, Judging::Tags, "tags", "Task, topic and difficulty of instructions", context);
    add_judging_export(*judge, Judging::MtBench, "mt-bench", "Scores of both turns of MT-bench answers", context);
}

}  // namespace urial::cli
