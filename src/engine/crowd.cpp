// A step of a small model is some hundred operations of 10 to 100 us, and after each the threads wait for each other.
// OpenMP's (libgomp's) spin meanwhile, for 5 ms before they sleep. Alone on the machine that is right: to sleep and to
// be woken costs more than the wait. Beside another busy process it is wrong. One of our threads is then often off its
// core, for the milliseconds of a time slice, and the other one spends them spinning: it uses up the time that the
// scheduler owes us, and keeps a core from the thread that it waits for. A third of the speed is left where two thirds
// would be fair.
//
// So the waits are long while we are alone and short while we are not. Whether we are, the kernel tells: it counts how
// often it took the core from a thread that wanted to go on.
//
// libgomp reads how long to spin before main, but has a rule of its own (its manual, GOMP_SPINCOUNT): while there are
// more OpenMP threads than CPUs it spins 100 times, which are 2 us. We make use of that: in a crowd one more team
// exists, whose threads sleep. The rule never makes longer what OMP_WAIT_POLICY or GOMP_SPINCOUNT has made short. Other
// OpenMP libraries do not know it; there the team is without effect.

#include "engine/crowd.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include <sys/resource.h>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace urial::engine {

bool Crowd::is_here(Time now, long preemptions) {
    if (!started_) {
        started_ = true;
        window_ = until_ = now;
        preemptions_ = preemptions;
    }
    const std::chrono::duration<double> window = now - window_;
    if (window >= kWindow) {
        if (static_cast<double>(preemptions - preemptions_) >= kOften * window.count()) until_ = now + kMemory;
        window_ = now;
        preemptions_ = preemptions;
    }
    return now < until_;
}

/// More threads than there are CPUs, whatever the engine has.
class ShortWaits::SleepingTeam {
public:
    SleepingTeam() : owner_([this] { sleep(); }) {}
    ~SleepingTeam() {
        {
            const std::lock_guard lock(mutex_);
            done_ = true;
        }
        wake_.notify_all();
    }
    SleepingTeam(const SleepingTeam&) = delete;
    SleepingTeam& operator=(const SleepingTeam&) = delete;

private:
    void sleep() {
        const auto rest = [this] {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return done_; });
        };
#ifdef _OPENMP
#pragma omp parallel num_threads(omp_get_num_procs() + 1)  // all but the first are counted
#endif
        rest();
    }

    std::mutex mutex_;  // guards done_
    std::condition_variable wake_;
    bool done_ = false;
    std::jthread owner_;  // the last member: it uses the others, and is joined first
};

ShortWaits::ShortWaits() : team_(std::make_unique<SleepingTeam>()) {}
ShortWaits::~ShortWaits() = default;

void mind_the_crowd() {
    struct Watched {
        std::mutex mutex;  // guards the others
        Crowd crowd;
        std::optional<ShortWaits> short_waits;
    };
    static Watched watch;
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const std::lock_guard lock(watch.mutex);
    if (!watch.crowd.is_here(std::chrono::steady_clock::now(), usage.ru_nivcsw)) {
        watch.short_waits.reset();
    } else if (!watch.short_waits) {
        watch.short_waits.emplace();
    }
}

}  // namespace urial::engine
