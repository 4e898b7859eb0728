#include "terminal/stop_signals.h"

#include <csignal>
#include <ctime>
#include <utility>

namespace urial::terminal {
namespace {

sigset_t both() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGINT);
    ::sigaddset(&signals, SIGTERM);
    return signals;
}

}  // namespace

StopSignals::StopSignals(std::function<void()> stop) : stop_(std::move(stop)) {
    const sigset_t signals = both();
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    thread_ = std::thread([this, signals] {
        constexpr timespec kPatience{.tv_sec = 0, .tv_nsec = 100'000'000};
        while (!has_ended_) {
            if (::sigtimedwait(&signals, nullptr, &kPatience) < 0) continue;
            ++count_;
            stop_();
        }
    });
}

StopSignals::~StopSignals() {
    has_ended_ = true;
    thread_.join();
    const sigset_t signals = both();
    ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace urial::terminal
