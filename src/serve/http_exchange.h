#pragma once

// The Exchange of a connection: keeps the order that the interface promises, whoever calls, and hands everything to the
// server's thread. It does not keep the connection alive; after client_went() it knows neither it nor the server.

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "serve/http_server.h"

namespace urial::serve {

/// What a connection does with an answer. On the server's thread only.
class AnswerSink {
public:
    virtual ~AnswerSink() = default;
    virtual void send_reply(HttpResponse response) = 0;
    virtual void send_event_head() = 0;
    virtual void send_event_data(std::string data) = 0;
    virtual void end_events() = 0;
    /// The stream cannot go on.
    virtual void break_off() = 0;
    /// For the log.
    virtual void note_failure(std::string failure) = 0;
};

class HttpExchange final : public Exchange, public std::enable_shared_from_this<HttpExchange> {
public:
    using Task = std::function<void(AnswerSink&)>;
    /// Has the task done on the server's thread if the connection is still there then.
    using Post = std::function<void(Task)>;

    /// `unsent_bytes`: of events that the server's thread has not taken yet; beyond that the stream is broken off.
    HttpExchange(Post post, std::size_t unsent_bytes) : post_(std::move(post)), most_unsent_(unsent_bytes) {}

    void reply(HttpResponse response) override;
    void begin_events() override;
    void send_event(std::string data) override;
    void end() override;
    std::size_t unsent_bytes() const override;
    bool is_gone() const override;
    void on_gone(std::function<void()> callback) override;

    /// What the connection has taken from here and not written yet.
    void note_unwritten(std::size_t bytes) { unwritten_bytes_ = bytes; }
    /// Nobody can answer any more.
    void let_go();
    /// reply() or end() was called.
    bool has_ended() const;
    /// Calls what on_gone() was given unless the answer has ended. From then on nothing is posted.
    void client_went();
    /// The answer took too long: fail() with that, then the callback of on_gone(), for nobody wants the rest.
    void expire();
    /// The handler threw: its answer is `response`, in a stream as an event that ends it.
    void fail(HttpResponse response, std::string failure);

private:
    enum class Stage { Unanswered, Streaming, Ended, Gone };

    /// If the stage is `from`: it becomes `to` and the task is posted, under one lock, so that tasks come in the order
    /// of the stages.
    bool advance(Stage from, Stage to, Task task);

    /// On the server's thread.
    void hand_over_events(AnswerSink& sink);

    const Post post_;
    const std::size_t most_unsent_;
    std::atomic<std::size_t> unwritten_bytes_{0};
    mutable Mutex mutex_;
    Stage stage_ GUARDED_BY(mutex_) = Stage::Unanswered;
    std::function<void()> on_gone_ GUARDED_BY(mutex_);
    // One task hands over all events that have come since the last: a handler that is faster than the server's thread
    // shall not fill its queue, in which all others wait.
    std::vector<std::string> events_ GUARDED_BY(mutex_);
    std::size_t event_bytes_ GUARDED_BY(mutex_) = 0;
    bool is_too_much_ GUARDED_BY(mutex_) = false;
};

/// Calls the handler with a pointer whose last copy lets the exchange go; what it throws becomes the reply.
void run_handler(const Handler& handler, HttpRequest&& request, const std::shared_ptr<HttpExchange>& exchange);

}  // namespace urial::serve
