#pragma once

// Compares answers under two models, one request after the other, on a thread of its own.

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/mutex.h"
#include "shift/score.h"

namespace urial::serve {

class ShiftDesk {
public:
    struct Job {
        shift::Side base;
        shift::Side aligned;
        shift::ShiftItem item;
        shift::ScoreOptions options;
        /// All are called on the desk's thread. One of the last two ends the job.
        std::function<void(const shift::PositionStats&)> on_position;
        std::function<void(shift::ScoredAnswer&&)> on_done;
        std::function<void(const Error&)> on_failure;
        std::shared_ptr<std::atomic<bool>> is_unwanted = std::make_shared<std::atomic<bool>>(false);
    };

    /// Jobs that wait, beyond the one under way; one more is refused.
    static constexpr std::size_t kMostWaiting = 16;

    ShiftDesk();
    /// What is under way or waits ends with a failure.
    ~ShiftDesk();
    ShiftDesk(const ShiftDesk&) = delete;
    ShiftDesk& operator=(const ShiftDesk&) = delete;

    /// Thread-safe. Throws Error{Unavailable} where too many wait.
    void submit(Job job);

private:
    void run();
    void carry_out(Job& job);
    const shift::Scorer& scorer_of(const Job& job);

    /// Of the thread alone: two vocabularies are compared once.
    std::map<std::string, std::unique_ptr<shift::Scorer>> scorers_;
    std::atomic<bool> is_stopping_{false};
    Mutex mutex_;
    Condition changed_;
    std::deque<Job> jobs_ GUARDED_BY(mutex_);
    std::thread thread_;  // last: it uses all of the above
};

}  // namespace urial::serve
