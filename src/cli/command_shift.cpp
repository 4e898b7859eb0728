// `urial shift`: what alignment changed, token by token. Reads the options, opens the pair, calls run_shift, prints the
// summary.

#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <variant>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/setting_flags.h"
#include "models/models.h"
#include "shift/shift.h"
#include "shift/summary.h"
#include "terminal/progress_bar.h"
#include "terminal/standard_streams.h"

namespace urial::cli {
namespace {

using nlohmann::ordered_json;

/// Of items or token ids, as a flag takes it.
constexpr std::int64_t kMostCount = std::numeric_limits<std::int32_t>::max();

/// The options of one side, as typed.
struct SideFlags {
    std::string model;
    std::vector<std::string> adapters;
    std::string prompt;
};

struct ShiftFlags {
    SideFlags base{{}, {}, "zero-shot"};
    SideFlags aligned;
    std::string chat_template;
    ModelFlags shared;  ///< threads, flash attention, downloads
    std::string input;
    std::string answers;
    std::string output;
    std::string csv;
    std::size_t limit = 0;
    std::size_t top_k = 10;
    int parallel = 16;
    int max_tokens = 1024;
    std::size_t allowed_vocabulary_mismatch = 0;
    bool overwrite = false;
};

shift::Side open_side(const SideFlags& side, const ShiftFlags& flags, const std::vector<std::string>& adapters,
                      const Context& context) {
    ModelFlags model = flags.shared;
    model.model = side.model;
    model.adapters = adapters;
    models::FetchOptions on_disk;
    on_disk.download = false;
    shift::Side opened;
    opened.model = open_model(model, context, engine::Arithmetic::PackedPrecise);
    opened.weight_type = models::check_gguf(models::resolve(models::parse_model_spec(side.model), on_disk)).file_type;
    return opened;
}

/// Both sides; one model with different or no adapters on one side is loaded once where that is possible.
std::pair<shift::Side, shift::Side> open_models(const ShiftFlags& flags, const Context& context) {
    const SideFlags& base = flags.base;
    const SideFlags& aligned = flags.aligned;
    const bool one_model = base.model == aligned.model &&
                           (base.adapters == aligned.adapters || base.adapters.empty() || aligned.adapters.empty());
    if (!one_model) {
        shift::Side base_side = open_side(base, flags, base.adapters, context);
        return {std::move(base_side), open_side(aligned, flags, aligned.adapters, context)};
    }
    const std::vector<std::string>& adapters = base.adapters.empty() ? aligned.adapters : base.adapters;
    shift::Side base_side = open_side(base, flags, adapters, context);
    shift::Side aligned_side = base_side;
    base_side.use_adapters = !base.adapters.empty();
    aligned_side.use_adapters = !aligned.adapters.empty();
    return {std::move(base_side), std::move(aligned_side)};
}

using Form = std::variant<prompt::PromptSpec, engine::ChatTemplate>;

/// The aligned side's form where a flag names it.
std::optional<Form> named_form(const ShiftFlags& flags) {
    if (!flags.aligned.prompt.empty()) return prompt::load(flags.aligned.prompt);
    if (!flags.chat_template.empty()) return engine::load_chat_template(flags.chat_template);
    return std::nullopt;
}

/// The form that the aligned model brings along.
Form own_form(const engine::Model& model, const ShiftFlags& flags, const Context& context) {
    if (const auto found = engine::find_chat_template(model)) {
        if (model.info().chat_template.empty()) {
            context.terminal.note(
                fmt::format("{} carries no chat template; its vocabulary has the turn markers of {}: "
                            "that form is used (--chat-template chooses another)",
                            printable(flags.aligned.model), found->name));
        }
        return *found;
    }
    throw error(ErrorKind::BadInput,
                "{} carries no chat template; give one with --chat-template NAME|FILE ({}), or an in-context "
                "prompt with --aligned-prompt NAME|FILE",
                flags.aligned.model, fmt::join(engine::builtin_chat_template_names(), ", "));
}

/// A form that the model was not trained with makes it babble, and every figure with it.
void check_markers(const Form& form, const engine::Model& model, const Context& context) {
    const auto* chat = std::get_if<engine::ChatTemplate>(&form);
    if (chat == nullptr) return;
    const std::vector<std::string> unknown = engine::unknown_markers(model, *chat);
    if (unknown.empty()) return;
    context.terminal.warn(fmt::format(
        "the chat template {} marks turns with {}, which the vocabulary of {} does not have as control tokens: "
        "the model was hardly trained with this form; without --chat-template its own is used",
        printable(chat->name), printable(fmt::format("{}", fmt::join(unknown, ", "))), model.info().name));
}

/// What can be wrong with the run folder without a look at the models.
void check_output(const std::string& folder) {
    if (!fs::exists(folder) || fs::is_directory(folder)) return;
    throw error(ErrorKind::BadInput, "{} is a file; the output of `urial shift` is a folder: name another one", folder);
}

/// The answers of a file; what is left out of it is said.
std::vector<shift::ShiftItem> read_answers(const fs::path& file, const Context& context) {
    shift::GivenAnswers given = shift::read_answers(file);
    if (given.failed > 0) {
        context.terminal.warn(fmt::format("{}: {} records have an error in the place of an answer; they are left out",
                                          file.string(), given.failed));
    }
    if (given.repeated > 0) {
        context.terminal.warn(
            fmt::format("{}: {} records stand there more than once; each counts once", file.string(), given.repeated));
    }
    return std::move(given.items);
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
        flags.answers.empty() ? shift::read_questions(file) : read_answers(file, context);
    if (flags.limit > 0 && items.size() > flags.limit) items.resize(flags.limit);
    return items;
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
    options.session = session_options(flags.shared, context);
    options.origin = {{"input", input_of(flags)}, {"input_sha256", sha256_file(file)}, {"limit", flags.limit}};
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
    const shift::Summary summary = shift::summarize(shift::records_file(flags.output));
    const ordered_json manifest = read_json_file(shift::manifest_file(flags.output));
    const shift::SummaryContext beside = shift::summary_context(manifest, summary);
    const std::string markdown = shift::as_markdown(summary, beside);
    const std::string json = shift::as_json(summary, beside).dump(2);
    const fs::path folder = flags.output;
    write_file_atomic(folder / "summary.md", markdown);
    write_file_atomic(folder / "summary.json", json + "\n");
    if (!flags.csv.empty()) shift::write_csv(folder, flags.csv);
    if (!context.json) {
        fmt::print("{}", shift::headline(summary, beside));
        context.terminal.note(fmt::format("{} has the details", (folder / "summary.md").string()));
        return;
    }
    fmt::print("{}\n", json);
    for (const std::string& warning : beside.warnings) context.terminal.warn(warning);
}

void run(const ShiftFlags& flags, Context& context) {
    check_output(flags.output);
    const prompt::PromptSpec base_prompt = prompt::load(flags.base.prompt);
    std::optional<Form> aligned_form = named_form(flags);
    const terminal::InputFile file(input_of(flags));
    const std::vector<shift::ShiftItem> items = read_items(flags, file.path(), context);
    for (const fs::path& written : {shift::records_file(flags.output), fs::path(flags.csv)}) {
        refuse_same_file(file.path(), written);
    }
    auto [base, aligned] = open_models(flags, context);
    base.form = base_prompt;
    aligned.form = aligned_form ? std::move(*aligned_form) : own_form(*aligned.model, flags, context);
    check_markers(aligned.form, *aligned.model, context);
    terminal::ProgressBar bar(context.terminal, "answers", terminal::ProgressUnit::Items);
    const shift::ShiftOutcome outcome =
        shift::run_shift(base, aligned, items, shift_options(flags, file.path(), context, bar));
    bar.clear();
    report(outcome, flags, context);
}

void add_pair_options(CLI::App& command, ShiftFlags& flags, Context& context) {
    constexpr const char* kGroup = "Pair";
    const auto add = [&](const char* name, std::string& target, const char* help, const char* type) {
        return command.add_option(name, target, help)->type_name(type)->group(kGroup);
    };
    add("--base", flags.base.model, "The base model: a GGUF file, hf:OWNER/NAME[:QUANT] or an alias", "SPEC")
        ->check(suggest(model_names()))
        ->required();
    add("--aligned", flags.aligned.model, "The aligned model, likewise", "SPEC")
        ->check(suggest(model_names()))
        ->required();
    command.add_option("--base-lora", flags.base.adapters, "An adapter of the base side; may be repeated")
        ->type_name("FILE[:SCALE]")
        ->allow_extra_args(false)
        ->group(kGroup);
    command.add_option("--aligned-lora", flags.aligned.adapters, "An adapter of the aligned side; may be repeated")
        ->type_name("FILE[:SCALE]")
        ->allow_extra_args(false)
        ->group(kGroup);
    add("--base-prompt", flags.base.prompt, "The in-context prompt of the base side", "NAME|FILE")
        ->check(suggest(prompt::builtin_names()))
        ->capture_default_str();
    auto* form = add("--chat-template", flags.chat_template,
                     "The chat form of the aligned side; default: the model's own. Built in: gemma, chatml, llama2, "
                     "llama3, mistral; or a Jinja file",
                     "NAME|FILE")
                     ->check(suggest(engine::builtin_chat_template_names()));
    add("--aligned-prompt", flags.aligned.prompt, "An in-context prompt for the aligned side instead", "NAME|FILE")
        ->check(suggest(prompt::builtin_names()))
        ->excludes(form);
    command
        .add_option("--allow-vocab-mismatch", flags.allowed_vocabulary_mismatch,
                    "Compare the shared tokens where at most N ids differ")
        ->check(CLI::Range(std::int64_t{0}, kMostCount))
        ->type_name("N")
        ->group(kGroup);
    add_loading_flags(command, flags.shared, context, "Model");
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
        {"Then a summary and a page to read answers in", "urial report runs/shift --html shift.html"},
    }));
    command->callback([flags, &context] { run(*flags, context); });
}

}  // namespace urial::cli
