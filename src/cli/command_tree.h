#pragma once

// A plain description of a CLI::App tree. Help texts, completions and the man page are all made from it, so that
// none can disagree with what the parser takes. Pure functions.

#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

namespace urial::cli {

struct OptionInfo {
    std::vector<std::string> short_names;  ///< "-m"
    std::vector<std::string> long_names;   ///< "--model"; a positional has neither
    std::string positional;                ///< "MESSAGE"
    std::string value_name;                ///< "SPEC"; empty for a switch
    std::vector<std::string> choices;      ///< the values, where there are few
    bool takes_file = false;
    bool required = false;
    std::string default_text;
    std::string help;
    std::string group;
};

struct CommandInfo {
    std::string name;  ///< "chat"
    std::string path;  ///< "urial chat"
    std::string help;
    std::string footer;
    std::vector<OptionInfo> options;  ///< its own, --help included
    std::vector<CommandInfo> subcommands;
};

/// `parents` are the names above `app`, as in "urial config".
CommandInfo describe(const CLI::App& app, const std::string& parents = "");

/// The command, its subcommands, theirs and so on, parents first.
std::vector<const CommandInfo*> all_commands(const CommandInfo& root);

/// "-m, --model SPEC" or "[MESSAGE]".
std::string option_heading(const OptionInfo& option);
/// "urial chat [OPTIONS] [MESSAGE]".
std::string usage_line(const CommandInfo& command);
/// What --help prints, 100 columns wide at most.
std::string help_text(const CommandInfo& command);

std::string bash_completion(const CommandInfo& root);
std::string zsh_completion(const CommandInfo& root);
std::string fish_completion(const CommandInfo& root);

/// The manual page in roff. `version` stands in its footer; no date, so that builds are reproducible.
std::string man_page(const CommandInfo& root, std::string_view version);

}  // namespace urial::cli
