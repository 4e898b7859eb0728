#pragma once

// A plain description of a CLI::App tree. Help texts, completions and the man page are all made from it, so that
// none can disagree with what the parser takes. Pure functions, but for the
// width of the terminal.

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

namespace urial::command_line {

struct OptionInfo {
    std::vector<std::string> short_names;  ///< "-m"
    std::vector<std::string> long_names;   ///< "--model"; a positional has neither
    std::string positional;                ///< "MESSAGE"
    std::string value_name;                ///< "SPEC"; empty for a switch
    std::vector<std::string> choices;      ///< all its values, where they are few
    std::vector<std::string> suggestions;  ///< some of its values, for completions
    bool takes_file = false;
    bool required = false;
    bool repeats = false;  ///< a positional that takes several values
    std::string default_text;
    std::string help;
    std::string group;
};

struct CommandInfo {
    std::string name;  ///< "chat"
    std::string path;  ///< "urial chat"
    std::string help;
    std::string footer;
    std::vector<OptionInfo> options;  ///< its own, --help included; required ones first
    std::vector<CommandInfo> subcommands;
    bool needs_subcommand = false;  ///< it does nothing by itself
};

/// The only values that an option takes: help lists them, shells complete them, an error names them.
CLI::Validator one_of(std::vector<std::string> values);
/// Values worth completing where others, such as files, are taken too.
CLI::Validator suggest(std::vector<std::string> values);

struct Example {
    std::string_view effect;   ///< "A file of instructions"
    std::string_view command;  ///< as typed into a shell
};
/// A footer of lines to copy. A test parses every line that begins with "  urial " with the real tree.
std::string examples(std::initializer_list<Example> list);

/// "urial config show"
std::string path_of(const CLI::App& command);
CommandInfo describe(const CLI::App& app);

OptionInfo describe_option(const CLI::Option& option);

/// The command, its subcommands, theirs and so on, parents first.
std::vector<const CommandInfo*> all_commands(const CommandInfo& root);

/// "-m, --model SPEC" or "[MESSAGE]".
std::string option_heading(const OptionInfo& option);
/// What it is, with the values that it takes where the text does not name them.
std::string option_help(const OptionInfo& option);
/// "urial generate [OPTIONS] -i FILE -o FILE".
std::string usage_line(const CommandInfo& command);
/// The widest that help_text() is of use to a reader.
inline constexpr std::size_t kHelpWidth = 100;
/// What --help prints, at most `width` columns wide but for examples and words that are wider.
std::string help_text(const CommandInfo& command, std::size_t width = kHelpWidth);
/// The same, no wider than the terminal.
std::string help_for_terminal(const CommandInfo& command);

std::string bash_completion(const CommandInfo& root);
std::string zsh_completion(const CommandInfo& root);
std::string fish_completion(const CommandInfo& root);

struct ManualEntry {
    std::string name;
    std::string text;
};
/// The manual page in roff, with a section about `settings`. `version` stands in its footer; no date, so that builds
/// are reproducible.
std::string man_page(const CommandInfo& root, std::string_view version, std::span<const ManualEntry> settings);

}  // namespace urial::command_line
