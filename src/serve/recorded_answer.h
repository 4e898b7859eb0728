#pragma once

// The Exchange of an answer that the server writes into a conversation, whether or not anybody listens: it keeps the
// events that an endpoint sends, and hands them on to any number of followers. Thread-safe, but for what says
// otherwise. It may outlive its desk.

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "serve/answer_facts.h"
#include "serve/http_server.h"
#include "store/conversation_store.h"

namespace urial::serve {

/// A client that reads an answer's events from some place on.
struct Follower {
    std::shared_ptr<Exchange> exchange;
    std::string message;
    std::size_t next = 0;  ///< the event that it gets next
};

/// How answers call the thread that cares for them.
struct DeskBell {
    Mutex mutex;
    Condition rung;
    bool is_rung GUARDED_BY(mutex) = false;
    std::vector<Follower> lagging GUARDED_BY(mutex);  ///< who could take no more for now

    void ring();
    void leave(Follower follower);
};

/// Has the follower taken all that it should for now?
bool is_full(const Follower& follower);
/// {"index": N, "event": ...}; the follower's next event is the one behind it.
void send_event_to(Follower& follower, const std::string& event);

class RecordedAnswer final : public Exchange {
public:
    struct Origin {
        std::string owner;
        std::string conversation;
        std::string message;
        std::string given;  ///< how the message begins: the answer goes on from there
        AnswerFacts facts;
        std::size_t event_bytes = 0;  ///< the most that are kept
    };
    RecordedAnswer(Origin origin, std::shared_ptr<DeskBell> bell);

    const Origin& origin() const { return origin_; }
    std::chrono::steady_clock::time_point begin() const { return begin_; }

    void reply(HttpResponse response) override;
    void begin_events() override {}
    void send_event(std::string data) override;
    void end() override;
    std::size_t unsent_bytes() const override { return 0; }
    bool is_gone() const override;
    void on_gone(std::function<void()> callback) override;

    /// Nobody will say any more.
    void let_go() { finish(store::MessageState::Failed, "the server failed at this answer"); }
    /// Whoever writes it is told that nobody wants the rest. Nothing happens where it has ended.
    void stop(store::MessageState state, std::optional<std::string> reason);
    bool has_ended() const;
    /// What it was refused with before it had begun.
    std::optional<HttpResponse> refusal() const;

    enum class Given {
        Live,     ///< it is the follower's turn at each new event
        Full,     ///< the follower cannot take more for now
        Earlier,  ///< its next event is not held here any more: the store has it
        Closed,   ///< the answer has ended, and is in the store
    };
    /// Sends what is held, and keeps the follower where it is Live then.
    Given give(Follower& follower);

    // Of one thread at a time:

    /// What there is to be saved; nullopt: nothing new.
    std::optional<store::AnswerProgress> progress();
    /// That is on the disk.
    void saved(const store::AnswerProgress& progress);
    /// Those that are Live go.
    std::vector<Follower> take_followers();
    /// The same, and no more are taken.
    std::vector<Follower> close();

private:
    void finish(store::MessageState state, std::optional<std::string> reason);
    void append(std::string event) REQUIRES(mutex_);
    void read(const std::string& event);

    const Origin origin_;
    const std::shared_ptr<DeskBell> bell_;
    const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();

    mutable Mutex mutex_;
    std::deque<std::string> tail_ GUARDED_BY(mutex_);     // events that are not saved yet
    std::size_t tail_first_ GUARDED_BY(mutex_) = 0;       // index of the first
    std::size_t event_bytes_ GUARDED_BY(mutex_) = 0;      // of all so far
    std::vector<std::string> beyond_ GUARDED_BY(mutex_);  // events of which only the text will be kept
    std::vector<Follower> followers_ GUARDED_BY(mutex_);
    std::optional<std::chrono::steady_clock::time_point> first_event_ GUARDED_BY(mutex_);
    std::optional<std::chrono::steady_clock::time_point> end_ GUARDED_BY(mutex_);
    store::MessageState state_ GUARDED_BY(mutex_) = store::MessageState::Writing;
    std::optional<std::string> reason_ GUARDED_BY(mutex_);
    std::optional<HttpResponse> refusal_ GUARDED_BY(mutex_);
    std::function<void()> on_gone_ GUARDED_BY(mutex_);
    bool is_unwanted_ GUARDED_BY(mutex_) = false;
    bool is_closed_ GUARDED_BY(mutex_) = false;

    // Of progress():
    std::size_t read_ = 0;  // events
    std::string text_;
    AnswerFacts facts_;
    std::string failure_;
    bool is_final_ = false;  // its end is saved
};

/// For whoever writes the answer: where the last copy goes without an end, it ends as failed.
std::shared_ptr<Exchange> writing_end(const std::shared_ptr<RecordedAnswer>& answer);

}  // namespace urial::serve
