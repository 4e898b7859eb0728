// `urial shift`: what alignment changed, token by token. Reads the options, opens the pair, calls run_shift, prints the
// headline.

#include <cstdint>
#include <cstdio>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/shift_run.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/selected_input.h"
#include "cli/setting_flags.h"
#include "generate/instructions.h"
#include "shift/shift.h"
#include "terminal/progress_bar.h"
#include "terminal/standard_streams.h"

namespace urial::cli {
namespace {

/// Of items or token ids, as a flag takes it.
constexpr std::int64_t kMostCount = std::numeric_limits<std::int32_t>::max();

struct ShiftFlags {
    app::PairChoice pair;
    std::string input;
    std::string answers;
    std::string output;
    std::string csv;
    std::size_t limit = 0;
    std::string shard;
    std::size_t top_k = 10;
    int parallel = 16;
    int max_tokens = 1024;
    std::size_t allowed_vocabulary_mismatch = 0;
    bool overwrite = false;
};

/// What can be wrong with the run folder without a look at the models.
void check_output(const std::string& folder) {
    if (!fs::exists(folder) || fs::is_directory(folder)) return;
    throw error(ErrorKind::BadInput, "{} is a file; the output of `urial shift` is a folder: name another one", folder);
}

/// The input as typed: instructions or answers.
const std::string& input_of(const ShiftFlags& flags) {
    if (flags.input.empty() == flags.answers.empty()) {
        throw error(ErrorKind::BadInput,
                    "give either instructions (-i FILE: the aligned model answers them) or answers (--answers FILE)");
    }
    return flags.answers.empty() ? flags.input : flags.answers;
}

std::vector<shift::ShiftItem> read_items(const ShiftFlags& flags, const fs::path& file, const Context& context) {
    std::vector<shift::ShiftItem> items =
        flags.answers.empty() ? shift::read_questions(file) : app::read_shift_answers(file, callbacks(context));
    std::vector<shift::ShiftItem> selected = generate::select(std::move(items), flags.limit, shard_of(flags.shard));
    if (selected.empty()) throw error(ErrorKind::BadInput, "{}: shard {} is empty", file.string(), flags.shard);
    return selected;
}

shift::ShiftOptions shift_options(const ShiftFlags& flags, const fs::path& file, const Context& context,
                                  terminal::ProgressBar& bar) {
    shift::ShiftOptions options;
    options.folder = flags.output;
    options.overwrite = flags.overwrite;
    options.top_k = flags.top_k;
    options.parallel = flags.parallel;
    options.max_tokens = flags.max_tokens;
    options.allowed_vocabulary_mismatch = flags.allowed_vocabulary_mismatch;
    options.session = app::session_options(flags.pair.loading, callbacks(context));
    options.origin = origin_of_input(input_of(flags), file, flags.limit, flags.shard);
    options.interrupted = terminal::interrupted;
    options.progress = [&bar](const shift::ShiftProgress& progress) {
        bar.update(progress.done + progress.failed, progress.total,
                   terminal::rate_detail(progress.positions, progress.seconds, "positions"));
    };
    options.notice = [&bar, &context](std::string_view text) {
        bar.clear();
        context.terminal.note(printable(text));
    };
    return options;
}

void report(const shift::ShiftOutcome& outcome, const ShiftFlags& flags, Context& context) {
    const shift::ShiftProgress& progress = outcome.progress;
    context.terminal.note(
        fmt::format("{} of {} answers in {}; {} positions in {} ({:.1f} a second)", progress.done, progress.total,
                    flags.output, progress.positions, human_seconds(progress.seconds),
                    progress.seconds > 0 ? static_cast<double>(progress.positions) / progress.seconds : 0));
    context.terminal.detail(fmt::format("base {:.2f} s, aligned {:.2f} s, statistics {:.2f} s", progress.base_seconds,
                                        progress.aligned_seconds, progress.statistics_seconds));
    if (progress.failed > 0) {
        context.terminal.warn(fmt::format("{} items failed; their records in {} say why", progress.failed,
                                          shift::records_file(flags.output).string()));
        context.exit_code = 1;
    }
    if (outcome.interrupted) {
        context.terminal.note("interrupted: run the same command again to go on");
        throw terminal::Interrupted{};
    }
    const app::ShiftSummary summary = app::summarize_shift_run(flags.output);
    if (!flags.csv.empty()) shift::write_csv(flags.output, flags.csv);
    if (!context.json) {
        fmt::print("{}", summary.headline);
        context.terminal.note(fmt::format("{} has the details", summary.details.string()));
        return;
    }
    fmt::print("{}", json_text(summary.json));
    for (const std::string& warning : summary.warnings) context.terminal.warn(warning);
}

void run(const ShiftFlags& flags, Context& context) {
    check_output(flags.output);
    const terminal::InputFile file(input_of(flags));
    const std::vector<shift::ShiftItem> items = read_items(flags, file.path(), context);
    for (const fs::path& written : {shift::records_file(flags.output), fs::path(flags.csv)}) {
        refuse_same_file(file.path(), written);
    }
    app::PairChoice choice = flags.pair;
    app::adopt_loading(choice.retrieval.encoder, choice.loading);
    terminal::ProgressBar bar(context.terminal, "answers", terminal::ProgressUnit::Items);
    const shift::ShiftOutcome outcome =
        app::run_shift(choice, items, shift_options(flags, file.path(), context, bar), callbacks(context));
    bar.clear();
    report(outcome, flags, context);
}

void add_pair_options(CLI::App& command, ShiftFlags& flags, Context& context) {
    constexpr const char* kGroup = "Pair";
    const auto add = [&](const char* name, std::string& target, const char* help, const char* type) {
        return command.add_option(name, target, help)->type_name(type)->group(kGroup);
    };
    add("--base", flags.pair.base.model,
        "The base model: a GGUF file, hf:OWNER/NAME[:QUANT], an alias, or http(s)://HOST/v1#MODEL", "SPEC")
        ->check(suggest(app::model_names()))
        ->required();
    add("--aligned", flags.pair.aligned.model, "The aligned model, likewise", "SPEC")
        ->check(suggest(app::model_names()))
        ->required();
    command.add_option("--base-lora", flags.pair.base.adapters, "An adapter of the base side; may be repeated")
        ->type_name("FILE[:SCALE]")
        ->allow_extra_args(false)
        ->group(kGroup);
    command
        .add_option("--aligned-lora", flags.pair.aligned.adapters, "An adapter of the aligned side; may be repeated")
        ->type_name("FILE[:SCALE]")
        ->allow_extra_args(false)
        ->group(kGroup);
    add("--base-prompt", flags.pair.base.prompt, "The prompt of the base side: an in-context prompt, chat or retrieval",
        "NAME|FILE")
        ->check(suggest(app::prompt_names()))
        ->capture_default_str();
    add("--chat-template", flags.pair.chat_template,
        "The chat form where a prompt is chat; default: the model's own. Built in: gemma, chatml, llama2, llama3, "
        "mistral; or a Jinja file",
        "NAME|FILE")
        ->check(suggest(engine::builtin_chat_template_names()));
    add("--aligned-prompt", flags.pair.aligned.prompt,
        "The prompt of the aligned side: chat, or an in-context prompt instead", "NAME|FILE")
        ->check(suggest(app::prompt_names()))
        ->capture_default_str();
    command
        .add_option("--allow-vocab-mismatch", flags.allowed_vocabulary_mismatch,
                    "Compare the shared tokens where at most N ids differ")
        ->check(CLI::Range(std::int64_t{0}, kMostCount))
        ->type_name("N")
        ->group(kGroup);
    add_retrieval_flags(command, flags.pair.retrieval, context);
    add_loading_flags(command, flags.pair.loading, context, "Model");
    add_server_flags(command, flags.pair.loading.api_key_file, flags.pair.loading.timeout_seconds);
}

}  // namespace

void add_shift_command(CLI::App& app, Context& context) {
    auto flags = std::make_shared<ShiftFlags>();
    CLI::App* command = app.add_subcommand("shift", "See what alignment changed, token by token, resumably");
    command
        ->add_option("-i,--input", flags->input,
                     "Instructions: JSON array or JSON lines; the aligned model answers; - is standard input")
        ->type_name("FILE");
    command
        ->add_option("--answers", flags->answers,
                     "Given answers instead, as text or token ids (docs/shift.md); - likewise")
        ->type_name("FILE");
    command->add_option("-o,--output", flags->output, "The run folder")->type_name("DIR")->required();
    command->add_option("--csv", flags->csv, "Write one row per position to this file too")->type_name("FILE");
    command->add_option("--shard", flags->shard, "Only every N-th item, from the I-th on")->type_name("I/N");
    command->add_option("--limit", flags->limit, "Only the first N items")
        ->check(CLI::Range(std::int64_t{1}, kMostCount))
        ->type_name("N");
    command->add_option("--top", flags->top_k, "Tokens of each model's list of the most likely")
        ->check(CLI::Range(1, 100))
        ->type_name("K")
        ->capture_default_str();
    command->add_flag("--overwrite", flags->overwrite, "Start anew instead of resuming: replaces an earlier run");
    add_setting(*command, *context.settings, "parallel", flags->parallel);
    add_setting(*command, *context.settings, "max_tokens", flags->max_tokens);
    add_pair_options(*command, *flags, context);
    command->footer(examples({
        {"What tuning changed in a chat model",
         "urial shift -i questions.jsonl --base base.gguf --aligned chat.gguf -o runs/shift"},
        {"What a prompt does with the base model's choices: the same model on both sides",
         "urial shift -i q.jsonl --base m.gguf --aligned m.gguf --aligned-prompt urial -o runs/prompt"},
        {"Both models on vLLM servers",
         "urial shift -i q.jsonl --base http://gpu1/v1#BASE --aligned http://gpu2/v1#CHAT -o runs/remote"},
        {"Then a summary and a page to read answers in", "urial report runs/shift --html shift.html"},
    }));
    command->callback([flags, &context] { run(*flags, context); });
}

}  // namespace urial::cli
