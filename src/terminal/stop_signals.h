#pragma once

// Ctrl-C and SIGTERM for a command that runs until it is told to stop.

#include <atomic>
#include <functional>
#include <thread>

namespace urial::terminal {

/// While it lives the two signals call `stop`, on a thread of its own, in the place of what they did before. To be made
/// before any other thread is, by the main thread. One at a time.
class StopSignals {
public:
    explicit StopSignals(std::function<void()> stop);
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

    /// How often.
    int count() const { return count_; }

private:
    std::atomic<int> count_{0};
    std::atomic<bool> has_ended_{false};
    std::function<void()> stop_;
    std::thread thread_;
};

}  // namespace urial::terminal
