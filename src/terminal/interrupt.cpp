#include "terminal/interrupt.h"

#include <atomic>
#include <csignal>

#include <unistd.h>

namespace urial::terminal {
namespace {

constexpr int kPressesThatEndTheProcess = 3;
constexpr int kExitInterrupted = 130;

std::atomic<int> presses{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler touches it");

extern "C" void on_interrupt(int) {
    if (presses.fetch_add(1) + 1 >= kPressesThatEndTheProcess) ::_exit(kExitInterrupted);
}

}  // namespace

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

}  // namespace urial::terminal
