#include "terminal/terminal.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <unistd.h>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "terminal/columns.h"

namespace urial::terminal {
namespace {

constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kRed = "\x1b[1;31m";
constexpr std::string_view kYellow = "\x1b[1;33m";
constexpr std::string_view kReset = "\x1b[0m";

std::string painted(std::string_view text, std::string_view colour, bool enabled) {
    if (!enabled) return std::string(text);
    return fmt::format("{}{}{}", colour, text, kReset);
}

/// One message; words stay whole at the edge of a terminal. `label` is its beginning, in `colour`.
void print_message(std::string_view label, std::string_view text, std::string_view colour, bool coloured) {
    std::string message = std::string(label) + printable(text);
    if (const auto columns = terminal_columns(STDERR_FILENO)) {
        message = fmt::format("{}", fmt::join(wrap(message, *columns, LongWords::Keep), "\n"));
    }
    const std::size_t end = label.empty() ? message.size() : std::min(label.size() - 1, message.size());
    message = painted(message.substr(0, end), colour, coloured) + message.substr(end) + "\n";
    std::fputs(message.c_str(), stderr);
}

}  // namespace

void Terminal::note(std::string_view text) const {
    if (verbosity >= 0) print_message("", text, kDim, colour_err);
}

void Terminal::detail(std::string_view text) const {
    if (verbosity >= 1) note(text);
}

void Terminal::warn(std::string_view text) const { print_message("warning: ", text, kYellow, colour_err); }

void Terminal::report_error(std::string_view message) const {
    const std::vector<std::string_view> lines = split(message, '\n');
    print_message("error: ", lines.front(), kRed, colour_err);
    for (std::size_t i = 1; i < lines.size(); ++i) {
        if (!lines[i].empty()) print_message("hint: ", lines[i], kDim, colour_err);
    }
}

Terminal make_terminal(std::string_view colour, int verbosity) {
    const bool capable = environment("TERM").value_or("dumb") != "dumb";
    const auto coloured = [&](int descriptor) {
        if (colour == "auto") return capable && ::isatty(descriptor) == 1;
        return colour == "always";
    };
    Terminal terminal;
    terminal.colour_out = coloured(STDOUT_FILENO);
    terminal.colour_err = coloured(STDERR_FILENO);
    terminal.progress = verbosity >= 0 && capable && ::isatty(STDERR_FILENO) == 1;
    terminal.verbosity = verbosity;
    return terminal;
}

}  // namespace urial::terminal
