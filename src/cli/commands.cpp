#include "cli/commands.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "app/settings.h"
#include "cli/setting_flags.h"

namespace urial::cli {
namespace {

std::string version_text() {
    const engine::EngineBuild build = engine::engine_build();
    return fmt::format("urial {}\nengine: llama.cpp {} ({})\nCPU features in use: {}\n", version(), build.version,
                       build.commit, build.cpu_features);
}

/// The command line is understood: settings are read and every bound flag gets its value, before a command runs.
void prepare(Context& context, int verbose, bool quiet) {
    const int verbosity = quiet ? -1 : verbose;
    if (context.needs_settings) {
        context.settings->load();
        context.settings->apply();
    }
    context.terminal = terminal::make_terminal(context.settings->get("color").value.get<std::string>(), verbosity);
    engine::set_engine_log([terminal = context.terminal, verbosity](engine::LogLevel level, std::string_view line) {
        if (level == engine::LogLevel::Fatal) terminal.report_error(fmt::format("the engine ended: {}", line));
        if (verbosity >= 2) terminal.note(line);
    });
}

void add_global_options(CLI::App& app, Context& context) {
    app.set_version_flag("--version", version_text, "Print the versions of urial and its engine, and the CPU features");
    app.add_flag("--json", context.json, "Print results as JSON");
    auto quiet = std::make_shared<bool>(false);
    auto verbose = std::make_shared<int>(0);
    app.add_flag("-q,--quiet", *quiet, "Print no notes and no progress on standard error");
    app.add_flag("-v,--verbose", *verbose, "Print timings; twice: the engine's messages too");
    add_setting_flag(app, *context.settings, "color");
    app.parse_complete_callback([&context, quiet, verbose] { prepare(context, *verbose, *quiet); });
}

}  // namespace

std::string_view version() { return URIAL_VERSION; }

std::string json_text(const nlohmann::ordered_json& value) {
    return value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::unique_ptr<CLI::App> make_app(Context& context) {
    auto app = std::make_unique<CLI::App>(
        "Let a base language model answer like an assistant, by a constant prompt and without any tuning", "urial");
    app->formatter_fn([](const CLI::App* command, std::string, CLI::AppFormatMode) {
        return command_line::help_for_terminal(command_line::describe(*command));
    });
    app->fallthrough()->require_subcommand(1);
    app->get_help_ptr()->description("Print this help");
    add_global_options(*app, context);
    add_demo_command(*app, context);
    add_chat_command(*app, context);
    add_generate_command(*app, context);
    add_serve_command(*app, context);
    add_ui_command(*app, context);
    add_batch_command(*app, context);
    add_shift_command(*app, context);
    add_merge_command(*app, context);
    add_prompt_command(*app, context);
    add_judge_command(*app, context);
    add_experiment_command(*app, context);
    add_report_command(*app, context);
    add_models_commands(*app, context);
    add_convert_command(*app, context);
    add_embed_command(*app, context);
    add_config_command(*app, context);
    add_completion_command(*app, context);
    app->footer(examples({
                    {"See what it is about", "urial demo"},
                    {"One answer", "urial chat \"Why is the sky blue?\""},
                    {"A file of them", "urial generate -i questions.jsonl -o answers.jsonl"},
                }) +
                "\n\nExit status: 0 done, 1 some of the work failed, 2 not carried out, 130 interrupted.\n"
                "`urial help COMMAND` says more; `urial man | man -l -` shows the manual.");
    return app;
}

}  // namespace urial::cli
