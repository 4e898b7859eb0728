#include <algorithm>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/text.h"
#include "cli/command_tree.h"
#include "cli/commands.h"
#include "cli/settings.h"
#include "support/expect_text.h"
#include "support/shell.h"

namespace urial::cli {
namespace {

using test::begins_with;
using test::contains;

class CompletionTest : public ::testing::Test {
protected:
    CompletionTest() : settings(Settings::Sources{}) {
        context.settings = &settings;
        app = make_app(context);
        root = describe(*app);
    }

    /// `flag_prefix` stands where the script has it instead of the two hyphens; `hyphen` for those inside a name.
    void expect_every_name_in(const std::string& script, std::string_view flag_prefix,
                              const std::string& hyphen = "-") const {
        for (const CommandInfo* command : all_commands(root)) {
            EXPECT_TRUE(contains(script, std::regex_replace(command->name, std::regex("-"), hyphen)));
            for (const OptionInfo& option : command->options) {
                for (const std::string& name : option.long_names) {
                    EXPECT_TRUE(contains(
                        script, std::string(flag_prefix) + std::regex_replace(name.substr(2), std::regex("-"), hyphen)))
                        << command->path;
                }
            }
        }
    }

    Settings settings;
    Context context;
    std::unique_ptr<CLI::App> app;
    CommandInfo root;
};

TEST_F(CompletionTest, the_description_knows_every_command_and_flag_of_the_parser) {
    std::vector<std::string> paths;
    for (const CommandInfo* command : all_commands(root)) paths.push_back(command->path);
    for (const char* path : {"urial", "urial chat", "urial config show", "urial completion"}) {
        EXPECT_EQ(std::count(paths.begin(), paths.end(), path), 1) << path;
    }
    for (const CLI::App* command : app->get_subcommands([](const CLI::App*) { return true; })) {
        const std::string path = "urial " + command->get_name();
        EXPECT_EQ(std::count(paths.begin(), paths.end(), path), 1) << path;
    }
}

TEST_F(CompletionTest, every_command_and_long_flag_occurs_in_each_script_and_in_the_manual) {
    expect_every_name_in(bash_completion(root), "--");
    expect_every_name_in(zsh_completion(root), "--");
    expect_every_name_in(fish_completion(root), " -l ");
    expect_every_name_in(man_page(root, "1"), "\\-\\-", "\\-");
}

TEST_F(CompletionTest, bash_accepts_its_script_and_completes_with_it) {
    const test::Shell shell;
    write_file_atomic(shell.folder() / "completion.bash", bash_completion(root));
    const std::string complete =
        "source ./completion.bash; try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _urial; echo ${COMPREPLY[@]}; "
        "}; ";
    EXPECT_EQ(shell.run("bash -n completion.bash").err, "");
    EXPECT_EQ(shell.run(complete + "try urial cha").out, "chat\n");
    EXPECT_EQ(shell.run(complete + "try urial chat --flash-attn o").out, "on off\n");
    EXPECT_EQ(shell.run(complete + "try urial chat --temp").out, "--temperature\n");
    EXPECT_EQ(shell.run(complete + "try urial config sh").out, "show\n");
    EXPECT_EQ(shell.run(complete + "try urial chat --jso").out, "--json\n");
    EXPECT_EQ(shell.run(complete + "try urial chat -p completion.b").out, "completion.bash\n");
}

TEST_F(CompletionTest, zsh_and_fish_accept_their_scripts_where_they_are_installed) {
    const test::Shell shell;
    write_file_atomic(shell.folder() / "_urial", zsh_completion(root));
    write_file_atomic(shell.folder() / "urial.fish", fish_completion(root));
    bool checked = false;
    if (shell.run("command -v zsh").exit_code == 0) {
        EXPECT_EQ(shell.run("zsh -n _urial").err, "");
        checked = true;
    }
    if (shell.run("command -v fish").exit_code == 0) {
        EXPECT_EQ(shell.run("fish --no-execute urial.fish").err, "");
        checked = true;
    }
    if (!checked) GTEST_SKIP() << "neither zsh nor fish is installed";
}

TEST_F(CompletionTest, quotes_in_a_help_text_do_not_break_the_scripts) {
    bool on = false;
    CLI::App odd("It's [odd]: a \\ test", "urial");
    odd.add_subcommand("sub", "it's one")->add_flag("--flag", on, "don't [do] this: ever");
    const CommandInfo description = describe(odd);
    EXPECT_TRUE(contains(fish_completion(description), "'don\\'t [do] this: ever'"));
    EXPECT_TRUE(contains(zsh_completion(description), "don'\\''t \\[do\\] this\\: ever"));
}

TEST_F(CompletionTest, the_manual_is_roff_that_man_formats_without_complaint) {
    const std::string page = man_page(root, "1");
    EXPECT_TRUE(begins_with(page, ".TH URIAL 1"));
    for (const char* section : {".SH NAME", ".SH SYNOPSIS", ".SH COMMANDS", ".SH EXIT STATUS", ".SH FILES"}) {
        EXPECT_TRUE(contains(page, section));
    }
    for (const std::string_view line : split(page, '\n')) {
        EXPECT_FALSE(line.starts_with('\'')) << "a line that begins with ' is a roff command: " << line;
    }
    const test::Shell shell;
    if (shell.run("command -v groff").exit_code != 0) GTEST_SKIP() << "groff is not installed";
    write_file_atomic(shell.folder() / "urial.1", page);
    const test::ShellResult formatted = shell.run("groff -ww -man -Tascii -P-cbou urial.1");
    EXPECT_EQ(formatted.err, "");
    EXPECT_TRUE(contains(formatted.out, "--temperature X"));
}

TEST_F(CompletionTest, lines_of_help_fit_into_a_hundred_columns) {
    for (const CommandInfo* command : all_commands(root)) {
        for (const std::string_view line : split(help_text(*command), '\n')) {
            EXPECT_LE(line.size(), 104U) << command->path << ": " << line;
        }
    }
}

}  // namespace
}  // namespace urial::cli
