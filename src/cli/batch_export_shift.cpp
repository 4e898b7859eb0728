// `urial batch export shift`: what `urial shift --answers` would ask both models, as files.

#include <cstdint>
#include <limits>
#include <memory>

#include <fmt/format.h>

#include "app/answerers.h"
#include "app/shift_files.h"
#include "cli/batch_export.h"
#include "cli/selected_input.h"
#include "cli/setting_flags.h"
#include "generate/instructions.h"
#include "terminal/standard_streams.h"

namespace urial::cli {
namespace {

/// vLLM gives no longer lists unless it is started for them.
constexpr std::size_t kListOfVllm = 20;

struct ShiftExportFlags {
    app::ShiftExport shift;
    std::string answers;
    std::string output;
    std::string rest_of;
    std::string shard;
    std::size_t limit = 0;
};

void run_shift_export(ShiftExportFlags& flags, const Context& context) {
    const terminal::InputFile input(flags.answers);
    app::ShiftExport& options = flags.shift;
    options.requests = flags.output;
    options.rest_of = flags.rest_of;
    options.origin = origin_of_input(flags.answers, input.path(), flags.limit, flags.shard);
    for (const fs::path& written : app::shift_request_files(options.requests)) refuse_same_file(input.path(), written);
    const std::vector<shift::ShiftItem> items =
        generate::select(app::read_shift_answers(input.path(), callbacks(context)), flags.limit, shard_of(flags.shard));
    app::adopt_loading(options.retrieval.encoder, options.tokenizer);
    const app::ExportSummary summary = app::export_shift(items, options, callbacks(context));
    print_written(summary, flags.output, context);
    std::string more = " --trust-request-chat-template";
    if (options.top_k > kListOfVllm) more += fmt::format(" --max-logprobs {}", options.top_k);
    const std::vector<fs::path> files = app::shift_request_files(options.requests);
    print_run_batch({files.at(0).string(), batch::Target::Vllm, more}, app::served_name(options.base.model),
                    "results.base.jsonl", context);
    print_run_batch({files.at(1).string(), batch::Target::Vllm, more}, app::served_name(options.aligned.model),
                    "results.aligned.jsonl", context);
}

void add_sides(CLI::App& command, app::ShiftExport& options) {
    const auto add = [&](const char* name, std::string& target, const char* help, const char* type) {
        return command.add_option(name, target, help)->type_name(type);
    };
    add("--base", options.base.model, "The base model as the engine names it, or http://HOST/v1#MODEL", "NAME")
        ->required();
    add("--aligned", options.aligned.model, "The aligned model, likewise", "NAME")->required();
    add("--base-prompt", options.base.prompt, "The prompt of the base side: an in-context prompt, chat or retrieval",
        "NAME|FILE")
        ->check(suggest(app::prompt_names()))
        ->capture_default_str();
    add("--aligned-prompt", options.aligned.prompt, "The prompt of the aligned side: chat, or an in-context prompt",
        "NAME|FILE")
        ->check(suggest(app::prompt_names()))
        ->capture_default_str();
    add("--tokenizer", options.tokenizer.model,
        "A GGUF with the models' tokenizer: for answers that are text, and to compare the tokens of the prompts",
        "SPEC");
}

}  // namespace

void add_shift_export_command(CLI::App& parent, Context& context) {
    constexpr std::int64_t kMostItems = std::numeric_limits<std::int32_t>::max();
    auto flags = std::make_shared<ShiftExportFlags>();
    app::ShiftExport& options = flags->shift;
    CLI::App* command =
        parent.add_subcommand("shift", "Requests about the tokens of given answers, as `urial shift` sends them");
    command->add_option("--answers", flags->answers, "The answers, as text or token ids (docs/shift.md)")
        ->type_name("FILE")
        ->required();
    command
        ->add_option("-o,--output", flags->output,
                     "Where the requests go: of requests.jsonl, requests.base.jsonl, requests.aligned.jsonl and a "
                     "manifest are written")
        ->type_name("FILE")
        ->required();
    command->add_flag("--overwrite", options.overwrite, "Replace files of requests that are there");
    add_sides(*command, options);
    command->add_option("--top", options.top_k, "Tokens of each model's list of the most likely")
        ->check(CLI::Range(1, 100))
        ->type_name("K")
        ->capture_default_str();
    command->add_option("--limit", flags->limit, "Only the first N answers")
        ->check(CLI::Range(std::int64_t{1}, kMostItems))
        ->type_name("N");
    command->add_option("--shard", flags->shard, "Only every N-th answer, from the I-th on")->type_name("I/N");
    command->add_option("--rest-of", flags->rest_of, "Only what this run's folder has no record of")->type_name("DIR");
    add_retrieval_flags(*command, options.retrieval, context);
    command->footer(examples({
        {"For two runs of `vllm run-batch`",
         "urial batch export shift --answers a.jsonl --base org/b --aligned org/a --tokenizer m.gguf -o r.jsonl"},
        {"Their results", "urial batch import results.*.jsonl --requests r.jsonl -o runs/shift"},
    }));
    command->callback([flags, &context] { run_shift_export(*flags, context); });
}

}  // namespace urial::cli
