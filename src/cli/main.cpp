// Parses, runs one command, and is the one place that prints errors and chooses the exit code.

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <span>
#include <string>

#include <fmt/format.h>

#include "app/settings.h"
#include "base/cpu_level.h"
#include "base/error.h"
#include "base/files.h"
#include "cli/commands.h"
#include "command_line/usage_error.h"
#include "engine/model_trial.h"

namespace {

using namespace urial;

constexpr int kExitFailed = 2;
constexpr int kExitInterrupted = 130;

int run(CLI::App& app, cli::Context& context, int argc, char** argv) {
    try {
        cpu_level();  // a wrong name is said here and not by one of the threads that compute
        app.parse(argc, argv);
        return context.exit_code;
    } catch (const CLI::CallForHelp&) {
        std::fputs(app.help().c_str(), stdout);
        return 0;
    } catch (const CLI::CallForVersion& version) {
        std::fputs(version.what(), stdout);
        return 0;
    } catch (const CLI::ParseError& failure) {
        if (const auto help = command_line::help_for_bare_command(app, failure)) {
            std::fputs(help->c_str(), stderr);
            return kExitFailed;
        }
        context.terminal.report_error(command_line::usage_error(app, failure));
    } catch (const terminal::Interrupted&) {
        return kExitInterrupted;
    } catch (const engine::Cancelled&) {
        return kExitInterrupted;
    } catch (const Error& failure) {
        context.terminal.report_error(failure.what());
    } catch (const std::bad_alloc&) {
        context.terminal.report_error("out of memory\nuse a smaller model, --context or --parallel");
    } catch (const std::exception& failure) {
        context.terminal.report_error(fmt::format("unexpected: {}", failure.what()));
    }
    // What Ctrl-C cut short may say so in an error of its own.
    return terminal::interrupted() ? kExitInterrupted : kExitFailed;
}

/// Results that never reached the disk or the pipe must not end in success.
int flush_output(const cli::Context& context, int code) {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    if (errno == EPIPE) return code;
    context.terminal.report_error(fmt::format("standard output: cannot write: {}", std::strerror(errno)));
    return kExitFailed;
}

/// The engine's own handler starts a debugger.
[[noreturn]] void on_uncaught_exception() {
    std::string reason = "an exception of a thread";
    try {
        if (const std::exception_ptr failure = std::current_exception()) std::rethrow_exception(failure);
    } catch (const std::exception& failure) {
        reason = failure.what();
    } catch (...) {
    }
    std::fprintf(stderr, "error: unexpected: %s\n", reason.c_str());
    std::abort();
}

}  // namespace

int main(int argc, char** argv) {
    std::set_terminate(on_uncaught_exception);
    if (argc > 1 && argv[1] == engine::kTrialCommand) {
        engine::run_model_trial(std::span(argv, static_cast<std::size_t>(argc)).subspan(2));
    }
    // A reader that has seen enough (`| head`) ends us quietly, whatever the parent process set.
    std::signal(SIGPIPE, SIG_DFL);
    terminal::install_interrupt_handler();
    app::Settings settings(app::Settings::Sources::of_process());
    cli::Context context;
    context.settings = &settings;
    if (argc > 0) context.program = argv[0];
    context.terminal = terminal::make_terminal(environment("NO_COLOR") ? "never" : "auto", 0);
    const std::unique_ptr<CLI::App> app = cli::make_app(context);
    return flush_output(context, run(*app, context, argc, argv));
}
