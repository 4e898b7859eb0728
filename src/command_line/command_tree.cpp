#include "command_line/command_tree.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "terminal/columns.h"

namespace urial::command_line {
namespace {

constexpr std::size_t kHelpColumn = 32;
/// Begins the description of a check that refuses nothing, see suggest().
constexpr std::string_view kSuchAs = "such as ";

std::string upper_ascii(std::string text) {
    for (char& c : text) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return text;
}

/// The parser's own names of types are not for people.
std::string value_name_of(const std::string& type_name) {
    if (type_name == "INT" || type_name == "UINT") return "N";
    if (type_name == "FLOAT") return "X";
    return type_name;
}

/// The parts of what the parser calls an option's type: the value's name and what its checks say of themselves. They
/// are joined by colons; one in brackets, as in "FILE[:SCALE]", belongs to the name.
std::vector<std::string> parts_of_type(std::string_view type) {
    std::vector<std::string> parts(1);
    int depth = 0;
    for (const char c : type) {
        if (c == '[' || c == '{') ++depth;
        if (c == ']' || c == '}') --depth;
        if (c == ':' && depth == 0) {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    return parts;
}

/// a, b of "{a,b}"; nothing for other descriptions of checks.
std::vector<std::string> values_of(std::string_view description) {
    std::vector<std::string> values;
    if (!description.starts_with('{') || !description.ends_with('}')) return values;
    for (const std::string_view value : split(description.substr(1, description.size() - 2), ',')) {
        values.emplace_back(value);
    }
    return values;
}

void describe_type(const CLI::Option& option, OptionInfo& info) {
    if (option.get_type_size() == 0) return;
    const std::vector<std::string> parts = parts_of_type(option.get_type_name());
    info.value_name = value_name_of(parts.front());
    for (auto part = parts.begin() + 1; part != parts.end(); ++part) {
        if (part->starts_with(kSuchAs)) {
            info.suggestions = values_of(std::string_view(*part).substr(kSuchAs.size()));
        } else if (std::vector<std::string> values = values_of(*part); !values.empty()) {
            info.choices = std::move(values);
        }
    }
    for (const char* kind : {"FILE", "DIR", "PATH", "SPEC", "RUN"}) {
        if (info.value_name.find(kind) != std::string::npos) info.takes_file = true;
    }
}

}  // namespace

OptionInfo describe_option(const CLI::Option& option) {
    OptionInfo info;
    for (const std::string& name : option.get_snames()) info.short_names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) info.long_names.push_back("--" + name);
    if (option.get_positional()) info.positional = upper_ascii(option.get_name(true));
    describe_type(option, info);
    info.required = option.get_required();
    info.repeats = option.get_items_expected_max() > 1;
    info.default_text = option.get_default_str();
    info.help = option.get_description();
    info.group = option.get_group();
    return info;
}

CLI::Validator one_of(std::vector<std::string> values) {
    const std::string description = fmt::format("{{{}}}", fmt::join(values, ","));
    const auto check = [values = std::move(values)](std::string& value) {
        if (std::ranges::find(values, value) != values.end()) return std::string();
        return fmt::format("'{}' is none of {}{}", printable(value), fmt::join(values, ", "),
                           did_you_mean(value, values));
    };
    return {check, description};
}

CLI::Validator suggest(std::vector<std::string> values) {
    return {[](std::string&) { return std::string(); }, fmt::format("{}{{{}}}", kSuchAs, fmt::join(values, ","))};
}

std::string examples(std::initializer_list<Example> list) {
    std::string text = "Examples:";
    for (const Example& example : list) text += fmt::format("\n  # {}\n  {}", example.effect, example.command);
    return text;
}

std::string path_of(const CLI::App& command) {
    if (command.get_parent() == nullptr) return command.get_name();
    return path_of(*command.get_parent()) + " " + command.get_name();
}

CommandInfo describe(const CLI::App& app) {
    CommandInfo info;
    info.name = app.get_name();
    info.path = path_of(app);
    info.help = app.get_description();
    info.footer = app.get_footer();
    info.needs_subcommand = app.get_require_subcommand_min() > 0;
    for (const CLI::Option* option : app.get_options()) {
        if (!option->get_group().empty()) info.options.push_back(describe_option(*option));
    }
    std::ranges::stable_partition(info.options, &OptionInfo::required);
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        if (!command->get_group().empty()) info.subcommands.push_back(describe(*command));
    }
    return info;
}

namespace {

void collect(const CommandInfo& command, std::vector<const CommandInfo*>& all) {
    all.push_back(&command);
    for (const CommandInfo& below : command.subcommands) collect(below, all);
}

/// Two columns: the heading, and the text wrapped beside it.
std::string row(const std::string& heading, std::string_view text, std::size_t width) {
    const std::size_t column = std::min(kHelpColumn, width / 3);
    const bool beside = heading.size() + 4 <= column;
    std::string out = "  " + heading + (beside ? "" : "\n");
    bool first = beside;
    for (const std::string& line : terminal::wrap(text, width - column)) {
        out.append(first ? column - heading.size() - 2 : column, ' ');
        out += line + '\n';
        first = false;
    }
    if (!out.ends_with('\n')) out += '\n';
    return out;
}

std::string text_and_default(const OptionInfo& option) {
    const std::string text = option_help(option);
    return option.default_text.empty() ? text : fmt::format("{} [{}]", text, option.default_text);
}

constexpr std::string_view kRequired = "Required";

std::string_view heading_of_group(const OptionInfo& option) {
    return option.required ? kRequired : std::string_view(option.group);
}

std::vector<std::string_view> groups_of(const CommandInfo& command) {
    std::vector<std::string_view> groups;
    for (const OptionInfo& option : command.options) {
        if (!option.positional.empty()) continue;
        if (std::ranges::find(groups, heading_of_group(option)) == groups.end()) {
            groups.push_back(heading_of_group(option));
        }
    }
    // The general ones (--help and its like) are the least interesting: last.
    std::ranges::stable_partition(groups, [](std::string_view group) { return group != "Options"; });
    return groups;
}

/// The shortest way to type a required option: "-i FILE".
std::string in_usage(const OptionInfo& option) {
    const std::string& name = option.short_names.empty() ? option.long_names.front() : option.short_names.front();
    return name + " " + option.value_name;
}

}  // namespace

std::vector<const CommandInfo*> all_commands(const CommandInfo& root) {
    std::vector<const CommandInfo*> all;
    collect(root, all);
    return all;
}

std::string option_heading(const OptionInfo& option) {
    if (!option.positional.empty()) {
        const std::string name = option.positional + (option.repeats ? "..." : "");
        return option.required ? name : fmt::format("[{}]", name);
    }
    std::vector<std::string> names = option.short_names;
    names.insert(names.end(), option.long_names.begin(), option.long_names.end());
    std::string heading = fmt::format("{}", fmt::join(names, ", "));
    if (!option.value_name.empty()) heading += " " + option.value_name;
    return heading;
}

std::string option_help(const OptionInfo& option) {
    const bool named = std::ranges::all_of(
        option.choices, [&](const std::string& value) { return option.help.find(value) != std::string::npos; });
    return named ? option.help : fmt::format("{}: {}", option.help, fmt::join(option.choices, ", "));
}

std::string usage_line(const CommandInfo& command) {
    std::string line = command.path + " [OPTIONS]";
    for (const OptionInfo& option : command.options) {
        if (option.required && option.positional.empty()) line += " " + in_usage(option);
    }
    for (const OptionInfo& option : command.options) {
        if (!option.positional.empty()) line += " " + option_heading(option);
    }
    if (!command.subcommands.empty()) line += command.needs_subcommand ? " COMMAND" : " [COMMAND]";
    return line;
}

std::string help_text(const CommandInfo& command, std::size_t width) {
    std::string out =
        fmt::format("{}\n\nUsage: {}\n", fmt::join(terminal::wrap(command.help, width), "\n"), usage_line(command));
    if (!command.subcommands.empty()) out += "\nCommands:\n";
    for (const CommandInfo& below : command.subcommands) out += row(below.name, below.help, width);
    std::string positionals;
    for (const OptionInfo& option : command.options) {
        if (!option.positional.empty()) positionals += row(option_heading(option), text_and_default(option), width);
    }
    if (!positionals.empty()) out += "\nArguments:\n" + positionals;
    for (const std::string_view group : groups_of(command)) {
        out += fmt::format("\n{}:\n", group);
        for (const OptionInfo& option : command.options) {
            if (option.positional.empty() && heading_of_group(option) == group)
                out += row(option_heading(option), text_and_default(option), width);
        }
    }
    if (!command.footer.empty()) out += "\n" + command.footer + "\n";
    return out;
}

std::string help_for_terminal(const CommandInfo& command) {
    constexpr std::size_t kNarrowest = 40;
    return help_text(command, std::clamp(terminal::output_columns().value_or(kHelpWidth), kNarrowest, kHelpWidth));
}

}  // namespace urial::command_line
