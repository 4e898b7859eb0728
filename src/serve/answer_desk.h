#pragma once

// The answers that the server writes into conversations: it saves what has come of them at least once a second, and
// serves those who follow one, while it is written and afterwards. Thread-safe; one thread of its own.

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "serve/recorded_answer.h"
#include "store/conversation_store.h"

namespace urial::serve {

struct DeskOptions {
    std::size_t running_of_owner = 16;
    std::size_t running = 64;
    std::size_t event_bytes = 16u << 20;  ///< kept of one answer; beyond them only its text
    std::chrono::milliseconds save_every{1'000};
    std::chrono::milliseconds deadline{600'000};  ///< of an answer
    std::function<void(std::string_view)> log;    ///< may be empty
};

class AnswerDesk {
public:
    /// `store` outlives the desk.
    explicit AnswerDesk(store::ConversationStore& store, DeskOptions options = {});
    /// As stop_all().
    ~AnswerDesk();
    AnswerDesk(const AnswerDesk&) = delete;
    AnswerDesk& operator=(const AnswerDesk&) = delete;

    /// Throws RequestError 429 where `count` more would be too many, Error{Unavailable} after stop_all().
    void check_room(const std::string& owner, std::size_t count) const;
    /// Throws as check_room().
    std::shared_ptr<RecordedAnswer> begin(RecordedAnswer::Origin origin);
    /// As if it had not begun. Nothing more is saved of it.
    void forget(const RecordedAnswer& answer);

    /// Sends the events of a message from this one on to the exchange, those that there are and those to come, then
    /// "[DONE]".
    void follow(std::string message, std::size_t from, std::shared_ptr<Exchange> exchange);

    bool is_running(const std::string& message) const;
    /// Ends answers that run, and returns when what they have said is saved.
    void stop(std::span<const std::string> messages);
    void stop_conversation(const std::string& conversation);
    /// The server ends: so does every answer, and none begins.
    void stop_all();

private:
    using Answers = std::vector<std::shared_ptr<RecordedAnswer>>;
    Answers running() const;
    void run(const std::stop_token& stop);
    void stop(const Answers& answers);
    void stop_overdue();
    void advance(Follower follower);
    bool advance_from_store(Follower& follower);
    void save(bool only_ended);
    void finish(const RecordedAnswer& answer);
    void check_room_locked(const std::string& owner, std::size_t count) const REQUIRES(mutex_);

    store::ConversationStore& store_;
    const DeskOptions options_;
    const std::shared_ptr<DeskBell> bell_ = std::make_shared<DeskBell>();
    Mutex saving_;  // held while answers are saved
    int failed_saves_ GUARDED_BY(saving_) = 0;
    mutable Mutex mutex_;
    bool is_stopping_ GUARDED_BY(mutex_) = false;
    std::map<std::string, std::shared_ptr<RecordedAnswer>, std::less<>> running_ GUARDED_BY(mutex_);  // by message
    std::jthread thread_;  // last: it uses all of the above
};

}  // namespace urial::serve
