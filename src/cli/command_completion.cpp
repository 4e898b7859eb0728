// `urial help`, `urial completion SHELL` and `urial man`: they print what they make from the command tree itself.

#include <algorithm>
#include <cstdio>
#include <memory>

#include "app/settings.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"

namespace urial::cli {
namespace {

std::string completion(const CLI::App& app, const std::string& shell) {
    const command_line::CommandInfo root = command_line::describe(app);
    if (shell == "bash") return command_line::bash_completion(root);
    if (shell == "zsh") return command_line::zsh_completion(root);
    return command_line::fish_completion(root);
}

const command_line::CommandInfo& find_command(const command_line::CommandInfo& root,
                                              const std::vector<std::string>& words) {
    const command_line::CommandInfo* command = &root;
    for (const std::string& word : words) {
        const auto below = std::ranges::find(command->subcommands, word, &command_line::CommandInfo::name);
        if (below == command->subcommands.end()) {
            std::vector<std::string> names;
            for (const command_line::CommandInfo& each : command->subcommands) names.push_back(each.name);
            throw error(ErrorKind::BadInput, "{} has no command '{}'{}\n`urial help` lists the commands", command->path,
                        printable(word), did_you_mean(word, names));
        }
        command = &*below;
    }
    return *command;
}

/// Behind all other commands, whose names it completes.
void add_help(CLI::App& app, Context& context) {
    CLI::App* help = app.add_subcommand("help", "Say what a command does and what it takes");
    const auto words = std::make_shared<std::vector<std::string>>();
    std::vector<std::string> names;
    for (const command_line::CommandInfo& command : command_line::describe(app).subcommands)
        names.push_back(command.name);
    help->add_option("COMMAND", *words, "The command, and the one below it")->check(suggest(names));
    help->footer(examples({
        {"All commands", "urial help"},
        {"The options of one", "urial help generate"},
        {"Of one below another", "urial help judge score"},
    }));
    help->parse_complete_callback([&context] { context.needs_settings = false; });
    help->final_callback([&app, words] {
        std::fputs(command_line::help_for_terminal(find_command(command_line::describe(app), *words)).c_str(), stdout);
    });
}

std::vector<command_line::ManualEntry> setting_entries() {
    std::vector<command_line::ManualEntry> entries;
    for (const app::SettingInfo& info : app::setting_table()) {
        const std::string_view shown = info.default_text.empty() ? "nothing" : info.default_text;
        entries.push_back({std::string(info.key),
                           fmt::format("{}. Environment: {}. Default: {}.", info.help, info.environment, shown)});
    }
    return entries;
}

void refuse_json(const Context& context, std::string_view what) {
    if (context.json) throw error(ErrorKind::BadInput, "--json: {} has no form as JSON; leave the flag out", what);
}

}  // namespace

void add_completion_command(CLI::App& app, Context& context) {
    const auto without_settings = [&context] { context.needs_settings = false; };

    CLI::App* command = app.add_subcommand("completion", "Print a shell's completion script");
    const auto shell = std::make_shared<std::string>();
    command->add_option("SHELL", *shell, "The shell to complete in")
        ->check(one_of({"bash", "zsh", "fish"}))
        ->required();
    command->footer(examples({
        {"bash, in ~/.bashrc", "source <(urial completion bash)"},
        {"zsh, into a folder of $fpath", "urial completion zsh > ~/.zfunc/_urial"},
        {"fish", "urial completion fish > ~/.config/fish/completions/urial.fish"},
    }));
    command->parse_complete_callback(without_settings);
    command->final_callback([&app, &context, shell] {
        refuse_json(context, "a completion script");
        std::fputs(completion(app, *shell).c_str(), stdout);
    });

    CLI::App* man = app.add_subcommand("man", "Print the manual page, in roff");
    man->footer(examples({
        {"Read it", "urial man | man -l -"},
        {"Keep it", "urial man > ~/.local/share/man/man1/urial.1"},
    }));
    man->parse_complete_callback(without_settings);
    man->final_callback([&app, &context] {
        refuse_json(context, "the manual page");
        std::fputs(command_line::man_page(command_line::describe(app), version(), setting_entries()).c_str(), stdout);
    });
    add_help(app, context);
}

}  // namespace urial::cli
