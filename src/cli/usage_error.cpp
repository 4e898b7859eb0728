#include "cli/usage_error.h"

#include <vector>

#include <fmt/format.h>

#include "base/text.h"

namespace urial::cli {
namespace {

/// The command that the user got to: the last one that was recognised.
const CLI::App& deepest(const CLI::App& app) {
    const std::vector<CLI::App*> below = app.get_subcommands();
    return below.empty() ? app : deepest(*below.back());
}

std::string path_of(const CLI::App& command) {
    if (command.get_parent() == nullptr) return command.get_name();
    return path_of(*command.get_parent()) + " " + command.get_name();
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

}  // namespace

std::string usage_error(const CLI::App& app, const CLI::ParseError& failure) {
    const CLI::App& command = deepest(app);
    const std::string more = fmt::format("`{} --help` lists what there is", path_of(command));
    const std::vector<std::string> words = app.remaining(/*recurse=*/true);
    if (!words.empty()) return fmt::format("{}\n{}", not_understood(command, words.front()), more);
    return fmt::format("{}: {}\n{}", path_of(command), failure.what(), more);
}

}  // namespace urial::cli
