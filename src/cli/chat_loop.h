#pragma once

// The conversation at a terminal or over a pipe: reads messages and /commands, prints answers as they come.
// Everything that it touches is given to it, so that tests run it without a terminal.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/chat_session.h"
#include "cli/commands.h"
#include "terminal/line_source.h"

namespace urial::cli {

/// What leaves the loop.
struct ChatOutput {
    std::function<void(std::string_view)> write;  ///< answers and results of commands; shown at once
    bool escape_control = true;                   ///< a terminal reads it: control characters are made visible
    bool interactive = true;                      ///< prompts and hints for a person
    std::function<void()> changed = {};           ///< after each answer: the conversation has one turn more, or another
    /// How wide the terminal is now; empty where none reads it: lines stay as they are.
    std::function<std::optional<std::size_t>()> columns;
};

/// Lets the user edit `text` and returns what it became. Throws Error when that fails.
using EditText = std::function<std::string(const std::string& text)>;

class ChatLoop {
public:
    ChatLoop(app::ChatSession& session, terminal::LineSource& lines, ChatOutput output, Context& context,
             EditText edit);

    /// Until /quit or the end of input. An error ends one message, not the conversation; over a pipe it sets exit
    /// code 1.
    void run();
    /// One message or /command. False: the conversation ends.
    bool handle(const std::string& text);
    /// Answers one message on the output, with its notes; throws what ChatSession::ask throws.
    app::Answer answer(const std::string& message);

private:
    struct Command;
    static const std::vector<Command>& commands();

    bool next();
    std::optional<std::string> read_message();
    std::optional<std::string> read_block(std::string first_line);
    bool leave_after_interrupt(const std::string& typed);
    bool run_command(std::string_view line);
    app::Answer stream(const std::string& query, const std::function<app::Answer(const app::AnswerSink&)>& make);
    void report(const app::Answer& answer);
    void say(std::string_view line);
    std::string shown(std::string_view text) const;
    std::optional<std::size_t> columns() const;

    void help(const std::string& argument);
    void set(const std::string& argument);
    void show(const std::string& argument);
    void show_settings();
    void change_prompt(const std::string& argument);
    void edit_last();
    void retry();
    void undo();
    void save(const std::string& argument);
    void load(const std::string& argument);

    app::ChatSession& session_;
    terminal::LineSource& lines_;
    ChatOutput output_;
    Context& context_;
    EditText edit_;
    bool leaving_ = false;  // Ctrl-C was pressed once at an empty prompt
};

}  // namespace urial::cli
