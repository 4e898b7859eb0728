#pragma once

// Threads that wait for servers, and one mailbox for the thread that gives them work: it submits and takes, the others
// know nothing of each other.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace urial::remote {

template <typename Work, typename Result>
class WorkPool {
public:
    /// `work` is called on `threads` threads at most, and ends soon when its stop token says so.
    using Do = std::function<Result(const Work&, const std::stop_token&)>;
    WorkPool(std::size_t threads, Do work) : most_(threads), do_(std::move(work)) {}
    ~WorkPool() { stop(); }
    WorkPool(const WorkPool&) = delete;
    WorkPool& operator=(const WorkPool&) = delete;

    void submit(Work work) {
        ++open_;
        {
            const MutexLock lock(mutex_);
            waiting_.push_back(std::move(work));
        }
        wanted_.notify_one();
        if (threads_.size() < std::min(most_, open_)) {
            threads_.emplace_back([this](const std::stop_token& token) { run(token); });
        }
    }

    /// Submitted and not yet taken.
    std::size_t open() const { return open_; }

    /// What is done, waiting up to `longest` for something. Throws what the work threw, after all that was done
    /// meanwhile has been taken; nothing is open then.
    std::vector<std::pair<Work, Result>> take(std::chrono::milliseconds longest) {
        std::vector<std::pair<Work, Result>> done;
        if (open_ == 0) return done;
        std::exception_ptr thrown;
        {
            MutexLock lock(mutex_);
            arrived_.wait_for(mutex_, longest, [this]() REQUIRES(mutex_) { return !done_.empty() || thrown_; });
            done.swap(done_);
            thrown = thrown_;
        }
        open_ -= done.size();
        if (!thrown || !done.empty()) return done;
        open_ = 0;
        stop();
        std::rethrow_exception(thrown);
    }

private:
    void stop() {
        for (std::jthread& thread : threads_) thread.request_stop();
        threads_.clear();
    }

    void run(const std::stop_token& token) {
        while (!token.stop_requested()) {
            std::vector<Work> one;
            {
                MutexLock lock(mutex_);
                wanted_.wait(mutex_, token, [this]() REQUIRES(mutex_) { return !waiting_.empty() || thrown_; });
                if (thrown_ || waiting_.empty()) return;
                one.push_back(std::move(waiting_.front()));
                waiting_.pop_front();
            }
            std::exception_ptr thrown;
            std::vector<Result> result;
            try {
                result.push_back(do_(one.front(), token));
            } catch (...) {
                thrown = std::current_exception();
            }
            const MutexLock lock(mutex_);
            if (thrown && !thrown_) thrown_ = thrown;
            if (thrown) wanted_.notify_all();
            if (!thrown) done_.emplace_back(std::move(one.front()), std::move(result.front()));
            arrived_.notify_one();
        }
    }

    const std::size_t most_;
    const Do do_;
    std::size_t open_ = 0;
    Mutex mutex_;
    Condition wanted_;
    Condition arrived_;
    std::deque<Work> waiting_ GUARDED_BY(mutex_);
    std::vector<std::pair<Work, Result>> done_ GUARDED_BY(mutex_);
    std::exception_ptr thrown_ GUARDED_BY(mutex_);
    std::vector<std::jthread> threads_;  // last: they use all of the above
};

}  // namespace urial::remote
