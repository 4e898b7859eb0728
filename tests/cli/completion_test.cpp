#include <algorithm>

#include <gtest/gtest.h>

#include "app/settings.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/commands.h"
#include "command_line/command_tree.h"
#include "support/expect_text.h"
#include "support/shell.h"

namespace urial::cli {
namespace {

using test::begins_with;
using test::contains;

class CompletionTest : public ::testing::Test {
protected:
    CompletionTest() : settings(app::Settings::Sources{}) {
        context.settings = &settings;
        app = make_app(context);
        root = command_line::describe(*app);
    }

    /// `flag_prefix` stands where the script has it instead of the two hyphens; `hyphen` for those inside a name.
    void expect_every_name_in(const std::string& script, std::string_view flag_prefix,
                              const std::string& hyphen = "-") const {
        for (const command_line::CommandInfo* command : command_line::all_commands(root)) {
            EXPECT_TRUE(contains(script, std::regex_replace(command->name, std::regex("-"), hyphen)));
            for (const command_line::OptionInfo& option : command->options) {
                for (const std::string& name : option.long_names) {
                    EXPECT_TRUE(contains(
                        script, std::string(flag_prefix) + std::regex_replace(name.substr(2), std::regex("-"), hyphen)))
                        << command->path;
                }
            }
        }
    }

    app::Settings settings;
    Context context;
    std::unique_ptr<CLI::App> app;
    command_line::CommandInfo root;
};

TEST_F(CompletionTest, the_description_knows_every_command_and_flag_of_the_parser) {
    std::vector<std::string> paths;
    for (const command_line::CommandInfo* command : command_line::all_commands(root)) paths.push_back(command->path);
    for (const char* path : {"urial", "urial chat", "urial config show", "urial completion"}) {
        EXPECT_EQ(std::count(paths.begin(), paths.end(), path), 1) << path;
    }
    for (const CLI::App* command : app->get_subcommands([](const CLI::App*) { return true; })) {
        const std::string path = "urial " + command->get_name();
        EXPECT_EQ(std::count(paths.begin(), paths.end(), path), 1) << path;
    }
}

TEST_F(CompletionTest, every_command_and_long_flag_occurs_in_each_script_and_in_the_manual) {
    expect_every_name_in(command_line::bash_completion(root), "--");
    expect_every_name_in(command_line::zsh_completion(root), "--");
    expect_every_name_in(command_line::fish_completion(root), " -l ");
    expect_every_name_in(command_line::man_page(root, "1", {}), "\\-\\-", "\\-");
}

TEST_F(CompletionTest, no_text_for_people_has_names_of_the_code_in_it) {
    EXPECT_FALSE(contains(command_line::man_page(root, "1", {}), "::"));
}

TEST_F(CompletionTest, bash_accepts_its_script_and_completes_with_it) {
    const test::Shell shell;
    write_file_atomic(shell.folder() / "completion.bash", command_line::bash_completion(root));
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

TEST_F(CompletionTest, bash_completes_the_values_of_options_and_arguments) {
    const test::Shell shell;
    write_file_atomic(shell.folder() / "completion.bash", command_line::bash_completion(root));
    write_file_atomic(shell.folder() / "my prompt.toml", "");
    // What bash itself does with the line: words are split as COMP_WORDBREAKS says, where '=' is one.
    const std::string complete =
        "source ./completion.bash; try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _urial; "
        "printf '%s;' \"${COMPREPLY[@]}\"; }; ";
    const auto completed = [&](const std::string& words) { return shell.run(complete + "try urial " + words).out; };
    EXPECT_EQ(completed("chat -p zero"), "zero-shot;");
    EXPECT_EQ(completed("chat --prompt = zero"), "zero-shot;");
    EXPECT_TRUE(contains(completed("chat --prompt ''"), "urial;")) << "a name beside files";
    EXPECT_TRUE(contains(completed("chat --prompt ''"), "my prompt.toml;"));
    EXPECT_EQ(completed("pull gem"), "gemma-3-270m;");
    EXPECT_EQ(completed("chat -m smol"), "smollm2-135m-instruct;");
    EXPECT_EQ(completed("generate --format al"), "alpaca-eval;");
    EXPECT_EQ(completed("report --format = ''"), "text;markdown;csv;latex;json;");
    EXPECT_EQ(completed("chat --arithmetic p"), "packed;precise;");
    EXPECT_EQ(completed("completion ''"), "bash;zsh;fish;");
    EXPECT_EQ(completed("prompt show instr"), "instruction-only;");
    EXPECT_EQ(completed("judge score --rubric just-eval-"), "just-eval-safety;");
    EXPECT_EQ(completed("models r"), "rm;");
    EXPECT_EQ(completed("help conv"), "convert;");
    EXPECT_EQ(completed("chat --max-tokens my"), ";") << "a number is no file";
}

TEST_F(CompletionTest, fish_completes_values_where_it_is_installed) {
    const test::Shell shell;
    if (shell.run("command -v fish").exit_code != 0) GTEST_SKIP() << "fish is not installed";
    write_file_atomic(shell.folder() / "urial.fish", command_line::fish_completion(root));
    write_file_atomic(shell.folder() / "zero.toml", "");
    const auto completed = [&](const std::string& line) {
        return shell.run("fish --no-config -c 'source urial.fish; complete -C \"" + line + "\"'").out;
    };
    EXPECT_TRUE(contains(completed("urial chat --prompt zero"), "zero-shot"));
    EXPECT_TRUE(contains(completed("urial chat --prompt zero"), "zero.toml"));
    EXPECT_TRUE(contains(completed("urial pull gem"), "gemma-3-270m"));
    EXPECT_TRUE(contains(completed("urial prompt show instr"), "instruction-only"));
    EXPECT_TRUE(contains(completed("urial generate --format al"), "alpaca-eval"));
    EXPECT_FALSE(contains(completed("urial generate --format "), "zero.toml"));
    EXPECT_EQ(completed("urial completion "), "bash\nfish\nzsh\n");
}

TEST_F(CompletionTest, zsh_is_told_the_values_and_where_files_are_taken_too) {
    const std::string script = command_line::zsh_completion(root);
    EXPECT_TRUE(contains(script,
                         "'*--format[jsonl, or an array for another tool\\: alpaca-eval, "
                         "just-eval]:FORMAT:(jsonl alpaca-eval just-eval)'"));
    EXPECT_TRUE(contains(script, ":NAME|FILE: _urial_values urial"));
    EXPECT_TRUE(contains(script, "'*:argument:(bash zsh fish)'"));
}

/// The urial commands of a shell line, each as its words. Quotes hold words together; what redirects or chains ends
/// one.
std::vector<std::vector<std::string>> commands_in(std::string_view line) {
    std::vector<std::vector<std::string>> commands(1);
    std::string word;
    bool begun = false;
    char quote = 0;
    const auto end_word = [&] {
        if (begun) commands.back().push_back(word);
        word.clear();
        begun = false;
    };
    for (const char c : line) {
        if (quote != 0 ? c == quote : c == '"' || c == '\'') {
            quote = quote != 0 ? 0 : c;
            begun = true;
        } else if (quote == 0 && std::string_view("|<>&;()").find(c) != std::string_view::npos) {
            end_word();
            commands.emplace_back();
        } else if (quote == 0 && c == ' ') {
            end_word();
        } else {
            word += c;
            begun = true;
        }
    }
    end_word();
    std::erase_if(commands, [](const auto& words) { return words.empty() || words.front() != "urial"; });
    return commands;
}

void expect_parses(const std::vector<std::string>& words) {
    app::Settings settings(app::Settings::Sources{});
    Context context;
    context.settings = &settings;
    const std::unique_ptr<CLI::App> app = make_app(context);
    // The commands' own callbacks own what their options write to: they stay, and are not reached.
    app->parse_complete_callback([] { throw CLI::Success(); });
    // The parser takes the last word first.
    std::vector<std::string> reversed(words.rbegin(), words.rend() - 1);
    try {
        app->parse(reversed);
    } catch (const CLI::Success&) {
    } catch (const std::exception& failure) {
        ADD_FAILURE() << fmt::format("{}: {}", fmt::join(words, " "), failure.what());
    }
}

TEST_F(CompletionTest, every_command_has_examples_and_the_parser_takes_each_of_them) {
    for (const command_line::CommandInfo* command : command_line::all_commands(root)) {
        std::size_t count = 0;
        for (const std::string_view line : split(command->footer, '\n')) {
            if (!line.starts_with("  ") || line.starts_with("  #")) continue;
            for (const std::vector<std::string>& words : commands_in(line)) {
                expect_parses(words);
                ++count;
            }
        }
        EXPECT_TRUE(command->needs_subcommand || count >= 2) << command->path << " needs two examples";
    }
}

TEST_F(CompletionTest, required_options_come_first_and_are_marked) {
    const command_line::CommandInfo generate = command_line::describe(*app->get_subcommand("generate"));
    EXPECT_TRUE(generate.options[0].required && generate.options[1].required);
    const std::string help = command_line::help_text(generate);
    EXPECT_TRUE(contains(help, "Usage: urial generate [OPTIONS] -i FILE -o FILE\n"));
    const std::size_t required = help.find("\nRequired:\n  -i, --input FILE");
    ASSERT_NE(required, std::string::npos) << help;
    EXPECT_LT(required, help.find("--limit"));
}

TEST_F(CompletionTest, help_names_values_by_placeholders_and_lists_them_in_the_text) {
    for (const command_line::CommandInfo* command : command_line::all_commands(root)) {
        for (const command_line::OptionInfo& option : command->options) {
            EXPECT_EQ(option.value_name.find_first_of("{}()"), std::string::npos) << command->path << option.value_name;
            for (const char* type : {"INT", "UINT", "FLOAT", "POSITIVE", "TEXT:"}) {
                EXPECT_FALSE(contains(option.value_name, type)) << command->path << " " << option.value_name;
            }
            for (const std::string& value : option.choices)
                EXPECT_TRUE(contains(command_line::option_help(option), value));
        }
    }
    const std::string help = command_line::help_text(command_line::describe(*app->get_subcommand("generate")));
    EXPECT_TRUE(contains(help, "--format FORMAT"));
    EXPECT_TRUE(contains(help, "Flash attention: auto, on, off [auto]"));
}

TEST_F(CompletionTest, the_forms_that_help_lists_are_those_that_are_known) {
    const command_line::CommandInfo chat = command_line::describe(*app->get_subcommand("chat"));
    const auto form =
        std::ranges::find(chat.options, std::vector<std::string>{"--form"}, &command_line::OptionInfo::long_names);
    ASSERT_NE(form, chat.options.end());
    EXPECT_EQ(form->choices.size(), 6U);
    for (const std::string& name : form->choices) EXPECT_NO_THROW(prompt::parse_original_form(name));
}

TEST_F(CompletionTest, lines_of_help_fit_into_a_hundred_columns) {
    for (const command_line::CommandInfo* command : command_line::all_commands(root)) {
        for (const std::string_view line : split(command_line::help_text(*command), '\n')) {
            EXPECT_LE(line.size(), 104U) << command->path << ": " << line;
        }
    }
}

}  // namespace
}  // namespace urial::cli
