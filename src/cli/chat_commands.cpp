// The /commands of a conversation: one table, from which /help, the suggestions and the dispatch follow.

#include <algorithm>

#include <nlohmann/json.hpp>

#include "app/sampling_settings.h"
#include "app/settings.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "cli/chat_loop.h"
#include "terminal/columns.h"

namespace urial::cli {

struct ChatLoop::Command {
    std::vector<std::string> names;  ///< the first is the one that /help shows
    std::string argument;
    std::string help;
    std::function<void(ChatLoop&, const std::string& argument)> run;  ///< empty: leaves
};

namespace {

/// What /set changes, by the names of the settings.
std::vector<std::string> settable_keys() {
    std::vector<std::string> keys(app::sampling_keys().begin(), app::sampling_keys().end());
    keys.insert(keys.end(), {"overflow", "system"});
    return keys;
}

std::string need_file(const std::string& argument, std::string_view command) {
    if (argument.empty()) throw error(ErrorKind::BadInput, "{} needs a file name: {} chat.json", command, command);
    return argument;
}

std::string token_list(const std::vector<engine::Token>& tokens) {
    return fmt::format("[{}]", fmt::join(tokens, ", "));
}

}  // namespace

const std::vector<ChatLoop::Command>& ChatLoop::commands() {
    using Loop = ChatLoop&;
    using Argument = const std::string&;
    static const std::vector<Command> all{
        {{"/help", "/?", "/h"}, "", "List the commands", [](Loop loop, Argument text) { loop.help(text); }},
        {{"/reset", "/clear", "/new"},
         "",
         "Forget the conversation",
         [](Loop loop, Argument) {
             loop.session_.reset();
             loop.context_.terminal.note("the conversation is empty");
         }},
        {{"/undo"}, "", "Take back the last message and its answer", [](Loop loop, Argument) { loop.undo(); }},
        {{"/edit"},
         "",
         "Change the last message in $EDITOR and send it again",
         [](Loop loop, Argument) { loop.edit_last(); }},
        {{"/retry", "/again"}, "", "Answer the last message anew", [](Loop loop, Argument) { loop.retry(); }},
        {{"/prompt"},
         "[NAME|FILE]",
         "Go on under another in-context prompt; alone: say which one it is",
         [](Loop loop, Argument text) { loop.change_prompt(text); }},
        {{"/set"},
         "[NAME VALUE]",
         "Change a sampling option or the system message; alone: show them",
         [](Loop loop, Argument text) { loop.set(text); }},
        {{"/show"},
         "[MESSAGE]",
         "Print exactly what the model got last, or would get for MESSAGE: text and token ids",
         [](Loop loop, Argument text) { loop.show(text); }},
        {{"/save"},
         "FILE [--force]",
         "Write the conversation and its options to a file; --force replaces one that is there",
         [](Loop loop, Argument text) { loop.save(text); }},
        {{"/load"}, "FILE", "Go on with a saved conversation", [](Loop loop, Argument text) { loop.load(text); }},
        {{"/quit", "/exit", "/bye", "/q"}, "", "Leave (also Ctrl-D)", nullptr},
    };
    return all;
}

bool ChatLoop::run_command(std::string_view line) {
    const std::size_t space = line.find_first_of(" \t\n");
    const std::string name(line.substr(0, space));
    const std::string argument(space == std::string_view::npos ? "" : trim(line.substr(space)));
    std::vector<std::string> known;
    for (const Command& command : commands()) {
        known.insert(known.end(), command.names.begin(), command.names.end());
        if (std::find(command.names.begin(), command.names.end(), name) == command.names.end()) continue;
        if (!command.run) return false;
        command.run(*this, argument);
        return true;
    }
    throw error(ErrorKind::BadInput,
                "unknown command {}{}\n/help lists the commands; a message that begins with / is "
                "typed with two",
                printable(name), did_you_mean(name, known));
}

void ChatLoop::help(const std::string&) {
    for (const Command& command : commands()) {
        const std::string heading = command.names.front() + (command.argument.empty() ? "" : " " + command.argument);
        std::string text = command.help;
        if (command.names.size() > 1) {
            const std::vector<std::string> others(command.names.begin() + 1, command.names.end());
            text += fmt::format(" ({})", fmt::join(others, ", "));
        }
        constexpr std::size_t kColumn = 21;
        const std::size_t width = std::max(columns().value_or(text.size() + kColumn), 2 * kColumn);
        const std::string separator = "\n" + std::string(kColumn, ' ');
        say(fmt::format("{:<20} {}", heading, fmt::join(terminal::wrap(text, width - kColumn), separator)));
    }
    say("\nA line that ends with \\ goes on in the next one; lines between \"\"\" and \"\"\" are one message.\n"
        "Ctrl-C stops an answer; at an empty prompt, twice, it leaves.");
}

void ChatLoop::set(const std::string& argument) {
    if (argument.empty()) return show_settings();
    const std::size_t space = argument.find_first_of(" \t=");
    std::string key = argument.substr(0, space);
    std::replace(key.begin(), key.end(), '-', '_');
    const std::vector<std::string> keys = settable_keys();
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
        throw error(ErrorKind::BadInput, "/set: unknown option '{}'{}\n/set knows {}", printable(key),
                    did_you_mean(key, keys), fmt::join(keys, ", "));
    }
    if (space == std::string::npos) throw error(ErrorKind::BadInput, "/set {} needs a value", key);
    const std::string value(trim(std::string_view(argument).substr(space + 1)));
    if (key == "system") {
        session_.set_system(value == "none" ? "" : value);
        context_.terminal.note(session_.system().empty() ? "there is no system message" : "the system message is set");
        return;
    }
    if (key == "overflow") {
        session_.set_overflow(app::parse_overflow(value));
    } else {
        generate::SamplingOptions sampling = session_.sampling();
        app::set_sampling_value(sampling, key, app::parse_setting(app::setting_info(key), value, "/set"));
        session_.set_sampling(sampling);
    }
    context_.terminal.note(fmt::format("{} is {}", key, value));
}

void ChatLoop::show_settings() {
    const auto show = [&](std::string_view key, std::string_view value) { say(fmt::format("{:<20} {}", key, value)); };
    for (const std::string& key : app::sampling_keys())
        show(key, app::format_setting(app::sampling_value(session_.sampling(), key)));
    show("overflow", app::name(session_.overflow()));
    show("system", session_.system().empty() ? "none" : shown(session_.system()));
}

void ChatLoop::show(const std::string& argument) {
    const app::ChatSession::Shown rendered =
        session_.show(argument.empty() ? std::nullopt : std::optional<std::string>(argument));
    if (context_.json) {
        say(nlohmann::ordered_json{
            {"text", rendered.text}, {"token_ids", rendered.tokens}, {"prefix_tokens", rendered.prefix_tokens}}
                .dump());
        return;
    }
    say(shown(rendered.text));
    if (rendered.tokens.empty()) {
        context_.terminal.note("the model is on a server, which makes the tokens");
        return;
    }
    say(token_list(rendered.tokens));
    context_.terminal.note(fmt::format("{} tokens, the first {} of them the constant prefix; room for {}",
                                       rendered.tokens.size(), rendered.prefix_tokens, session_.context_tokens()));
}

void ChatLoop::change_prompt(const std::string& argument) {
    if (argument.empty()) {
        const auto* spec = std::get_if<prompt::PromptSpec>(&session_.form());
        say(printable(app::name_of(session_.form())) + (spec == nullptr ? "" : " " + printable(spec->version)));
        return;
    }
    session_.set_prompt(session_.form_of({.prompt = argument}, callbacks(context_)));
    context_.terminal.note(fmt::format("the prompt is {}", app::name_of(session_.form())));
}

void ChatLoop::edit_last() {
    const std::string before = session_.turns().empty() ? "" : session_.turns().back().query;
    const std::string after = edit_(before);
    if (trim(after).empty() || after == before) {
        context_.terminal.note("nothing changed");
        return;
    }
    lines_.remember(after);
    stream(after, [&](const app::AnswerSink& sink) { return session_.replace_last(after, sink); });
}

void ChatLoop::retry() {
    if (session_.sampling().temperature == 0) {
        context_.terminal.note("temperature is 0, so the answer will be the same; /set temperature 0.7 varies it");
    }
    const std::string query = session_.turns().empty() ? "" : session_.turns().back().query;
    stream(query, [&](const app::AnswerSink& sink) { return session_.retry(sink); });
}

void ChatLoop::undo() {
    const std::optional<std::string> query = session_.undo();
    context_.terminal.note(query ? fmt::format("taken back: {}", *query) : "there is nothing to take back");
}

void ChatLoop::save(const std::string& argument) {
    constexpr std::string_view kForce = "--force";
    std::string file = argument;
    const bool may_replace = file == kForce || file.ends_with(fmt::format(" {}", kForce));
    if (may_replace) file = trim(std::string_view(file).substr(0, file.size() - kForce.size()));
    need_file(file, "/save");
    if (!may_replace && fs::exists(file)) {
        throw error(ErrorKind::BadInput, "{} exists; name another file, or replace it with /save {} {}", file, file,
                    kForce);
    }
    check_parent_folder(file);
    write_file_atomic(file, session_.save().dump(2) + "\n");
    context_.terminal.note(fmt::format("saved {} turns to {}", session_.turns().size(), file));
}

void ChatLoop::load(const std::string& argument) {
    const std::string file = need_file(argument, "/load");
    const nlohmann::json saved = read_json_file(file);
    for (const std::string& note : session_.load(saved, file)) context_.terminal.warn(note);
    context_.terminal.note(fmt::format("{} turns, prompt {}", session_.turns().size(), app::name_of(session_.form())));
}

}  // namespace urial::cli
