#include "cli/command_tree.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace urial::cli {
namespace {

constexpr std::size_t kHelpWidth = 100;
constexpr std::size_t kHelpColumn = 32;

/// "a|b|c" in lower case lists the values themselves; "NAME|FILE" names kinds of values.
std::vector<std::string> choices_of(std::string_view value_name) {
    if (value_name.find('|') == std::string_view::npos || value_name != lower_ascii(value_name)) return {};
    std::vector<std::string> values;
    for (const std::string_view value : split(value_name, '|')) values.emplace_back(value);
    return values;
}

std::string upper_ascii(std::string text) {
    for (char& c : text) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return text;
}

/// The parser's own names of number types, with its checks behind them ("UINT:POSITIVE"), are not for people.
std::string value_name_of(const std::string& type_name) {
    if (type_name.starts_with("INT") || type_name.starts_with("UINT")) return "N";
    if (type_name.starts_with("FLOAT")) return "X";
    return type_name;
}

OptionInfo describe_option(const CLI::Option& option) {
    OptionInfo info;
    for (const std::string& name : option.get_snames()) info.short_names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) info.long_names.push_back("--" + name);
    if (option.get_positional()) info.positional = upper_ascii(option.get_name(true));
    if (option.get_type_size() != 0) info.value_name = value_name_of(option.get_type_name());
    info.choices = choices_of(info.value_name);
    for (const char* kind : {"FILE", "DIR", "PATH", "SPEC", "IN", "OUT"}) {
        if (info.value_name.find(kind) != std::string::npos) info.takes_file = true;
    }
    info.required = option.get_required();
    info.default_text = option.get_default_str();
    info.help = option.get_description();
    info.group = option.get_group();
    return info;
}

}  // namespace

CommandInfo describe(const CLI::App& app, const std::string& parents) {
    CommandInfo info;
    info.name = app.get_name();
    info.path = parents.empty() ? info.name : parents + " " + info.name;
    info.help = app.get_description();
    info.footer = app.get_footer();
    for (const CLI::Option* option : app.get_options()) {
        if (!option->get_group().empty()) info.options.push_back(describe_option(*option));
    }
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        if (!command->get_group().empty()) info.subcommands.push_back(describe(*command, info.path));
    }
    return info;
}

namespace {

void collect(const CommandInfo& command, std::vector<const CommandInfo*>& all) {
    all.push_back(&command);
    for (const CommandInfo& below : command.subcommands) collect(below, all);
}

/// Two columns: the heading, and the text wrapped beside it.
std::string row(const std::string& heading, std::string_view text) {
    std::string out = "  " + heading;
    std::size_t column = out.size();
    if (column + 2 > kHelpColumn) {
        out += '\n';
        column = 0;
    }
    out.append(kHelpColumn - column, ' ');
    column = kHelpColumn;
    bool first = true;
    for (const std::string_view word : split(text, ' ')) {
        if (!first && column + 1 + word.size() > kHelpWidth) {
            out += '\n';
            out.append(kHelpColumn, ' ');
            column = kHelpColumn;
            first = true;
        }
        if (!first) {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
        first = false;
    }
    return out + '\n';
}

std::string option_help(const OptionInfo& option) {
    if (option.default_text.empty()) return option.help;
    return fmt::format("{} [{}]", option.help, option.default_text);
}

std::vector<std::string> groups_of(const CommandInfo& command) {
    std::vector<std::string> groups;
    for (const OptionInfo& option : command.options) {
        if (option.positional.empty() && std::find(groups.begin(), groups.end(), option.group) == groups.end()) {
            groups.push_back(option.group);
        }
    }
    // The general ones (--help and its like) are the least interesting: last.
    std::stable_partition(groups.begin(), groups.end(), [](const std::string& group) { return group != "Options"; });
    return groups;
}

}  // namespace

std::vector<const CommandInfo*> all_commands(const CommandInfo& root) {
    std::vector<const CommandInfo*> all;
    collect(root, all);
    return all;
}

std::string option_heading(const OptionInfo& option) {
    if (!option.positional.empty()) {
        return option.required ? option.positional : fmt::format("[{}]", option.positional);
    }
    std::vector<std::string> names = option.short_names;
    names.insert(names.end(), option.long_names.begin(), option.long_names.end());
    std::string heading = fmt::format("{}", fmt::join(names, ", "));
    if (!option.value_name.empty()) heading += " " + option.value_name;
    return heading;
}

std::string usage_line(const CommandInfo& command) {
    std::string line = command.path + " [OPTIONS]";
    for (const OptionInfo& option : command.options) {
        if (!option.positional.empty()) line += " " + option_heading(option);
    }
    if (!command.subcommands.empty()) line += " COMMAND";
    return line;
}

std::string help_text(const CommandInfo& command) {
    std::string out = fmt::format("{}\n\nUsage: {}\n", command.help, usage_line(command));
    if (!command.subcommands.empty()) out += "\nCommands:\n";
    for (const CommandInfo& below : command.subcommands) out += row(below.name, below.help);
    std::string positionals;
    for (const OptionInfo& option : command.options) {
        if (!option.positional.empty()) positionals += row(option.positional, option_help(option));
    }
    if (!positionals.empty()) out += "\nArguments:\n" + positionals;
    for (const std::string& group : groups_of(command)) {
        out += fmt::format("\n{}:\n", group);
        for (const OptionInfo& option : command.options) {
            if (option.positional.empty() && option.group == group)
                out += row(option_heading(option), option_help(option));
        }
    }
    if (!command.footer.empty()) out += "\n" + command.footer + "\n";
    return out;
}

}  // namespace urial::cli
