#pragma once

// Whether other processes want the cores that the engine computes on, and what its threads then do where one waits for
// the others. The essay is in crowd.cpp.

#include <chrono>
#include <memory>

namespace urial::engine {

/// Tells from how long our threads waited for a core. For one thread at a time.
class Crowd {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// Whether the waiting until now would tell something that the waiting before did not.
    bool is_due(Time now) const { return !started_ || now - window_ >= kWindow; }
    /// To be called when is_due(). `waited`: seconds in which a thread of the process wanted to run and had no core,
    /// since it started, of all threads together. `most` threads can be left out.
    void add(Time now, double waited, int most);

    /// From when they wait much until they have waited little for kMemory.
    bool is_here(Time now) const { return now < until_; }
    /// So many threads are better not used: others have the cores for which they would wait.
    int threads_left_out() const { return left_out_; }

    static constexpr std::chrono::milliseconds kWindow{200};  ///< what is looked at, at least
    /// Shares of the time, all threads together: 0.05 is usual on a machine that does little else, beside a busy loop
    /// it is 0.6 to 0.9.
    static constexpr double kMuchWaiting = 0.35;
    static constexpr double kMostWaiting = 0.5;  ///< with this, fewer threads are better
    static constexpr std::chrono::seconds kMemory{3};

private:
    bool started_ = false;
    Time window_;
    double waited_ = 0;  // until the window began
    Time until_;
    int left_out_ = 0;
    Time try_again_;  // with more threads
};

/// While one exists, OpenMP threads that wait spin for microseconds before they sleep.
class ShortWaits {
public:
    ShortWaits();
    ~ShortWaits();

private:
    class SleepingTeam;
    std::unique_ptr<SleepingTeam> team_;
};

/// Called before every computation; makes the waits of all OpenMP threads of the process short while there is a crowd.
/// Returns how many threads are better left out of a computation whose result does not depend on their number. Costs a
/// system call, and more five times a second. Any thread may call it.
int mind_the_crowd();

}  // namespace urial::engine
