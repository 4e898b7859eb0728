// `urial chat`: one answer, or a conversation.

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>

#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "app/answerers.h"
#include "app/sampling_settings.h"
#include "app/saved_chat.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "cli/chat_loop.h"
#include "cli/commands.h"
#include "cli/setting_flags.h"
#include "terminal/columns.h"
#include "terminal/external_editor.h"
#include "terminal/line_editor.h"

namespace urial::cli {
namespace {

struct ChatFlags {
    app::ModelChoice model;
    app::PromptChoice prompt;
    generate::SamplingOptions sampling;
    std::string overflow = "error";
    int context_tokens = 0;
    bool raw = false;
    bool goes_on = false;
    bool history = true;
    std::string message;
};

std::string read_standard_input() {
    std::string text;
    std::array<char, 1 << 16> block;
    while (std::cin.read(block.data(), block.size()), std::cin.gcount() > 0) {
        text.append(block.data(), static_cast<std::size_t>(std::cin.gcount()));
        if (text.size() <= terminal::kMostMessageBytes) continue;
        throw error(ErrorKind::BadInput, "standard input: more than {}, the most that a message may have",
                    human_bytes(static_cast<double>(terminal::kMostMessageBytes)));
    }
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    return text;
}

/// True where text was piped in or a file was given. Neither a terminal nor what daemons inherit is waited for.
bool has_piped_text() {
    struct stat status {};
    return ::fstat(STDIN_FILENO, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISREG(status.st_mode));
}

/// The message of the command line, with what was piped in behind it.
std::string whole_message(const std::string& given) {
    if (given == "-") return read_standard_input();
    if (!has_piped_text()) return given;
    const std::string piped = read_standard_input();
    return trim(piped).empty() ? given : given + "\n\n" + piped;
}

// ---- the last conversation ------------------------------------------------------------------------------------------

fs::path last_chat_file() { return user_state_dir() / "last-chat.json"; }

/// The conversation that --continue takes up.
std::optional<nlohmann::json> saved_conversation(const ChatFlags& flags) {
    if (!flags.goes_on) return std::nullopt;
    if (!fs::exists(last_chat_file())) {
        throw error(ErrorKind::NotFound, "{}: there is no conversation to go on with yet", last_chat_file().string());
    }
    return read_json_file(last_chat_file());
}

/// What the command line does not say is as it was when the conversation was saved.
void take_model(const nlohmann::json& saved, const CLI::App& command, ChatFlags& flags) {
    const app::SavedChat chat = app::read_saved_chat(saved, last_chat_file().string());
    if (chat.model_spec.empty() || command.count("--model") > 0) return;
    flags.model.model = chat.model_spec;
    if (command.count("--lora") == 0) flags.model.adapters = chat.adapters;
}

void take_conversation(const nlohmann::json& saved, const CLI::App& command, const ChatFlags& flags,
                       app::ChatSession& session, const terminal::Terminal& terminal) {
    const app::PromptForm chosen = session.form();
    for (const std::string& note : session.load(saved, last_chat_file().string())) terminal.warn(note);
    if (command.count("--prompt") > 0 || flags.raw) session.set_prompt(chosen);
    if (command.count("--system") > 0) session.set_system(flags.prompt.system);
    if (command.count("--overflow") > 0) session.set_overflow(app::parse_overflow(flags.overflow));
    generate::SamplingOptions sampling = session.sampling();
    for (const std::string& key : app::sampling_keys()) {
        std::string flag = "--" + key;
        std::replace(flag.begin(), flag.end(), '_', '-');
        if (command.count(flag) > 0) app::set_sampling_value(sampling, key, app::sampling_value(flags.sampling, key));
    }
    if (command.count("--stop") > 0) sampling.stop = flags.sampling.stop;
    session.set_sampling(sampling);
}

/// Keeps the conversation for --continue, readable by its owner alone.
std::function<void()> keep_last_chat(const ChatFlags& flags, const app::ChatSession& session,
                                     const terminal::Terminal& terminal) {
    if (!flags.history) return {};
    return [&session, &terminal] {
        try {
            make_directories(user_state_dir(), 0700);
            write_file_atomic(last_chat_file(), session.save().dump(2) + "\n", 0600);
        } catch (const Error& failure) {
            terminal.detail(fmt::format("the conversation is not kept for --continue: {}", failure.what()));
        }
    };
}

// ---- the two ways to talk -------------------------------------------------------------------------------------------

/// What was given to -m, so that it means the same in another folder.
std::string lasting_model_spec(const std::string& spec) {
    std::error_code ignored;
    return fs::is_regular_file(spec, ignored) ? fs::absolute(spec).string() : spec;
}

/// A model on servers, or one in this process.
std::unique_ptr<app::ChatBackend> open_backend(const ChatFlags& flags, const app::ChatOptions& options,
                                               const Context& context) {
    if (app::parse_servers(flags.model.model)) {
        (void)app::open_server_prompt(flags.prompt);
        if (flags.context_tokens > 0) {
            throw error(ErrorKind::BadInput, "--context {}: a server has the context that it was started with",
                        flags.context_tokens);
        }
        return app::remote_chat(app::open_servers(flags.model, 1, callbacks(context)));
    }
    // What is wrong with the prompt or an option is said before a model is loaded for seconds.
    (void)app::open_prompt(flags.prompt, callbacks(context));
    std::shared_ptr<const engine::Model> model = app::open_model(flags.model, callbacks(context));
    warn_beyond_training(*model, flags.context_tokens, context.terminal);
    return app::local_chat(std::move(model), {.context_tokens = options.context_tokens,
                                              .only_query = options.only_query,
                                              .most_tokens = options.sampling.max_tokens,
                                              .keep_turns = options.keep_turns,
                                              .session = app::session_options(flags.model, callbacks(context))});
}

app::ChatSession open_session(ChatFlags flags, const CLI::App& command, const Context& context,
                              std::optional<std::string> only_query = std::nullopt) {
    const std::optional<nlohmann::json> saved = saved_conversation(flags);
    if (saved) take_model(*saved, command, flags);
    if (flags.raw) flags.prompt.prompt = "raw";
    app::ChatOptions options;
    options.sampling = flags.sampling;
    options.system = flags.prompt.system;
    options.overflow = app::parse_overflow(flags.overflow);
    options.context_tokens = flags.context_tokens;
    options.model_spec = lasting_model_spec(flags.model.model);
    for (const std::string& adapter : flags.model.adapters) options.adapters.push_back(lasting_model_spec(adapter));
    if (!saved) options.only_query = std::move(only_query);
    generate::check(options.sampling);
    std::unique_ptr<app::ChatBackend> backend = open_backend(flags, options, context);
    app::PromptForm form = backend->form_of(flags.prompt, callbacks(context));
    app::ChatSession session(std::move(backend), std::move(form), std::move(options));
    if (saved) take_conversation(*saved, command, flags, session, context.terminal);
    terminal::throw_if_interrupted();
    return session;
}

ChatOutput standard_output(bool interactive) {
    ChatOutput output;
    output.write = [](std::string_view text) {
        std::fwrite(text.data(), 1, text.size(), stdout);
        std::fflush(stdout);
    };
    output.escape_control = ::isatty(STDOUT_FILENO) == 1;
    output.interactive = interactive;
    output.columns = [] { return terminal::terminal_columns(STDOUT_FILENO); };
    return output;
}

void answer_once(const ChatFlags& flags, const CLI::App& command, Context& context) {
    const std::string message = whole_message(flags.message);
    if (trim(message).empty()) throw Error(ErrorKind::BadInput, "the message is empty");
    if (!is_valid_utf8(message)) throw Error(ErrorKind::BadInput, "the message is not UTF-8");
    app::ChatSession session = open_session(flags, command, context, message);
    terminal::PlainLines lines;
    ChatOutput output = standard_output(false);
    output.changed = keep_last_chat(flags, session, context.terminal);
    ChatLoop loop(session, lines, std::move(output), context, nullptr);
    const app::Answer answer = loop.answer(message);
    if (answer.result.finish == generate::FinishReason::Cancelled) throw terminal::Interrupted{};
}

std::optional<fs::path> history_file(const terminal::Terminal& terminal) {
    try {
        make_directories(user_state_dir(), 0700);
        return user_state_dir() / "history";
    } catch (const Error& failure) {
        terminal.note(fmt::format("no history is kept: {}", failure.what()));
        return std::nullopt;
    }
}

void greet(const app::ChatSession& session, const terminal::Terminal& terminal) {
    terminal.note(fmt::format("{}, prompt {}. It may be wrong. /help lists the commands, Ctrl-D leaves.",
                              session.model().description, app::name_of(session.form())));
    if (!session.turns().empty()) terminal.note(fmt::format("{} turns so far", session.turns().size()));
}

void converse(const ChatFlags& flags, const CLI::App& command, Context& context) {
    const bool interactive = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
    app::ChatSession session = open_session(flags, command, context);
    std::unique_ptr<terminal::LineSource> lines;
    if (interactive) {
        lines = std::make_unique<terminal::LineEditor>(flags.history ? history_file(context.terminal) : std::nullopt,
                                                       context.terminal.colour_out);
        greet(session, context.terminal);
    } else {
        lines = std::make_unique<terminal::PlainLines>();
    }
    ChatOutput output = standard_output(interactive);
    output.changed = keep_last_chat(flags, session, context.terminal);
    ChatLoop(session, *lines, std::move(output), context, terminal::edit_in_editor).run();
}

}  // namespace

void add_chat_command(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("chat", "Answer one message, or hold a conversation");
    const auto flags = std::make_shared<ChatFlags>();
    CLI::Option* message =
        command->add_option("MESSAGE", flags->message,
                            "The message; - reads it from standard input, and what is piped in is joined to "
                            "it; none: a conversation");
    command->add_flag("-c,--continue", flags->goes_on,
                      "Go on with the last conversation, with its model, prompt and options where none are given");
    add_setting(*command, *context.settings, "history", flags->history);
    command->add_flag("--raw", flags->raw, "Show what the base model does without the prompt")->group("Prompt");
    add_prompt_flags(*command, flags->prompt, context);
    add_model_flags(*command, flags->model, context);
    add_setting(*command, *context.settings, "context", flags->context_tokens)->group("Model");
    command
        ->add_option("--overflow", flags->overflow,
                     "When the context is full: error, or drop-oldest (leave out old turns)")
        ->check(one_of({"error", "drop-oldest"}))
        ->type_name("ACTION")
        ->default_str(flags->overflow)
        ->group("Model");
    add_sampling_flags(*command, flags->sampling, context);
    add_server_flags(*command, flags->model.api_key_file, flags->model.timeout_seconds);
    command->footer(examples({
        {"One answer on standard output", "urial chat \"Why is the sky blue?\""},
        {"What the model does without the prompt", "urial chat --raw \"Why is the sky blue?\""},
        {"The message from a file", "urial chat - < question.txt"},
        {"A message with a text behind it", "urial chat \"What is this?\" < notes.txt"},
        {"Go on with the last conversation", "urial chat --continue \"And at night?\""},
        {"A conversation; /help lists its commands", "urial chat"},
    }));
    command->final_callback([&context, flags, message, command] {
        message->count() > 0 ? answer_once(*flags, *command, context) : converse(*flags, *command, context);
    });
}

}  // namespace urial::cli
