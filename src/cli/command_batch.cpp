// `urial batch`: requests as files for engines that work through files, and what they wrote as the records of a run.

#include <cstdio>
#include <limits>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/batch_files.h"
#include "app/judging_files.h"
#include "app/shift_files.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/batch_export.h"
#include "cli/commands.h"
#include "cli/selected_input.h"
#include "cli/setting_flags.h"
#include "generate/batch_run.h"
#include "terminal/progress_bar.h"
#include "terminal/standard_streams.h"

namespace urial::cli {
namespace {

using nlohmann::ordered_json;

struct ExportFlags {
    app::GenerationExport generation;
    std::string input;
    ExportTarget target;
    std::string rest_of;
    std::string shard;
    std::size_t limit = 0;
};

struct ImportFlags {
    std::vector<std::string> results;
    std::string requests;
    std::string input;
    std::string output;
    std::string prices;
    bool overwrite = false;
};

void run_export(ExportFlags& flags, const Context& context) {
    const terminal::InputFile input(flags.input);
    app::GenerationExport& options = flags.generation;
    options.model = flags.target.model;
    options.target = batch::parse_target(flags.target.target);
    options.requests = flags.target.output;
    options.overwrite = flags.target.overwrite;
    options.run.output = flags.rest_of;
    for (const fs::path& written : {options.requests, batch::requests_manifest_path(options.requests)}) {
        refuse_same_file(input.path(), written);
    }
    options.run.origin = origin_of_input(flags.input, input.path(), flags.limit, flags.shard);
    const std::vector<generate::Instruction> instructions =
        generate::select(generate::read_instructions(input.path()), flags.limit, shard_of(flags.shard));
    app::adopt_loading(options.prompt.retrieval.encoder, options.tokenizer);
    const bool has_template = options.target == batch::Target::Vllm && options.prompt.prompt != app::kChatPrompt;
    print_export(app::export_generation(instructions, options, callbacks(context)),
                 {.requests = flags.target.output,
                  .target = options.target,
                  .more_flags = has_template ? " --trust-request-chat-template" : ""},
                 context);
}

/// Of an import of answers or of a shift analysis.
template <class Summary>
ordered_json answers_json(const Summary& summary, const std::string& output) {
    const batch::ResultCounts& results = summary.results;
    return {{"output", output},
            {"answers", summary.run.progress.done},
            {"total", summary.run.progress.total},
            {"resumed", summary.run.resumed},
            {"results", results.read},
            {"taken", results.taken},
            {"prompt_not_compared", results.unchecked_prompt},
            {"failed", results.failed},
            {"other_prompt", results.other_prompt},
            {"missing", results.missing},
            {"repeated", results.repeated},
            {"foreign", results.foreign},
            {"unreadable", results.unreadable}};
}

void warn_of_lines(std::size_t unreadable, const std::string& first, std::size_t foreign,
                   const terminal::Terminal& terminal) {
    if (unreadable > 0) terminal.warn(fmt::format("{} lines are no results; the first: {}", unreadable, first));
    if (foreign > 0) terminal.warn(fmt::format("{} results are of other requests; they are left out", foreign));
}

/// What is wrong with the results, each kind with what to do.
void warn_of_results(const batch::ResultCounts& results, const terminal::Terminal& terminal) {
    const auto warn = [&](std::size_t count, const std::string& text) {
        if (count > 0) terminal.warn(fmt::format("{} {}", count, text));
    };
    warn_of_lines(results.unreadable, results.first_unreadable, results.foreign, terminal);
    warn(results.other_prompt,
         "requests were read as other prompt tokens than were exported, and are refused: does the engine have the same "
         "tokenizer, and its chat template switched off?");
    warn(results.failed, "requests failed; the first: " + results.first_failure);
    if (results.missing + results.failed + results.other_prompt == 0) return;
    terminal.note(
        fmt::format("{} requests have no answer: `urial batch export` with --rest-of writes them again, and "
                    "`urial generate` with a server answers them",
                    results.missing + results.failed + results.other_prompt));
}

void print_import(const app::ImportSummary& summary, const ImportFlags& flags, const Context& context) {
    if (context.json) {
        fmt::print("{}", json_text(answers_json(summary, flags.output)));
        return;
    }
    const batch::ResultCounts& results = summary.results;
    context.terminal.note(fmt::format("{} of {} answers in {}; {} results read, {} taken, {} repeated",
                                      summary.run.progress.done, summary.run.progress.total, printable(flags.output),
                                      results.read, results.taken, results.repeated));
    if (results.unchecked_prompt > 0) {
        context.terminal.note(
            fmt::format("the prompt tokens of {} results were not compared: `urial batch export` "
                        "with --tokenizer and an engine that returns them allow it",
                        results.unchecked_prompt));
    }
    warn_of_results(results, context.terminal);
}

ordered_json to_json(const app::JudgingImportSummary& summary, const std::string& output) {
    const eval::ImportedReplies& replies = summary.replies;
    return {{"output", output},
            {"judgements", replies.run.progress.done},
            {"total", replies.run.progress.total},
            {"resumed", replies.run.resumed},
            {"unscored", replies.run.progress.unscored},
            {"results", replies.read},
            {"taken", replies.taken},
            {"without_verdict", replies.unreadable},
            {"failed", replies.failed},
            {"missing", replies.missing},
            {"repeated", replies.repeated},
            {"foreign", replies.foreign},
            {"unreadable", summary.unreadable},
            {"bill", eval::to_json(replies.run.progress.bill)}};
}

void print_judging(const app::JudgingImportSummary& summary, const ImportFlags& flags, const Context& context) {
    if (context.json) {
        fmt::print("{}", json_text(to_json(summary, flags.output)));
        return;
    }
    const eval::ImportedReplies& replies = summary.replies;
    context.terminal.note(fmt::format("{} of {} judgements in {}; {} results read, {} taken, {} repeated",
                                      replies.run.progress.done, replies.run.progress.total, printable(flags.output),
                                      replies.read, replies.taken, replies.repeated));
    warn_of_lines(summary.unreadable, summary.first_unreadable, replies.foreign, context.terminal);
    if (replies.unreadable > 0) {
        context.terminal.warn(fmt::format("{} replies hold no verdict; export again with --rest-of to ask once more",
                                          replies.unreadable));
    }
    if (replies.failed > 0) context.terminal.warn(fmt::format("{} requests failed", replies.failed));
    if (replies.missing > 0) context.terminal.note(fmt::format("{} judgements are missing", replies.missing));
}

void run_judging_import(const ImportFlags& flags, Context& context) {
    if (flags.overwrite) throw Error(ErrorKind::BadInput, "--overwrite: a run of judgements is never replaced");
    if (!flags.input.empty()) {
        throw Error(ErrorKind::BadInput, "--input is of instructions; answers are read from where they were exported");
    }
    app::JudgingImport options;
    options.requests = flags.requests;
    options.results = {flags.results.begin(), flags.results.end()};
    options.folder = flags.output;
    options.prices = flags.prices;
    options.interrupted = terminal::interrupted;
    terminal::ProgressBar bar(context.terminal, "judgements", terminal::ProgressUnit::Items);
    options.progress = [&bar](const eval::JudgeProgress& progress) { bar.update(progress.done, progress.total, ""); };
    options.notice = [&bar, &context](std::string_view text) {
        bar.clear();
        context.terminal.note(text);
    };
    const app::JudgingImportSummary summary = app::import_judging(options, callbacks(context));
    bar.clear();
    if (summary.replies.run.interrupted) throw terminal::Interrupted{};
    print_judging(summary, flags, context);
    if (!summary.replies.run.finished() || summary.replies.failed > 0) context.exit_code = 1;
}

void warn_of_scores(const app::ShiftImportSummary& summary, const terminal::Terminal& terminal) {
    const batch::ResultCounts& results = summary.results;
    warn_of_lines(results.unreadable, results.first_unreadable, results.foreign, terminal);
    if (results.other_prompt + results.failed > 0) {
        terminal.warn(
            fmt::format("{} requests were read as other tokens than were exported and {} failed; the first: {}",
                        results.other_prompt, results.failed, results.first_failure));
    }
    if (results.missing > 0) terminal.note(fmt::format("{} requests have no result yet", results.missing));
    if (summary.is_compared) return;
    terminal.warn(
        "nothing was taken: both files of requests begin with short texts by which the vocabularies are compared, and "
        "not all results of these are there");
}

void print_shift(const app::ShiftImportSummary& summary, const ImportFlags& flags, const Context& context) {
    const bool has_records = summary.run.progress.done > 0;
    std::string headline;
    if (has_records) headline = app::summarize_shift_run(flags.output).headline;
    if (context.json) {
        ordered_json printed = answers_json(summary, flags.output);
        printed["vocabularies_compared"] = summary.is_compared;
        fmt::print("{}", json_text(printed));
        return;
    }
    const shift::ShiftProgress& progress = summary.run.progress;
    context.terminal.note(fmt::format("{} of {} answers in {}; {} results read, {} repeated", progress.done,
                                      progress.total, printable(flags.output), summary.results.read,
                                      summary.results.repeated));
    if (summary.results.unchecked_prompt > 0) {
        context.terminal.note(
            fmt::format("the tokens of the answer alone were compared in {} results, those of the "
                        "prompt not: an export with --tokenizer allows it for in-context prompts",
                        summary.results.unchecked_prompt));
    }
    warn_of_scores(summary, context.terminal);
    fmt::print("{}", headline);
}

void run_shift_import(const ImportFlags& flags, Context& context) {
    if (!flags.prices.empty()) throw Error(ErrorKind::BadInput, "--prices is of judges");
    app::ShiftImport options;
    options.requests = flags.requests;
    options.results = {flags.results.begin(), flags.results.end()};
    options.input = flags.input;
    options.folder = flags.output;
    options.overwrite = flags.overwrite;
    options.interrupted = terminal::interrupted;
    terminal::ProgressBar bar(context.terminal, "answers", terminal::ProgressUnit::Items);
    options.progress = [&bar](const shift::ShiftProgress& progress) {
        bar.update(progress.done + progress.failed, progress.total, "");
    };
    options.notice = [&bar, &context](std::string_view text) {
        bar.clear();
        context.terminal.note(printable(text));
    };
    for (const fs::path& result : options.results) refuse_same_file(result, shift::records_file(options.folder));
    const app::ShiftImportSummary summary = app::import_shift(options, callbacks(context));
    bar.clear();
    if (summary.run.interrupted) throw terminal::Interrupted{};
    print_shift(summary, flags, context);
    if (summary.run.progress.done < summary.run.progress.total) context.exit_code = 1;
}

void run_import(const ImportFlags& flags, Context& context) {
    const std::string kind = app::kind_of_requests(flags.requests);
    if (kind == "judge") return run_judging_import(flags, context);
    if (kind == "shift") return run_shift_import(flags, context);
    if (!flags.prices.empty()) throw Error(ErrorKind::BadInput, "--prices is of judges");
    app::GenerationImport options;
    options.requests = flags.requests;
    options.results = {flags.results.begin(), flags.results.end()};
    options.input = flags.input;
    terminal::ProgressBar bar(context.terminal, "answers", terminal::ProgressUnit::Items);
    generate::BatchOptions& run = options.run;
    run.output = flags.output;
    run.overwrite = flags.overwrite;
    run.interrupted = terminal::interrupted;
    run.progress = [&bar](const generate::BatchProgress& progress) {
        bar.update(progress.done + progress.failed, progress.total, "");
    };
    run.notice = [&bar, &context](std::string_view text) {
        bar.clear();
        context.terminal.note(text);
    };
    for (const fs::path& result : options.results) refuse_same_file(result, run.output);
    const app::ImportSummary summary = app::import_generation(options);
    bar.clear();
    if (terminal::interrupted()) throw terminal::Interrupted{};
    print_import(summary, flags, context);
    if (summary.run.progress.done < summary.run.progress.total) context.exit_code = 1;
}

void add_selection(CLI::App& command, ExportFlags& flags) {
    command.add_option("-i,--input", flags.input, "Instructions: JSON array or JSON lines; - is standard input")
        ->type_name("FILE")
        ->required();
    add_export_target(command, flags.target);
    command.add_option("--limit", flags.limit, "Only the first N instructions")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{std::numeric_limits<std::int32_t>::max()}))
        ->type_name("N");
    command.add_option("--shard", flags.shard, "Only every N-th instruction, from the I-th on")->type_name("I/N");
    command.add_option("--rest-of", flags.rest_of, "Only what these records have no answer to")->type_name("FILE");
}

void add_export_generate(CLI::App& parent, Context& context) {
    auto flags = std::make_shared<ExportFlags>();
    app::GenerationExport& options = flags->generation;
    CLI::App* command = parent.add_subcommand("generate", "Requests for answers, as `urial generate` sends them");
    add_selection(*command, *flags);
    command
        ->add_option("--tokenizer", options.tokenizer.model,
                     "A GGUF with the model's tokenizer: import then refuses answers to other prompt tokens")
        ->type_name("SPEC");
    command->add_option("--samples", options.run.samples, "Answers an instruction (needs a temperature above 0)")
        ->type_name("N")
        ->capture_default_str();
    command
        ->add_option("--generator", options.run.generator,
                     "Who answers, in the records [the names of model and prompt]")
        ->type_name("NAME");
    add_prompt_flags(*command, options.prompt, context);
    add_retrieval_flags(*command, options.prompt.retrieval, context);
    add_sampling_flags(*command, options.run.sampling, context);
    command->footer(examples({
        {"For `vllm run-batch` or Ray Data",
         "urial batch export generate -i questions.jsonl -m org/model -o requests.jsonl"},
        {"What the results so far left open",
         "urial batch export generate -i questions.jsonl -m org/model -o rest.jsonl --rest-of answers.jsonl"},
    }));
    command->callback([flags, &context] { run_export(*flags, context); });
}

void add_import(CLI::App& parent, Context& context) {
    auto flags = std::make_shared<ImportFlags>();
    CLI::App* command = parent.add_subcommand("import", "Make results the records of a run, which can be continued");
    command
        ->add_option("results", flags->results,
                     "What OpenAI, vLLM or Ray Data wrote: files, or folders of .json and .jsonl files, in any order")
        ->type_name("RESULTS")
        ->required();
    command->add_option("--requests", flags->requests, "The file of requests; the manifest beside it is read")
        ->type_name("FILE")
        ->required();
    command->add_option("-o,--output", flags->output, "Where the records go, as those of the live command")
        ->type_name("PATH")
        ->required();
    command
        ->add_option("-i,--input", flags->input,
                     "The instructions or answers, where they are no longer where they were")
        ->type_name("FILE");
    command->add_flag("--overwrite", flags->overwrite, "Start anew instead of adding to the output");
    command->add_option("--prices", flags->prices, "What the judge's tokens cost, for the bill (TOML)")
        ->type_name("FILE");
    command->footer(examples({
        {"What came back", "urial batch import results.jsonl --requests requests.jsonl -o answers.jsonl"},
        {"A folder that Ray Data wrote", "urial batch import results/ --requests requests.jsonl -o answers.jsonl"},
    }));
    command->callback([flags, &context] { run_import(*flags, context); });
}

}  // namespace

void add_batch_command(CLI::App& app, Context& context) {
    CLI::App* batch = app.add_subcommand("batch", "Requests as files for clusters, and their results as runs");
    batch->require_subcommand(1);
    CLI::App* exported = batch->add_subcommand("export", "Write requests instead of sending them");
    exported->require_subcommand(1);
    add_export_generate(*exported, context);
    add_shift_export_command(*exported, context);
    add_judging_export_commands(*exported, context);
    add_import(*batch, context);
}

}  // namespace urial::cli
