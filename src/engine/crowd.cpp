// A step of a small model is some hundred operations of 10 to 100 us, and after each the threads wait for each other.
// OpenMP's (libgomp's) spin meanwhile, for 5 ms before they sleep. Alone on the machine that is right: to sleep and to
// be woken costs more than the wait. Beside another busy process it is wrong. One of our threads is then often off its
// core, for the milliseconds of a time slice, and the other one spends them spinning: it uses up the time that the
// scheduler owes us, and keeps a core from the thread that it waits for. A third of the speed is left where two thirds
// would be fair.
//
// So the waits are long while we are alone and short while we are not. Whether we are, the kernel tells: it counts how
// long each thread wanted to run and had no core. (How often it took the core from a thread says little: daemons do so
// a hundred times a second, for moments.)
//
// libgomp reads how long to spin before main, but has a rule of its own (its manual, GOMP_SPINCOUNT): while there are
// more OpenMP threads than CPUs it spins 100 times, which are 2 us. We make use of that: in a crowd one more team
// exists, whose threads sleep. The rule never makes longer what OMP_WAIT_POLICY or GOMP_SPINCOUNT has made short. Other
// OpenMP libraries do not know it; there the team is without effect.
//
// Even then two threads on two cores get less than their share beside a busy process: each of them has to have a core
// at the same time as the other one, or the one that has it soon waits and gives it away. One thread is faster then
// (0.63 of what two have alone, and two have 0.47 of it). So where the kernel says that our threads waited for a core
// for half of the time, one thread is left out, and another one if that was not enough; seconds later more are tried.

#include "engine/crowd.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/mutex.h"

namespace urial::engine {

void Crowd::add(Time now, double waited, int most) {
    if (!started_) {
        started_ = true;
        until_ = now;
    } else {
        const double window = std::chrono::duration<double>(now - window_).count();
        if (waited - waited_ >= kMuchWaiting * window) until_ = now + kMemory;
        if (waited - waited_ >= kMostWaiting * window) {
            left_out_ = std::min(left_out_ + 1, most);
            try_again_ = now + kMemory;
        } else if (left_out_ > 0 && now >= try_again_) {
            left_out_ /= 2;
            try_again_ = now + kMemory;
        }
    }
    window_ = now;
    waited_ = waited;
}

/// More threads than there are CPUs, whatever the engine has.
class ShortWaits::SleepingTeam {
public:
    SleepingTeam() : owner_([this] { sleep(); }) {}
    ~SleepingTeam() {
        {
            const MutexLock lock(mutex_);
            done_ = true;
        }
        wake_.notify_all();
    }
    SleepingTeam(const SleepingTeam&) = delete;
    SleepingTeam& operator=(const SleepingTeam&) = delete;

private:
    void sleep() {
        const auto rest = [this] {
            const MutexLock lock(mutex_);
            wake_.wait(mutex_, [this]() REQUIRES(mutex_) { return done_; });
        };
#ifdef _OPENMP
#pragma omp parallel num_threads(omp_get_num_procs() + 1)  // all but the first are counted
#endif
        rest();
    }

    Mutex mutex_;
    Condition wake_;
    bool done_ GUARDED_BY(mutex_) = false;
    std::jthread owner_;  // the last member: it uses the others, and is joined first
};

ShortWaits::ShortWaits() : team_(std::make_unique<SleepingTeam>()) {}
ShortWaits::~ShortWaits() = default;

namespace {

/// Seconds for which the threads that exist waited for a core; 0 where the kernel does not say. A thread that ended
/// takes its own with it.
double waited_for_a_core() {
    double seconds = 0;
    std::error_code failure;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", failure)) {
        std::ifstream times(thread.path() / "schedstat");
        double ran = 0;
        double waited = 0;  // both in nanoseconds
        if (times >> ran >> waited) seconds += waited * 1e-9;
    }
    return seconds;
}

int most_left_out() { return static_cast<int>(std::thread::hardware_concurrency()) - 1; }

}  // namespace

int mind_the_crowd() {
    struct Watched {
        Mutex mutex;
        Crowd crowd GUARDED_BY(mutex);
        std::optional<ShortWaits> short_waits GUARDED_BY(mutex);
    };
    static Watched watch;
    const MutexLock lock(watch.mutex);
    const Crowd::Time now = std::chrono::steady_clock::now();
    if (watch.crowd.is_due(now)) {
        watch.crowd.add(now, waited_for_a_core(), std::max(0, most_left_out()));
    }
    if (!watch.crowd.is_here(now)) {
        watch.short_waits.reset();
    } else if (!watch.short_waits) {
        watch.short_waits.emplace();
    }
    return watch.crowd.threads_left_out();
}

}  // namespace urial::engine
