#pragma once

// Work on untrusted input that may crash, loop or eat memory, done in a child process with limits. Internal to this
// part.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace urial::engine {

struct Confinement {
    std::chrono::milliseconds cpu_time{2'000};
    std::chrono::milliseconds patience{60'000};      ///< by the clock: the machine may be busy with other things
    std::uint64_t memory_bytes = 256 * 1024 * 1024;  ///< beyond what this process has
    std::uint64_t stack_bytes = 8 * 1024 * 1024;     ///< where the calling thread is the main one
    std::uint64_t output_bytes = 1024 * 1024;
};

struct ConfinedResult {
    enum class End { Returned, Threw, OutOfTime, OutOfMemory, TooMuchOutput, Crashed } end = End::Crashed;
    std::string text;  ///< what the work returned, the message of what it threw, the name of the signal that ended it
};

/// Runs `work` in a forked copy of this process, which is gone when this returns. `work` must take no lock that another
/// thread may hold at this moment, and leave files and streams alone; what it writes to standard output and error is
/// lost. Throws Error{Io} where the system gives no process.
ConfinedResult run_confined(const Confinement& limits, const std::function<std::string()>& work);

}  // namespace urial::engine
