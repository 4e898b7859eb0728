// `urial generate`: a batch of answers. Reads the options, calls run_batch, says how it went.

#include <cstdio>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/answerers.h"
#include "app/mt_bench_run.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/selected_input.h"
#include "cli/setting_flags.h"
#include "generate/batch_run.h"
#include "terminal/progress_bar.h"
#include "terminal/standard_streams.h"

namespace urial::cli {
namespace {

using nlohmann::ordered_json;

struct GenerateOptions {
    app::ModelChoice model;
    app::PromptChoice prompt;
    generate::SamplingOptions sampling;
    std::string input;
    std::string output;
    std::string format = "jsonl";
    std::string shard;
    std::string generator;
    std::size_t limit = 0;
    int samples = 1;
    int parallel = 0;
    int context = 0;
    std::string overflow = "error";
    bool overwrite = false;
    bool token_ids = false;
    bool mt_bench = false;
};

/// The files behind the names that were typed.
struct Files {
    explicit Files(const GenerateOptions& options) : input(options.input), output(options.output) {}
    terminal::InputFile input;
    terminal::OutputFile output;
};

std::vector<generate::Instruction> select_instructions(const GenerateOptions& options, const fs::path& input) {
    std::vector<generate::Instruction> all = generate::read_instructions(input);
    const std::size_t total = all.size();
    std::vector<generate::Instruction> selected =
        generate::select(std::move(all), options.limit, shard_of(options.shard));
    if (selected.empty()) {
        throw error(ErrorKind::BadInput, "{}: shard {} of {} instructions is empty", input.string(), options.shard,
                    total);
    }
    return selected;
}

/// Where the records go: the output itself, or beside it when the output is an array that is written at the end.
fs::path records_path(const GenerateOptions& options, const Files& files) {
    if (options.format == "jsonl") return files.output.path();
    return files.output.path().string() + ".records.jsonl";
}

/// What would destroy a file that is not this command's own, found before a model is loaded.
void check_output(const GenerateOptions& options, const Files& files) {
    const fs::path& output = files.output.path();
    const fs::path records = records_path(options, files);
    for (const fs::path& written : {output, records, generate::manifest_path(records)}) {
        refuse_same_file(files.input.path(), written);
    }
    std::error_code none;
    const bool is_array = options.format != "jsonl";
    if (!is_array || !fs::exists(output) || fs::file_size(output, none) == 0) return;
    if (fs::exists(generate::manifest_path(records))) return;  // from an earlier run, which put the array there
    throw error(ErrorKind::BadInput,
                "{} is there and nothing proves that it is the output of such a run; name another file, or remove it",
                options.output);
}

generate::BatchOptions batch_options(const GenerateOptions& options, const Files& files, const Context& context,
                                     terminal::ProgressBar& bar) {
    generate::BatchOptions batch;
    batch.output = records_path(options, files);
    batch.overwrite = options.overwrite;
    batch.samples = options.samples;
    batch.token_ids = options.token_ids;
    batch.generator = options.generator;
    batch.overflow = options.overflow == "drop-oldest" ? generate::Overflow::DropOldest : generate::Overflow::Error;
    batch.sampling = options.sampling;
    batch.origin = origin_of_input(options.input, files.input.path(), options.limit, options.shard);
    batch.interrupted = terminal::interrupted;
    batch.progress = [&bar](const generate::BatchProgress& progress) {
        bar.update(progress.done + progress.failed, progress.total,
                   terminal::rate_detail(progress.tokens, progress.seconds, "tokens"));
    };
    batch.notice = [&bar, &context](std::string_view text) {
        bar.clear();
        context.terminal.note(text);
    };
    return batch;
}

/// What lies in a file until the end, where standard output was asked for.
void copy_out(const Files& files) {
    if (!files.output.is_standard_output()) return;
    for_each_block(files.output.path(), [](std::string_view block) { terminal::write_standard_output(block); });
}

/// `records`: where the records of failed items are.
void print_summary(const generate::BatchSummary& summary, const GenerateOptions& options, const fs::path& records,
                   const Context& context) {
    const generate::BatchProgress& progress = summary.progress;
    const double rate = progress.seconds > 0 ? static_cast<double>(progress.tokens) / progress.seconds : 0;
    if (context.json) {
        const ordered_json printed{
            {"output", options.output},    {"answers", progress.done},   {"total", progress.total},
            {"failed", progress.failed},   {"resumed", summary.resumed}, {"tokens", progress.tokens},
            {"seconds", progress.seconds}, {"tokens_per_second", rate},  {"interrupted", summary.interrupted}};
        fmt::print("{}\n", printed.dump());
        return;
    }
    const bool is_file = options.output != terminal::kStandardStream;
    context.terminal.note(fmt::format("{} of {} answers in {}; {} tokens in {} ({:.1f} a second)", progress.done,
                                      progress.total, is_file ? options.output : "standard output", progress.tokens,
                                      human_seconds(progress.seconds), rate));
    if (progress.failed > 0) {
        context.terminal.warn(fmt::format("{} items failed; their records{} say why", progress.failed,
                                          is_file ? " in " + records.string() : ""));
    }
    if (summary.interrupted && is_file) context.terminal.note("interrupted: run the same command again to go on");
}

void finish(const generate::BatchSummary& summary, Context& context) {
    if (summary.interrupted) throw terminal::Interrupted{};
    if (summary.progress.failed > 0) context.exit_code = 1;
}

std::unique_ptr<generate::Answerer> open_answerer(const GenerateOptions& options, const Context& context) {
    if (options.token_ids && app::parse_servers(options.model.model)) {
        throw Error(ErrorKind::BadInput, "--token-ids: a server gives text, no token ids; leave the option out");
    }
    const auto warn = [&](const engine::Model& model) {
        warn_beyond_training(model, options.context, context.terminal);
    };
    app::PromptChoice prompt = options.prompt;
    app::adopt_loading(prompt.retrieval.encoder, options.model);
    return app::open_answerer(options.model, prompt,
                              {.parallel = options.parallel, .context = options.context, .opened = warn},
                              callbacks(context));
}

void run_conversations(const GenerateOptions& options, const Files& files, Context& context) {
    const std::vector<eval::Item> questions =
        app::read_mt_bench(files.input.path(), options.limit, shard_of(options.shard));
    const std::unique_ptr<generate::Answerer> answerer = open_answerer(options, context);
    terminal::ProgressBar bar(context.terminal, "answers", terminal::ProgressUnit::Items);
    const app::MtBenchSummary done =
        app::run_mt_bench(*answerer, questions, batch_options(options, files, context, bar));
    bar.clear();
    if (!done.interrupted) copy_out(files);
    print_summary(done, options, done.failures, context);
    finish(done, context);
}

/// True where the input is of MT-bench's form although nobody said so.
bool holds_conversations(const GenerateOptions& options, const Files& files, const Context& context) {
    if (options.mt_bench) return true;
    if (!app::is_mt_bench(files.input.path())) return false;
    if (options.format != "jsonl") {
        throw error(
            ErrorKind::BadInput,
            "{}: questions of several turns (\"turns\"), whose answers are of MT-bench's form and not --format {}",
            options.input, options.format);
    }
    context.terminal.note(
        fmt::format("{}: questions of several turns, answered as with --mt-bench", printable(options.input)));
    return true;
}

void run(const GenerateOptions& options, Context& context) {
    if (options.output == terminal::kStandardStream && context.json) {
        throw Error(ErrorKind::BadInput,
                    "-o - writes answers to standard output, and --json a summary: give one of the two");
    }
    generate::check(options.sampling);
    const Files files(options);
    check_output(options, files);
    if (holds_conversations(options, files, context)) return run_conversations(options, files, context);
    const std::vector<generate::Instruction> instructions = select_instructions(options, files.input.path());
    const std::unique_ptr<generate::Answerer> answerer = open_answerer(options, context);
    terminal::ProgressBar bar(context.terminal, "answers", terminal::ProgressUnit::Items);
    generate::BatchOptions batch = batch_options(options, files, context, bar);
    if (files.output.is_standard_output() && options.format == "jsonl") {
        batch.recorded = [&bar](const ordered_json& record) {
            bar.clear();
            terminal::write_standard_output(record.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n");
        };
    }
    const generate::BatchSummary summary = generate::run_batch(*answerer, instructions, batch);
    bar.clear();
    if (options.format != "jsonl" && !summary.interrupted) {
        const auto format =
            options.format == "alpaca-eval" ? generate::ArrayFormat::AlpacaEval : generate::ArrayFormat::JustEval;
        generate::write_array(format, records_path(options, files), summary.keys, files.output.path());
        copy_out(files);
    }
    print_summary(summary, options, records_path(options, files), context);
    finish(summary, context);
}

}  // namespace

void add_generate_command(CLI::App& app, Context& context) {
    auto options = std::make_shared<GenerateOptions>();
    CLI::App* command = app.add_subcommand("generate", "Answer a file of instructions, resumably");
    command->add_option("-i,--input", options->input, "Instructions: JSON array or JSON lines; - is standard input")
        ->type_name("FILE")
        ->required();
    command
        ->add_option("-o,--output", options->output,
                     "Where the answers go, one JSON record a line; - is standard output, which cannot be resumed")
        ->type_name("FILE")
        ->required();
    CLI::Option* format =
        command->add_option("--format", options->format, "jsonl, or an array for another tool: alpaca-eval, just-eval")
            ->check(one_of({"jsonl", "alpaca-eval", "just-eval"}))
            ->type_name("FORMAT")
            ->capture_default_str();
    command->add_option("--limit", options->limit, "Only the first N instructions")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{std::numeric_limits<std::int32_t>::max()}))
        ->type_name("N");
    command->add_option("--shard", options->shard, "Only every N-th instruction, from the I-th on")->type_name("I/N");
    command->add_option("--samples", options->samples, "Answers an instruction (needs a temperature above 0)")
        ->type_name("N")
        ->capture_default_str();
    command
        ->add_flag("--mt-bench", options->mt_bench,
                   "Conversations of several turns: MT-bench's form in and out [seen by \"turns\"]")
        ->excludes(format);
    command->add_flag("--overwrite", options->overwrite,
                      "Start anew instead of resuming: replaces the output of an earlier run");
    command->add_flag("--token-ids", options->token_ids, "Put the generated token ids into the records");
    command
        ->add_option("--generator", options->generator,
                     "Who answers, in the records [the names of model, adapters and prompt]")
        ->type_name("NAME");
    command->add_option("--overflow", options->overflow, "Conversations too long for the context: error, drop-oldest")
        ->check(one_of({"error", "drop-oldest"}))
        ->type_name("ACTION")
        ->capture_default_str();
    add_setting(*command, *context.settings, "parallel", options->parallel);
    add_setting(*command, *context.settings, "context", options->context);
    add_prompt_flags(*command, options->prompt, context);
    add_retrieval_flags(*command, options->prompt.retrieval, context);
    add_sampling_flags(*command, options->sampling, context);
    add_model_flags(*command, options->model, context);
    add_server_flags(*command, options->model.api_key_file, options->model.timeout_seconds);
    command->footer(examples({
        {"Answers, one JSON record a line; the same command goes on after an interruption",
         "urial generate -i questions.jsonl -o answers.jsonl"},
        {"The first 10, at most 200 tokens each",
         "urial generate -i questions.jsonl -o answers.jsonl --limit 10 --max-tokens 200"},
        {"Another prompt and another model, in the form that AlpacaEval reads",
         "urial generate -i alpaca_eval.json -o out.json --format alpaca-eval -p zero-shot -m model.gguf"},
        {"Each question with its 3 nearest of a pool as examples",
         "urial generate -i questions.jsonl -o answers.jsonl -p retrieval --pool pool.jsonl"},
        {"A base model on two vLLM servers",
         "urial generate -i q.jsonl -o a.jsonl -m http://gpu1:8000/v1#MODEL -m "
         "http://gpu2:8000/v1#MODEL"},
    }));
    command->callback([options, &context] { run(*options, context); });
}

}  // namespace urial::cli
