#pragma once

// The command tree: one add_* function a subcommand, each in its own file. A command parses into an options struct,
// calls into the library and prints; main.cpp alone maps errors to exit codes (0 done, 1 some of the work failed,
// 2 the command could not be carried out, 130 interrupted).

#include <memory>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <nlohmann/json_fwd.hpp>

#include "app/encoders.h"
#include "app/models.h"
#include "app/prompts.h"
#include "command_line/command_tree.h"
#include "generate/generate.h"
#include "prompt/prompt.h"
#include "terminal/interrupt.h"
#include "terminal/terminal.h"

namespace urial::app {
class Settings;  // app/settings.h: flag > environment > project urial.toml > user file > default
}

namespace urial::cli {

using command_line::examples;
using command_line::one_of;
using command_line::suggest;

/// What every command gets. `settings` is set before make_app(); the rest is filled before a command's callback runs.
struct Context {
    app::Settings* settings = nullptr;
    bool needs_settings = true;  ///< false: a broken settings file must not stop this command
    terminal::Terminal terminal;
    std::string program = "urial";  ///< as it was called: what to tell the person to type
    bool json = false;              ///< --json: results as JSON on standard out
    int exit_code = 0;              ///< a command that finished with failed items sets 1
};

/// What open_model() and its like tell, as notes, warnings and progress bars of the terminal; Ctrl-C cancels.
app::Callbacks callbacks(const Context& context);

/// -m, --lora and all that says how a model is loaded, shared by every command that needs one.
void add_model_flags(CLI::App& command, app::ModelChoice& model, Context& context);
/// All of them but model and adapters, for commands that name their models in their own way.
void add_loading_flags(CLI::App& command, app::ModelChoice& model, Context& context, const std::string& group);
/// --api-key-file and --timeout, for commands that take a model or an encoder on a server.
void add_server_flags(CLI::App& command, std::string& api_key_file, double& timeout_seconds);
/// A warning where a conversation may become longer than the model was trained for.
void warn_beyond_training(const engine::Model& model, int context_tokens, const terminal::Terminal& terminal);

/// -e and how the encoder is loaded, shared likewise.
void add_encoder_flags(CLI::App& command, app::EncoderChoice& encoder, Context& context);

/// -p, --form and --system, shared likewise.
void add_prompt_flags(CLI::App& command, app::PromptChoice& prompt, Context& context);
/// --pool, --shots, --preamble and -e, of the prompt `retrieval`; app::adopt_loading() says how the encoder is loaded.
void add_retrieval_flags(CLI::App& command, app::RetrievalChoice& retrieval, Context& context);
/// --form alone; `help` says what it is, the values are added.
CLI::Option* add_form_flag(CLI::App& command, std::string& form, const std::string& help);

/// --temperature, --top-p, --top-k, --min-p, --repetition-penalty, --max-tokens, --stop, --seed, shared likewise.
void add_sampling_flags(CLI::App& command, generate::SamplingOptions& sampling, Context& context);

void add_chat_command(CLI::App& app, Context& context);
void add_demo_command(CLI::App& app, Context& context);
void add_generate_command(CLI::App& app, Context& context);
void add_serve_command(CLI::App& app, Context& context);
void add_ui_command(CLI::App& app, Context& context);
void add_batch_command(CLI::App& app, Context& context);
void add_merge_command(CLI::App& app, Context& context);
void add_shift_command(CLI::App& app, Context& context);
void add_convert_command(CLI::App& app, Context& context);
void add_embed_command(CLI::App& app, Context& context);
void add_prompt_command(CLI::App& app, Context& context);
void add_judge_command(CLI::App& app, Context& context);
void add_experiment_command(CLI::App& app, Context& context);
void add_report_command(CLI::App& app, Context& context);
void add_models_commands(CLI::App& app, Context& context);  // `models` and `pull`
void add_config_command(CLI::App& app, Context& context);
void add_completion_command(CLI::App& app, Context& context);  // `help`, `completion SHELL` and `man`

std::string_view version();

/// For standard output. Names of files may not be UTF-8: what is none is replaced.
std::string json_text(const nlohmann::ordered_json& value);

/// The whole tree with its global options, as main.cpp runs it and as completion, man page and tests read it.
std::unique_ptr<CLI::App> make_app(Context& context);

}  // namespace urial::cli
