#pragma once

// Whether other processes want the cores that the engine computes on, and what its threads then do where one waits for
// the others. The essay is in crowd.cpp.

#include <chrono>
#include <memory>

namespace urial::engine {

/// Tells from how often our threads lost their core to others, and how long they waited for one. For one thread at a
/// time.
class Crowd {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// Of all threads of the process since it started.
    struct Counts {
        long preemptions = 0;
        double waited = 0;  ///< seconds in which a thread wanted to run and had no core
    };

    /// Whether the counts of now would tell something that those of before did not.
    bool is_due(Time now) const { return !started_ || now - window_ >= kWindow; }
    /// To be called when is_due(). `most` threads can be left out.
    void add(Time now, Counts counts, int most);

    /// From when preemptions come often until they have been rare for kMemory.
    bool is_here(Time now) const { return now < until_; }
    /// So many threads are better not used: others have the cores for which they would wait.
    int threads_left_out() const { return left_out_; }

    static constexpr std::chrono::milliseconds kWindow{100};  ///< what is counted, at least
    static constexpr double kOften = 60;                      ///< a second; a busy neighbour makes 100 to 300
    static constexpr double kMuchWaiting = 0.5;               ///< of the time, all threads together
    static constexpr std::chrono::seconds kMemory{3};

private:
    bool started_ = false;
    Time window_;
    Counts counts_;  // when the window began
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
/// system call, and more ten times a second. Any thread may call it.
int mind_the_crowd();

}  // namespace urial::engine
