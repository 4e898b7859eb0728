#include "app/settings.h"
#include "base/error.h"
#include "base/files.h"
#include "cli/commands.h"
#include "cli/setting_flags.h"
#include "cli/try_model.h"
#include "models/models.h"
#include "terminal/progress_bar.h"

namespace urial::cli {
namespace {

engine::SessionOptions::FlashAttention flash_attention(std::string_view name) {
    using Choice = engine::SessionOptions::FlashAttention;
    if (name == "on") return Choice::On;
    if (name == "off") return Choice::Off;
    return Choice::Auto;
}

engine::Arithmetic arithmetic(std::string_view chosen, engine::Arithmetic automatic) {
    using engine::Arithmetic;
    for (const Arithmetic each : {Arithmetic::Engine, Arithmetic::Packed, Arithmetic::PackedPrecise}) {
        if (chosen == engine::name(each)) return each;
    }
    return automatic;
}

std::filesystem::path fetch_model(const ModelFlags& flags, const Context& context) {
    terminal::ProgressBar bar(context.terminal, flags.model, terminal::ProgressUnit::Bytes);
    models::FetchOptions fetch;
    fetch.download = !flags.offline;
    fetch.progress = [&](const models::Progress& progress) { bar.update(progress.done_bytes, progress.total_bytes); };
    fetch.notice = [&](std::string_view text) {
        bar.clear();
        context.terminal.note(text);
    };
    fetch.cancelled = terminal::interrupted;
    return models::resolve(models::parse_model_spec(flags.model), fetch);
}

engine::Watch watch(const terminal::Terminal& terminal, std::string label, terminal::ProgressUnit unit) {
    engine::Watch watch;
    watch.cancelled = terminal::interrupted;
    watch.progress = terminal::patient_progress(terminal, std::move(label), unit);
    watch.detail = [terminal](std::string_view text) { terminal.detail(text); };
    watch.warning = [terminal](std::string_view text) { terminal.warn(text); };
    return watch;
}

/// "precise" promises less noise: that it does not reach all matrices is a warning. With "packed" it is a matter of
/// speed.
void say_what_is_packed(const engine::ModelInfo& model, const terminal::Terminal& terminal) {
    if (model.packed_matrices == model.quantised_matrices) return;
    const std::string text = fmt::format(
        "{}: {} arithmetic covers {} of {} quantised matrices; the others are not Q8_0, Q5_0, Q4_K or Q6_K, and the "
        "engine's own routines multiply them",
        model.name, engine::name(model.arithmetic), model.packed_matrices, model.quantised_matrices);
    if (model.arithmetic == engine::Arithmetic::PackedPrecise) {
        terminal.warn(text);
    } else {
        terminal.detail(text);
    }
}

}  // namespace

void add_model_flags(CLI::App& command, ModelFlags& flags, Context& context) {
    constexpr const char* kGroup = "Model";
    add_setting(command, *context.settings, "model", flags.model)->check(suggest(model_names()))->group(kGroup);
    add_setting(command, *context.settings, "lora", flags.adapters)->group(kGroup);
    add_loading_flags(command, flags, context, kGroup);
}

void add_loading_flags(CLI::App& command, ModelFlags& flags, Context& context, const std::string& group) {
    app::Settings& settings = *context.settings;
    add_setting(command, settings, "threads", flags.threads)->group(group);
    add_setting(command, settings, "flash_attention", flags.flash_attention)->group(group);
    add_setting(command, settings, "arithmetic", flags.arithmetic)->group(group);
    add_setting(command, settings, "snapshots", flags.snapshots)->group(group);
    add_setting(command, settings, "offline", flags.offline)->group(group);
    settings.bind("snapshot_limit", flags.snapshot_limit);
}

std::shared_ptr<const engine::Model> open_model(const ModelFlags& flags, const Context& context,
                                                engine::Arithmetic automatic) {
    engine::ModelOptions options;
    options.arithmetic = arithmetic(flags.arithmetic, automatic);
    options.path = fetch_model(flags, context);
    models::check_model(options.path);
    options.content_hash = models::content_hash(options.path);
    for (const std::string& text : flags.adapters) {
        const models::AdapterSpec adapter = models::parse_adapter_spec(text);
        models::check_adapter(adapter.path);
        options.adapters.push_back({adapter.path, adapter.scale});
    }
    try_unknown_model(options, context);
    options.watch = watch(context.terminal, "loading " + flags.model, terminal::ProgressUnit::Bytes);
    std::shared_ptr<const engine::Model> model = engine::load_model(options);
    terminal::throw_if_interrupted();
    say_what_is_packed(model->info(), context.terminal);
    return model;
}

void warn_beyond_training(const engine::Model& model, int context_tokens, const terminal::Terminal& terminal) {
    const int trained = model.info().training_context;
    if (trained == 0 || context_tokens <= trained) return;
    terminal.warn(fmt::format("--context {}: {} was trained for {} tokens; beyond them its answers lose their sense",
                              context_tokens, model.info().name, trained));
}

engine::SessionOptions session_options(const ModelFlags& flags, const Context& context) {
    engine::SessionOptions options;
    options.watch = watch(context.terminal, "reading the prompt", terminal::ProgressUnit::Items);
    options.threads = flags.threads;
    options.flash_attention = flash_attention(flags.flash_attention);
    if (flags.snapshots) {
        try {
            options.snapshot_dir = user_cache_dir() / "snapshots";
        } catch (const Error& failure) {
            context.terminal.detail(fmt::format("no snapshots are kept: {}", failure.what()));
        }
    }
    options.snapshot_bytes = flags.snapshot_limit;
    return options;
}

std::vector<std::string> model_names() {
    std::vector<std::string> names;
    for (const models::Alias& alias : models::aliases()) names.push_back(alias.name);
    return names;
}

CLI::Option* add_form_flag(CLI::App& command, std::string& form, const std::string& help) {
    return command.add_option("--form", form, help)
        ->check(one_of({"auto", "current", "v5", "v6", "older", "older-zero-shot"}))
        ->type_name("FORM");
}

void add_prompt_flags(CLI::App& command, PromptFlags& flags, Context& context) {
    constexpr const char* kGroup = "Prompt";
    add_setting(command, *context.settings, "prompt", flags.prompt)
        ->check(suggest(prompt::builtin_names()))
        ->group(kGroup);
    add_form_flag(command, flags.form, "How an original .txt prompt continues with the query")->group(kGroup);
    command
        .add_option("--system", flags.system,
                    "A system message: what the assistant is told beforehand, at the end of the prompt's preamble")
        ->type_name("TEXT")
        ->group(kGroup);
}

prompt::PromptSpec open_prompt(const PromptFlags& flags) {
    if (flags.form.empty()) return prompt::load(flags.prompt);
    return prompt::load(flags.prompt, prompt::parse_original_form(flags.form));
}

prompt::PromptSpec open_prompt_with_system(const PromptFlags& flags) {
    return prompt::with_system(open_prompt(flags), flags.system);
}

void add_sampling_flags(CLI::App& command, generate::SamplingOptions& sampling, Context& context) {
    constexpr const char* kGroup = "Sampling";
    app::Settings& settings = *context.settings;
    add_setting(command, settings, "max_tokens", sampling.max_tokens)->group(kGroup);
    add_setting(command, settings, "temperature", sampling.temperature)->group(kGroup);
    add_setting(command, settings, "top_p", sampling.top_p)->group(kGroup);
    add_setting(command, settings, "top_k", sampling.top_k)->group(kGroup);
    add_setting(command, settings, "min_p", sampling.min_p)->group(kGroup);
    add_setting(command, settings, "repetition_penalty", sampling.repetition_penalty)->group(kGroup);
    add_setting(command, settings, "seed", sampling.seed)->group(kGroup);
    command.add_option("--stop", sampling.stop, "Text that ends an answer, beside the prompt's own; may be repeated")
        ->type_name("TEXT")
        ->allow_extra_args(false)
        ->group(kGroup);
}

}  // namespace urial::cli
