// `urial completion SHELL` and `urial man`: both print what they make from the command tree itself.

#include <cstdio>

#include "base/error.h"
#include "base/text.h"
#include "cli/command_tree.h"
#include "cli/commands.h"

namespace urial::cli {
namespace {

std::string completion(const CLI::App& app, const std::string& shell) {
    const CommandInfo root = describe(app);
    if (shell == "bash") return bash_completion(root);
    if (shell == "zsh") return zsh_completion(root);
    if (shell == "fish") return fish_completion(root);
    const std::vector<std::string> shells{"bash", "zsh", "fish"};
    throw error(ErrorKind::BadInput, "unknown shell '{}'{}\nthere are completions for bash, zsh and fish",
                printable(shell), did_you_mean(shell, shells));
}

void refuse_json(const Context& context, std::string_view what) {
    if (context.json) throw error(ErrorKind::BadInput, "--json: {} has no form as JSON; leave the flag out", what);
}

}  // namespace

void add_completion_command(CLI::App& app, Context& context) {
    const auto without_settings = [&context] { context.needs_settings = false; };

    CLI::App* command = app.add_subcommand("completion", "Print a shell's completion script");
    const auto shell = std::make_shared<std::string>();
    command->add_option("SHELL", *shell, "bash, zsh or fish")->required();
    command->footer(
        "bash: source <(urial completion bash)\n"
        "zsh:  urial completion zsh > ~/.zfunc/_urial   (a folder of $fpath)\n"
        "fish: urial completion fish > ~/.config/fish/completions/urial.fish");
    command->parse_complete_callback(without_settings);
    command->final_callback([&app, &context, shell] {
        refuse_json(context, "a completion script");
        std::fputs(completion(app, *shell).c_str(), stdout);
    });

    CLI::App* man = app.add_subcommand("man", "Print the manual page in roff: urial man | man -l -");
    man->parse_complete_callback(without_settings);
    man->final_callback([&app, &context] {
        refuse_json(context, "the manual page");
        std::fputs(man_page(describe(app), version()).c_str(), stdout);
    });
}

}  // namespace urial::cli
