// The options that commands share, and how they hear of what the library does.

#include <cstdint>
#include <memory>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/setting_flags.h"
#include "terminal/progress_bar.h"

namespace urial::cli {
app::Callbacks callbacks(const Context& context) {
    using terminal::ProgressBar;
    using terminal::ProgressUnit;
    const terminal::Terminal& terminal = context.terminal;
    // A line that comes while a bar is shown takes its place.
    const auto bar = std::make_shared<std::weak_ptr<ProgressBar>>();
    const auto clear = [bar] {
        if (const auto shown = bar->lock()) shown->clear();
    };
    app::Callbacks made;
    made.note = [terminal, clear](std::string_view text) {
        clear();
        terminal.note(text);
    };
    made.detail = [terminal](std::string_view text) { terminal.detail(text); };
    made.warning = [terminal](std::string_view text) { terminal.warn(text); };
    made.progress = [terminal, bar](app::Work work, const std::string& model) -> app::Progress {
        switch (work) {
            case app::Work::LoadModel: return patient_progress(terminal, "loading " + model, ProgressUnit::Bytes);
            case app::Work::ReadPrompt: return patient_progress(terminal, "reading the prompt", ProgressUnit::Items);
            case app::Work::IndexPool: return patient_progress(terminal, "reading the pool", ProgressUnit::Items);
            case app::Work::Download: break;
        }
        const auto shown = std::make_shared<ProgressBar>(terminal, model, ProgressUnit::Bytes);
        *bar = shown;
        return [shown](std::uint64_t done, std::uint64_t total) { shown->update(done, total); };
    };
    made.cancelled = terminal::interrupted;
    return made;
}

void add_model_flags(CLI::App& command, app::ModelChoice& model, Context& context) {
    constexpr const char* kGroup = "Model";
    add_setting(command, *context.settings, "model", model.model)->check(suggest(app::model_names()))->group(kGroup);
    add_setting(command, *context.settings, "lora", model.adapters)->group(kGroup);
    add_loading_flags(command, model, context, kGroup);
}

void add_loading_flags(CLI::App& command, app::ModelChoice& model, Context& context, const std::string& group) {
    app::Settings& settings = *context.settings;
    add_setting(command, settings, "threads", model.threads)->group(group);
    add_setting(command, settings, "flash_attention", model.flash_attention)->group(group);
    add_setting(command, settings, "arithmetic", model.arithmetic)->group(group);
    add_setting(command, settings, "device", model.device)->group(group);
    add_setting(command, settings, "gpu_layers", model.gpu_layers)->group(group);
    add_setting(command, settings, "snapshots", model.snapshots)->group(group);
    add_setting(command, settings, "offline", model.offline)->group(group);
    settings.bind("snapshot_limit", model.snapshot_limit);
}

void add_server_flags(CLI::App& command, std::string& api_key_file, double& timeout_seconds) {
    constexpr const char* kGroup = "On a server";
    command
        .add_option("--api-key-file", api_key_file,
                    "The file with the servers' key [keys.toml beside the settings, OPENAI_API_KEY]")
        ->type_name("FILE")
        ->group(kGroup);
    command.add_option("--timeout", timeout_seconds, "The most seconds for an answer, with all tries")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.01, 86'400.0))
        ->capture_default_str()
        ->group(kGroup);
}

void warn_beyond_training(const engine::Model& model, int context_tokens, const terminal::Terminal& terminal) {
    const int trained = model.info().training_context;
    if (trained == 0 || context_tokens <= trained) return;
    terminal.warn(fmt::format("--context {}: {} was trained for {} tokens; beyond them its answers lose their sense",
                              context_tokens, model.info().name, trained));
}

CLI::Option* add_form_flag(CLI::App& command, std::string& form, const std::string& help) {
    return command.add_option("--form", form, help)
        ->check(one_of({"auto", "current", "v5", "v6", "older", "older-zero-shot"}))
        ->type_name("FORM");
}

void add_prompt_flags(CLI::App& command, app::PromptChoice& prompt, Context& context) {
    constexpr const char* kGroup = "Prompt";
    add_setting(command, *context.settings, "prompt", prompt.prompt)
        ->check(suggest(app::prompt_names()))
        ->group(kGroup);
    add_form_flag(command, prompt.form, "How an original .txt prompt continues with the query")->group(kGroup);
    command
        .add_option("--chat-template", prompt.chat_template,
                    "With --prompt chat: the chat form [the model's own]; a built-in name or a Jinja file")
        ->check(suggest(engine::builtin_chat_template_names()))
        ->type_name("NAME|FILE")
        ->group(kGroup);
    command
        .add_option("--system", prompt.system,
                    "A system message: what the assistant is told beforehand, at the end of the prompt's preamble")
        ->type_name("TEXT")
        ->group(kGroup);
}

void add_retrieval_flags(CLI::App& command, app::RetrievalChoice& retrieval, Context& context) {
    constexpr const char* kGroup = "Prompt retrieval";
    command
        .add_option("--pool", retrieval.pool,
                    "Questions with their answers, of which each question gets the nearest as its examples")
        ->type_name("FILE")
        ->group(kGroup);
    command.add_option("--shots", retrieval.shots, "Examples of each question")
        ->check(CLI::Range(1, 100))
        ->type_name("K")
        ->capture_default_str()
        ->group(kGroup);
    command.add_flag("--preamble", retrieval.preamble, "Put the preamble of the prompt urial before the examples")
        ->group(kGroup);
    add_setting(command, *context.settings, "encoder", retrieval.encoder.encoder)
        ->check(suggest(app::encoder_names()))
        ->group(kGroup);
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
