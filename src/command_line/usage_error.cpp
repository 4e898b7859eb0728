#include "command_line/usage_error.h"

#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "command_line/command_tree.h"

namespace urial::command_line {
namespace {

/// The command that the user got to: the last one that was recognised.
const CLI::App& deepest(const CLI::App& app) {
    const std::vector<CLI::App*> below = app.get_subcommands();
    return below.empty() ? app : deepest(*below.back());
}

/// "urial help config show"
std::string help_command(const CLI::App& command) {
    const CLI::App* root = &command;
    while (root->get_parent() != nullptr) root = root->get_parent();
    return root->get_name() + " help" + path_of(command).substr(root->get_name().size());
}

std::vector<std::string> flags_of(const CLI::App& command) {
    std::vector<std::string> flags;
    for (const CLI::App* app = &command; app != nullptr; app = app->get_parent()) {
        for (const CLI::Option* option : app->get_options()) {
            for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
        }
    }
    return flags;
}

std::vector<std::string> subcommands_of(const CLI::App& command) {
    std::vector<std::string> names;
    for (const CLI::App* below : command.get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(below->get_name());
    }
    return names;
}

bool has_positionals(const CLI::App& command) {
    for (const CLI::Option* option : command.get_options()) {
        if (option->get_positional()) return true;
    }
    return false;
}

std::string not_understood(const CLI::App& command, const std::string& word) {
    const std::string shown = printable(word);
    if (word.starts_with('-')) {
        const std::string name = word.substr(0, word.find('='));
        return fmt::format("{}: unknown option '{}'{}", path_of(command), shown, did_you_mean(name, flags_of(command)));
    }
    const std::vector<std::string> names = subcommands_of(command);
    if (!names.empty()) {
        return fmt::format("{}: unknown command '{}'{}", path_of(command), shown, did_you_mean(word, names));
    }
    if (has_positionals(command)) {
        return fmt::format("{}: one argument too many: '{}'\ntext with spaces needs quotes", path_of(command), shown);
    }
    return fmt::format("{}: takes no argument, but got '{}'", path_of(command), shown);
}

std::string in_words(const std::vector<std::string>& names) {
    std::string list;
    for (std::size_t i = 0; i < names.size(); ++i) {
        list += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
    }
    return list;
}

/// Everything that is required and was not given; the parser stops at the first.
std::vector<std::string> missing_in(const CLI::App& command) {
    std::vector<std::string> missing;
    for (const CLI::Option* option : command.get_options()) {
        if (!option->get_required() || option->count() > 0) continue;
        missing.push_back(option_heading(describe_option(*option)));
    }
    return missing;
}

/// "Could not convert: --limit = ten", or "--limit: Value ten not in range 1 to 9" where numbers have a range, say less
/// than they know.
std::string not_converted(std::string_view text) {
    constexpr std::string_view kParser = "Could not convert: ";
    constexpr std::string_view kRange = ": Value ";
    if (const auto equals = text.find(" = "); text.starts_with(kParser) && equals != std::string_view::npos) {
        const std::string_view name = text.substr(kParser.size(), equals - kParser.size());
        return fmt::format("{}: '{}' is not a number that it takes", name, printable(text.substr(equals + 3)));
    }
    const auto begin = text.find(kRange);
    const auto end = text.find(" not in range ");
    if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return std::string(text);
    const std::string_view value = text.substr(begin + kRange.size(), end - begin - kRange.size());
    return fmt::format("{}: '{}' is not a number that it takes; it takes {}", text.substr(0, begin), printable(value),
                       text.substr(end + std::string_view(" not in range ").size()));
}

std::string explain(const CLI::App& command, const CLI::ParseError& failure) {
    if (const auto missing = missing_in(command);
        dynamic_cast<const CLI::RequiredError*>(&failure) && !missing.empty()) {
        return fmt::format("{} {} missing\nusage: {}", in_words(missing), missing.size() == 1 ? "is" : "are",
                           usage_line(describe(command)));
    }
    // "--limit: 1 required N missing"
    const std::string text = failure.what();
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&failure) && text.ends_with(" missing")) {
        return text.substr(0, text.find(':')) + " needs a value";
    }
    return not_converted(text);
}

}  // namespace

std::optional<std::string> help_for_bare_command(const CLI::App& app, const CLI::ParseError& failure) {
    const CLI::App& command = deepest(app);
    const bool is_bare = dynamic_cast<const CLI::RequiredError*>(&failure) != nullptr &&
                         command.get_require_subcommand_min() > 0 && app.remaining(/*recurse=*/true).empty();
    if (!is_bare) return std::nullopt;
    return help_for_terminal(describe(command));
}

std::string usage_error(const CLI::App& app, const CLI::ParseError& failure) {
    const CLI::App& command = deepest(app);
    const std::string more = fmt::format("`{}` lists what there is", help_command(command));
    const std::vector<std::string> words = app.remaining(/*recurse=*/true);
    if (!words.empty()) return fmt::format("{}\n{}", not_understood(command, words.front()), more);
    return fmt::format("{}: {}\n{}", path_of(command), explain(command, failure), more);
}

}  // namespace urial::command_line
