#pragma once

// What to tell someone whose command line was not understood.

#include <optional>
#include <string>

#include <CLI/CLI.hpp>

namespace urial::command_line {

/// The message for Terminal::report_error: what is wrong in the first line, suggestions in the next ones.
std::string usage_error(const CLI::App& app, const CLI::ParseError& failure);

/// The help of a command that does nothing by itself and was called by itself; nullopt for every other mistake.
std::optional<std::string> help_for_bare_command(const CLI::App& app, const CLI::ParseError& failure);

}  // namespace urial::command_line
