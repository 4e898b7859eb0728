#include <fmt/format.h>

#include "base/text.h"
#include "command_line/command_tree.h"

namespace urial::command_line {
namespace {

std::vector<std::string> names_of(const OptionInfo& option) {
    std::vector<std::string> names = option.short_names;
    names.insert(names.end(), option.long_names.begin(), option.long_names.end());
    return names;
}

/// Global options are taken behind every subcommand too.
std::vector<const OptionInfo*> options_for(const CommandInfo& root, const CommandInfo& command) {
    std::vector<const OptionInfo*> options;
    for (const OptionInfo& option : command.options) options.push_back(&option);
    if (&command == &root) return options;
    for (const OptionInfo& option : root.options) {
        const bool own_too = option.long_names == std::vector<std::string>{"--help"} ||
                             option.long_names == std::vector<std::string>{"--version"};
        if (!own_too) options.push_back(&option);
    }
    return options;
}

/// Inside '...' in zsh's _arguments: brackets and colons have a meaning, quotes end the word.
std::string zsh_text(std::string_view text) {
    std::string escaped = replace_all(std::string(text), "\\", "\\\\");
    for (const std::string_view special : {"[", "]", ":"}) {
        escaped = replace_all(escaped, special, "\\" + std::string(special));
    }
    return replace_all(escaped, "'", "'\\''");
}

std::string fish_text(std::string_view text) {
    return replace_all(replace_all(std::string(text), "\\", "\\\\"), "'", "\\'");
}

std::string function_name(const CommandInfo& command) {
    return "_" + replace_all(replace_all(command.path, " ", "_"), "-", "_");
}

/// The words to offer for an option or a positional argument.
std::vector<std::string> values_of(const OptionInfo& option) {
    return option.choices.empty() ? option.suggestions : option.choices;
}

bool takes_files(const OptionInfo& option) { return option.takes_file && option.choices.empty(); }

/// What stands at the end of a command: its subcommands or the values of its arguments.
struct Arguments {
    std::vector<std::string> values;
    bool files = false;
};

Arguments arguments_of(const CommandInfo& command) {
    Arguments arguments;
    for (const CommandInfo& below : command.subcommands) arguments.values.push_back(below.name);
    for (const OptionInfo& option : command.options) {
        if (option.positional.empty()) continue;
        const std::vector<std::string> values = values_of(option);
        arguments.values.insert(arguments.values.end(), values.begin(), values.end());
        arguments.files = arguments.files || takes_files(option);
    }
    return arguments;
}

std::string bash_values(const CommandInfo& root, const CommandInfo& command) {
    std::string cases;
    for (const OptionInfo* option : options_for(root, command)) {
        if (option->value_name.empty() || !option->positional.empty()) continue;
        std::vector<std::string> patterns;
        for (const std::string& name : names_of(*option))
            patterns.push_back(fmt::format("\"{} {}\"", command.path, name));
        cases += fmt::format("        {}) values=\"{}\" files=\"{}\" flags=\"\" ;;\n", fmt::join(patterns, "|"),
                             fmt::join(values_of(*option), " "), takes_files(*option) ? "yes" : "");
    }
    return cases;
}

std::string zsh_action(const std::vector<std::string>& values, bool files) {
    if (values.empty()) return files ? "_files" : "";
    return files ? fmt::format(" _urial_values {}", fmt::join(values, " "))
                 : fmt::format("({})", fmt::join(values, " "));
}

std::string zsh_option(const OptionInfo& option) {
    const std::vector<std::string> names = names_of(option);
    std::string action;
    if (!option.value_name.empty()) {
        action = fmt::format(":{}:{}", zsh_text(option.value_name), zsh_action(values_of(option), takes_files(option)));
    }
    std::string specs;
    for (const std::string& name : names) {
        specs += fmt::format(" \\\n        '*{}[{}]{}'", name, zsh_text(option.help), action);
    }
    return specs;
}

std::string zsh_function(const CommandInfo& root, const CommandInfo& command) {
    std::string body = fmt::format("{}() {{\n    local curcontext=\"$curcontext\" state line\n    _arguments -C",
                                   function_name(command));
    for (const OptionInfo* option : options_for(root, command)) {
        if (option->positional.empty()) body += zsh_option(*option);
    }
    if (command.subcommands.empty()) {
        const Arguments arguments = arguments_of(command);
        return body +
               fmt::format(" \\\n        '*:argument:{}'\n}}\n\n", zsh_action(arguments.values, arguments.files));
    }
    body += " \\\n        '1:command:->command' '*::argument:->argument'\n";
    body += "    case \"$state\" in\n    command)\n        local -a commands=(\n";
    for (const CommandInfo& below : command.subcommands) {
        body += fmt::format("            '{}:{}'\n", below.name, replace_all(below.help, "'", "'\\''"));
    }
    body += "        )\n        _describe command commands ;;\n    argument)\n        case \"$line[1]\" in\n";
    for (const CommandInfo& below : command.subcommands) {
        body += fmt::format("        {}) {} ;;\n", below.name, function_name(below));
    }
    return body + "        esac ;;\n    esac\n}\n\n";
}

std::string fish_condition(const CommandInfo& command) {
    const std::vector<std::string_view> words = split(command.path, ' ');
    std::vector<std::string> conditions;
    for (std::size_t i = 1; i < words.size(); ++i) {
        conditions.push_back(fmt::format("__fish_seen_subcommand_from {}", words[i]));
    }
    if (!command.subcommands.empty()) {
        std::vector<std::string> names;
        for (const CommandInfo& below : command.subcommands) names.push_back(below.name);
        conditions.push_back(fmt::format("not __fish_seen_subcommand_from {}", fmt::join(names, " ")));
    }
    return fmt::format("{}", fmt::join(conditions, "; and "));
}

std::string fish_option(const OptionInfo& option, const std::string& condition) {
    std::string line = "complete -c urial";
    if (!condition.empty()) line += fmt::format(" -n '{}'", condition);
    for (const std::string& name : option.short_names) line += " -s " + name.substr(1);
    for (const std::string& name : option.long_names) line += " -l " + name.substr(2);
    if (!option.value_name.empty()) line += takes_files(option) ? " -r -F" : " -x";
    if (const auto values = values_of(option); !values.empty()) line += fmt::format(" -a '{}'", fmt::join(values, " "));
    return line + fmt::format(" -d '{}'\n", fish_text(option.help));
}

}  // namespace

std::string bash_completion(const CommandInfo& root) {
    std::string descend;
    std::string values;
    std::string words;
    for (const CommandInfo* command : all_commands(root)) {
        values += bash_values(root, *command);
        for (const CommandInfo& below : command->subcommands) {
            descend += fmt::format("            \"{} {}\") command=\"{}\" ;;\n", command->path, below.name, below.path);
        }
        std::vector<std::string> flags;
        for (const OptionInfo* option : options_for(root, *command)) {
            flags.insert(flags.end(), option->long_names.begin(), option->long_names.end());
        }
        const Arguments arguments = arguments_of(*command);
        words += fmt::format("        \"{}\") values=\"{}\" files=\"{}\" flags=\"{}\" ;;\n", command->path,
                             fmt::join(arguments.values, " "), arguments.files ? "yes" : "", fmt::join(flags, " "));
    }
    return fmt::format(R"(# bash completion for urial: source <(urial completion bash)
_urial() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD - 1]}}"
    local command="urial" values="" files="" flags="" i
    # "--option=value" comes as three words.
    if [[ "$current" == "=" ]]; then
        current=""
    elif [[ "$previous" == "=" ]]; then
        previous="${{COMP_WORDS[COMP_CWORD - 2]}}"
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$command ${{COMP_WORDS[i]}}" in
{}        esac
    done
    case "$command" in
{}    esac
    case "$command $previous" in
{}    esac
    if [[ "$current" == -* ]]; then
        values="$flags" files=""
    elif [[ -z "$values$files$current" ]]; then
        values="$flags"
    fi
    COMPREPLY=($(compgen -W "$values" -- "$current"))
    if [[ -n "$files" ]]; then
        local IFS=$'\n'
        COMPREPLY+=($(compgen -f -- "$current"))
    fi
}}
complete -o filenames -F _urial urial
)",
                       descend, words, values);
}

std::string zsh_completion(const CommandInfo& root) {
    std::string script =
        "#compdef urial\n# zsh completion for urial: put it as _urial into a folder of $fpath\n\n"
        "_urial_values() {\n    compadd -- \"$@\"\n    _files\n}\n\n";
    const std::vector<const CommandInfo*> commands = all_commands(root);
    for (auto command = commands.rbegin(); command != commands.rend(); ++command)
        script += zsh_function(root, **command);
    return script + "_urial \"$@\"\n";
}

std::string fish_completion(const CommandInfo& root) {
    std::string script = "# fish completion for urial: ~/.config/fish/completions/urial.fish\n";
    for (const CommandInfo* command : all_commands(root)) {
        const std::string condition = fish_condition(*command);
        for (const CommandInfo& below : command->subcommands) {
            script += fmt::format("complete -c urial -f -n '{}' -a {} -d '{}'\n", condition, below.name,
                                  fish_text(below.help));
        }
        if (const Arguments arguments = arguments_of(*command); command->subcommands.empty()) {
            const std::string words =
                arguments.values.empty() ? std::string() : fmt::format(" -a '{}'", fmt::join(arguments.values, " "));
            script += fmt::format("complete -c urial -n '{}'{}{}\n", condition, arguments.files ? " -F" : " -f", words);
        }
        for (const OptionInfo& option : command->options) {
            if (!option.positional.empty()) continue;
            // The root's options hold everywhere.
            script += fish_option(option, command == &root ? "" : condition);
        }
    }
    return script;
}

}  // namespace urial::command_line
