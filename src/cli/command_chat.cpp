// `urial chat`: one answer, or a conversation.

#include <cstdio>
#include <iostream>
#include <iterator>

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/chat_loop.h"
#include "cli/commands.h"
#include "cli/external_editor.h"
#include "cli/line_editor.h"
#include "cli/settings.h"

namespace urial::cli {
namespace {

struct ChatFlags {
    ModelFlags model;
    PromptFlags prompt;
    generate::SamplingOptions sampling;
    std::string overflow = "error";
    int context_tokens = 0;
    bool raw = false;
    std::string message;
};

std::string read_message_from_stdin() {
    std::string text{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    return text;
}

ChatSession open_session(const ChatFlags& flags, const Context& context,
                         std::optional<std::string> only_query = std::nullopt) {
    // What is wrong with the prompt or an option is said before a model is loaded for seconds.
    prompt::PromptSpec spec = flags.raw ? prompt::builtin("raw") : open_prompt(flags.prompt);
    ChatOptions options;
    options.sampling = flags.sampling;
    options.overflow = parse_overflow(flags.overflow);
    options.context_tokens = flags.context_tokens;
    options.only_query = std::move(only_query);
    options.session = session_options(flags.model, context);
    generate::check(options.sampling);
    ChatSession session(open_model(flags.model, context), std::move(spec), std::move(options));
    throw_if_interrupted();
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
    return output;
}

void answer_once(const ChatFlags& flags, Context& context) {
    const std::string message = flags.message == "-" ? read_message_from_stdin() : flags.message;
    if (trim(message).empty()) throw Error(ErrorKind::BadInput, "the message is empty");
    if (!is_valid_utf8(message)) throw Error(ErrorKind::BadInput, "the message is not UTF-8");
    ChatSession session = open_session(flags, context, message);
    PlainLines lines;
    ChatLoop loop(session, lines, standard_output(false), context, nullptr);
    const Answer answer = loop.answer(message);
    if (answer.result.finish == generate::FinishReason::Cancelled) throw Interrupted{};
}

std::optional<fs::path> history_file(const Terminal& terminal) {
    try {
        make_directories(user_state_dir(), 0700);
        return user_state_dir() / "history";
    } catch (const Error& failure) {
        terminal.note(fmt::format("no history is kept: {}", failure.what()));
        return std::nullopt;
    }
}

void greet(const ChatSession& session, const Terminal& terminal) {
    terminal.note(fmt::format("{}, prompt {}. It may be wrong. /help lists the commands, Ctrl-D leaves.",
                              session.model().info().description, session.spec().name));
}

void converse(const ChatFlags& flags, Context& context) {
    const bool interactive = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
    ChatSession session = open_session(flags, context);
    std::unique_ptr<LineSource> lines;
    if (interactive) {
        lines = std::make_unique<LineEditor>(history_file(context.terminal), context.terminal.colour_out);
        greet(session, context.terminal);
    } else {
        lines = std::make_unique<PlainLines>();
    }
    ChatLoop(session, *lines, standard_output(interactive), context, edit_in_editor).run();
}

}  // namespace

void add_chat_command(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("chat", "Answer one message, or hold a conversation");
    const auto flags = std::make_shared<ChatFlags>();
    CLI::Option* message = command->add_option("MESSAGE", flags->message,
                                               "The message; - reads it from standard input; none: a conversation");
    command->add_flag("--raw", flags->raw, "Show what the base model does without the prompt")->group("Prompt");
    add_prompt_flags(*command, flags->prompt, context);
    add_model_flags(*command, flags->model, context);
    add_setting(*command, *context.settings, "context", flags->context_tokens)->group("Model");
    command
        ->add_option("--overflow", flags->overflow,
                     "When the context is full: stop with an error, or leave out old turns")
        ->type_name("error|drop-oldest")
        ->default_str(flags->overflow)
        ->group("Model");
    add_sampling_flags(*command, flags->sampling, context);
    command->footer(
        "urial chat \"Why is the sky blue?\"        one answer on standard output\n"
        "urial chat --raw \"Why is the sky blue?\"  what the model does without the prompt\n"
        "urial chat - < question.txt               the message from a file\n"
        "urial chat                                a conversation; /help lists its commands");
    command->final_callback([&context, flags, message] {
        message->count() > 0 ? answer_once(*flags, context) : converse(*flags, context);
    });
}

}  // namespace urial::cli
