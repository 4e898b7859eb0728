#pragma once

// An engine thread: it owns a session and its scheduler, and runs the requests that other threads send. What a request
// says is put into its mailbox, and read there by whoever waits for it: nobody who reads slowly keeps an answer
// waiting.

#include <atomic>
#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "engine/engine.h"
#include "generate/generate.h"

namespace urial::generate {

/// A request that a Worker has taken.
class Handle {
public:
    /// Thread-safe. The request ends as Cancelled before the engine's next step, if it has not ended yet.
    void cancel() { is_cancelled_ = true; }

private:
    friend class Worker;
    bool is_cancelled() const { return is_cancelled_; }
    std::atomic<bool> is_cancelled_{false};
};

/// Where the text and the result of one request arrive. Thread-safe.
class Mailbox {
public:
    /// Waits for text that is new since the last call, or for the end: then the rest, and at last an empty text.
    std::string next_text();
    /// Waits for the end, and takes the result.
    Result result();
    /// Nobody reads any more: the request ends soon, as Cancelled.
    void cancel() { handle_->cancel(); }

private:
    friend class Worker;
    void put(std::string_view text);
    void close(Result&& result);

    std::shared_ptr<Handle> handle_;  // set before anybody can read
    Mutex mutex_;
    Condition changed_;
    std::string text_ GUARDED_BY(mutex_);
    std::optional<Result> result_ GUARDED_BY(mutex_);
    bool has_ended_ GUARDED_BY(mutex_) = false;
};

class Worker {
public:
    /// Requests that wait, beyond those that run; one more is refused.
    static constexpr std::size_t kMostWaiting = 1024;

    /// Throws what Model::new_session() throws.
    Worker(std::shared_ptr<const engine::Model> model, engine::SessionOptions options,
           std::size_t most_waiting = kMostWaiting);
    /// Ends what runs and what waits as Cancelled.
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Thread-safe, like what follows. First come, first served, whatever their prompts. The request's callbacks run on
    /// the engine's thread: they must not block, throw, or call pin(). What is wrong with the request arrives as
    /// FinishReason::Failed. Throws Error{Unavailable} where too many wait.
    std::shared_ptr<Handle> post(Request request);
    /// The same, but the request's callbacks are not used.
    std::shared_ptr<Mailbox> submit(Request request);

    /// Waits until the session has the tokens as a prefix that stays, for a constant prompt of many requests. Throws
    /// what Session::pin() throws; Error{ContextFull} also where the running requests leave no room.
    void pin(std::vector<Token> tokens);

    /// Ends what runs and what waits, and all that comes later, as Cancelled.
    void interrupt();

    /// Of requests that have not ended.
    std::size_t load() const { return load_; }

private:
    struct Job {
        Request request;
        std::shared_ptr<Handle> handle;
    };
    struct Pin {
        std::vector<Token> tokens;
        std::promise<void> done;
    };
    struct Running {
        Ticket ticket = 0;
        std::shared_ptr<Handle> handle;
        std::function<void(Result&&)> on_done;
        std::optional<Error> failure;  ///< that it is to end with
    };
    void run();
    void start(Job job);
    void provide(std::span<Pin> pins, bool stops);
    void step();
    void end_unwanted();
    void finish(const std::shared_ptr<Running>& ended, Result&& result);

    std::atomic<bool> is_interrupted_{false};  // first: the session asks for it while it computes
    std::shared_ptr<const engine::Model> model_;
    std::unique_ptr<engine::Session> session_;
    Scheduler scheduler_;
    std::vector<std::shared_ptr<Running>> running_;  // of the thread alone

    const std::size_t most_load_;
    std::atomic<std::size_t> load_{0};
    Mutex mutex_;
    Condition changed_;
    std::vector<Job> inbox_ GUARDED_BY(mutex_);
    std::vector<Pin> pins_ GUARDED_BY(mutex_);
    bool is_stopping_ GUARDED_BY(mutex_) = false;

    std::thread thread_;  // last: it uses all of the above
};

}  // namespace urial::generate
