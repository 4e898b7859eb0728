#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <string>

#include <unistd.h>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "cli/columns.h"
#include "cli/commands.h"

namespace urial::cli {
namespace {

constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kRed = "\x1b[1;31m";
constexpr std::string_view kYellow = "\x1b[1;33m";
constexpr std::string_view kReset = "\x1b[0m";

constexpr int kPressesThatEndTheProcess = 3;
constexpr int kExitInterrupted = 130;

std::atomic<int> presses{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler touches it");

extern "C" void on_interrupt(int) {
    if (presses.fetch_add(1) + 1 >= kPressesThatEndTheProcess) ::_exit(kExitInterrupted);
}

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

void install_interrupt_handler() {
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    ::sigemptyset(&action.sa_mask);
    // No SA_RESTART: a read that waits for the user returns, and its caller looks at interrupted().
    ::sigaction(SIGINT, &action, nullptr);
}

bool interrupted() { return presses.load() > 0; }

void clear_interrupt() { presses.store(0); }

void throw_if_interrupted() {
    if (interrupted()) throw Interrupted{};
}

}  // namespace urial::cli
