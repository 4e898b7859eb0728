#pragma once

// Locks whose use clang proves: a member names the mutex that guards it (GUARDED_BY), a function the one that it wants
// held (REQUIRES), and scripts/check_locks.py has clang refuse whatever touches the one without the other. For other
// compilers the words mean nothing. Every mutex in src/ is one of these.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

#ifdef __clang__
#define THREAD_SAFETY(words) __attribute__((words))
#else
#define THREAD_SAFETY(words)
#endif
/// Of a member: read and written only while the mutex is held.
#define GUARDED_BY(mutex) THREAD_SAFETY(guarded_by(mutex))
/// Of a function or lambda: whoever calls it holds the mutex.
#define REQUIRES(mutex) THREAD_SAFETY(requires_capability(mutex))

namespace urial {

class THREAD_SAFETY(capability("mutex")) Mutex {
public:
    Mutex() = default;
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;

    void lock() THREAD_SAFETY(acquire_capability()) { mutex_.lock(); }
    void unlock() THREAD_SAFETY(release_capability()) { mutex_.unlock(); }

private:
    std::mutex mutex_;
};

/// Holds a mutex to its end, but for what lies between unlock() and lock().
class THREAD_SAFETY(scoped_lockable) MutexLock {
public:
    explicit MutexLock(Mutex& mutex) THREAD_SAFETY(acquire_capability(mutex)) : mutex_(mutex) { lock(); }
    ~MutexLock() THREAD_SAFETY(release_capability()) {
        if (held_) mutex_.unlock();
    }
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

    void lock() THREAD_SAFETY(acquire_capability()) {
        mutex_.lock();
        held_ = true;
    }
    void unlock() THREAD_SAFETY(release_capability()) {
        held_ = false;
        mutex_.unlock();
    }

private:
    Mutex& mutex_;
    bool held_ = false;
};

/// Waits until `predicate` is true of what the mutex guards. The predicate says so itself, since clang looks at each
/// lambda alone: condition.wait(mutex_, [this]() REQUIRES(mutex_) { return done_; }).
class Condition {
public:
    template <typename Predicate>
    void wait(Mutex& mutex, Predicate predicate) REQUIRES(mutex) {
        condition_.wait(mutex, predicate);
    }
    /// The last value of `predicate`: false when `stop` was requested before it was true.
    template <typename Predicate>
    bool wait(Mutex& mutex, const std::stop_token& stop, Predicate predicate) REQUIRES(mutex) {
        return condition_.wait(mutex, stop, predicate);
    }
    /// Likewise, false where the time was over before.
    template <typename Predicate>
    bool wait_for(Mutex& mutex, std::chrono::milliseconds time, Predicate predicate) REQUIRES(mutex) {
        return condition_.wait_for(mutex, time, predicate);
    }
    /// Waits for the whole time, or until `stop` is requested.
    void sleep_for(Mutex& mutex, const std::stop_token& stop, std::chrono::milliseconds time) REQUIRES(mutex) {
        condition_.wait_for(mutex, stop, time, [] { return false; });
    }

    void notify_one() { condition_.notify_one(); }
    void notify_all() { condition_.notify_all(); }

private:
    std::condition_variable_any condition_;
};

}  // namespace urial
