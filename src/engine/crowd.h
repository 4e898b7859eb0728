#pragma once

// Whether other processes want the cores that the engine computes on, and what its threads then do where one waits for
// the others. The essay is in crowd.cpp.

#include <chrono>
#include <memory>

namespace urial::engine {

/// Tells from how often our threads lost their core to others. For one thread at a time.
class Crowd {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// `preemptions`: of all threads of the process since it started. True from when they come often until they have
    /// been rare for kMemory.
    bool is_here(Time now, long preemptions);

    static constexpr std::chrono::milliseconds kWindow{100};  ///< what is counted, at least
    static constexpr double kOften = 60;                      ///< a second; a busy neighbour makes 100 to 300
    static constexpr std::chrono::seconds kMemory{3};

private:
    bool started_ = false;
    Time window_;
    long preemptions_ = 0;  // when the window began
    Time until_;
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
/// Costs a system call. Any thread may call it.
void mind_the_crowd();

}  // namespace urial::engine
