#include "serve/answer_desk.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "serve/request_error.h"

namespace urial::serve {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using store::MessageState;

constexpr milliseconds kLaggingPause{10};  // until followers who could take no more are looked at again
constexpr milliseconds kLongestPause{100};
constexpr std::chrono::hours kPurgeEvery{6};
constexpr int kMostFailedSaves = 10;

void end_followers(const std::vector<Follower>& followers, const std::string& last_event) {
    for (const Follower& follower : followers) {
        follower.exchange->send_event(last_event);
        follower.exchange->end();
    }
}

}  // namespace

AnswerDesk::AnswerDesk(store::ConversationStore& store, DeskOptions options)
    : store_(store), options_(std::move(options)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

AnswerDesk::~AnswerDesk() {
    stop_all();
    thread_.request_stop();
    bell_->ring();
}

void AnswerDesk::check_room_locked(const std::string& owner, std::size_t count) const {
    if (is_stopping_) throw Error(ErrorKind::Unavailable, "the server is stopping");
    const auto own = static_cast<std::size_t>(
        std::ranges::count_if(running_, [&](const auto& each) { return each.second->origin().owner == owner; }));
    if (own + count <= options_.running_of_owner && running_.size() + count <= options_.running) return;
    throw RequestError(429, "queue_full", "",
                       fmt::format("{} answers are being written, {} of them yours: at most {} are at a time, and {} "
                                   "of one key",
                                   running_.size(), own, options_.running, options_.running_of_owner));
}

void AnswerDesk::check_room(const std::string& owner, std::size_t count) const {
    const MutexLock lock(mutex_);
    check_room_locked(owner, count);
}

std::shared_ptr<RecordedAnswer> AnswerDesk::begin(RecordedAnswer::Origin origin) {
    origin.event_bytes = options_.event_bytes;
    const MutexLock lock(mutex_);
    check_room_locked(origin.owner, 1);
    std::string message = origin.message;
    auto answer = std::make_shared<RecordedAnswer>(std::move(origin), bell_);
    running_.emplace(std::move(message), answer);
    return answer;
}

void AnswerDesk::forget(const RecordedAnswer& answer) {
    const MutexLock saving(saving_);
    const MutexLock lock(mutex_);
    running_.erase(answer.origin().message);
}

bool AnswerDesk::is_running(const std::string& message) const {
    const MutexLock lock(mutex_);
    return running_.contains(message);
}

AnswerDesk::Answers AnswerDesk::running() const {
    const MutexLock lock(mutex_);
    Answers answers;
    for (const auto& [message, answer] : running_) answers.push_back(answer);
    return answers;
}

void AnswerDesk::stop(const Answers& answers) {
    for (const auto& answer : answers) answer->stop(MessageState::Stopped, std::nullopt);
    if (!answers.empty()) save(/*only_ended=*/true);
}

void AnswerDesk::stop(std::span<const std::string> messages) {
    Answers wanted = running();
    std::erase_if(wanted, [&](const auto& answer) {
        return std::ranges::find(messages, answer->origin().message) == messages.end();
    });
    stop(wanted);
}

void AnswerDesk::stop_conversation(const std::string& conversation) {
    Answers wanted = running();
    std::erase_if(wanted, [&](const auto& answer) { return answer->origin().conversation != conversation; });
    stop(wanted);
}

void AnswerDesk::stop_all() {
    {
        const MutexLock lock(mutex_);
        is_stopping_ = true;
    }
    stop(running());
}

void AnswerDesk::stop_overdue() {
    for (const auto& answer : running()) {
        if (steady_clock::now() - answer->begin() < options_.deadline) continue;
        answer->stop(MessageState::Failed, "the answer took longer than this server lets one take");
    }
}

void AnswerDesk::run(const std::stop_token& stop) {
    steady_clock::time_point next_save = steady_clock::now() + options_.save_every;
    steady_clock::time_point next_purge = steady_clock::now() + kPurgeEvery;
    bool is_lagging = false;
    while (!stop.stop_requested()) {
        std::vector<Follower> lagging;
        bool is_rung = false;
        {
            const MutexLock lock(bell_->mutex);
            const milliseconds wait = is_lagging ? kLaggingPause : std::min(options_.save_every, kLongestPause);
            (void)bell_->rung.wait_for(bell_->mutex, wait, [&]() REQUIRES(bell_->mutex) {
                return bell_->is_rung || (!is_lagging && !bell_->lagging.empty());
            });
            is_rung = std::exchange(bell_->is_rung, false);
            std::swap(lagging, bell_->lagging);
        }
        is_lagging = !lagging.empty();
        for (Follower& follower : lagging) advance(std::move(follower));
        const steady_clock::time_point now = steady_clock::now();
        if (now >= next_save) {
            stop_overdue();
            save(/*only_ended=*/false);
            next_save = now + options_.save_every;
        } else if (is_rung) {
            save(/*only_ended=*/true);
        }
        if (now >= next_purge) {
            next_purge = now + kPurgeEvery;
            try {
                store_.purge();
            } catch (const Error& failure) {
                if (options_.log) options_.log(failure.what());
            }
        }
    }
}

void AnswerDesk::save(bool only_ended) {
    const MutexLock saving(saving_);
    Answers answers;
    std::vector<store::AnswerProgress> progress;
    for (const auto& answer : running()) {
        if (only_ended && !answer->has_ended()) continue;
        std::optional<store::AnswerProgress> news = answer->progress();
        if (!news) continue;
        progress.push_back(std::move(*news));
        answers.push_back(answer);
    }
    if (progress.empty()) return;
    bool is_saved = false;
    try {
        store_.save(progress);
        is_saved = true;
        failed_saves_ = 0;
    } catch (const std::exception& failure) {
        ++failed_saves_;
        if (options_.log) options_.log(fmt::format("answers cannot be saved: {}", failure.what()));
    }
    for (std::size_t i = 0; i < answers.size(); ++i) {
        if (is_saved) answers[i]->saved(progress[i]);
        if (progress[i].state == MessageState::Writing) continue;
        if (is_saved) {
            finish(*answers[i]);
        } else if (failed_saves_ >= kMostFailedSaves) {
            // It is kept here until it can be saved; nobody shall wait for that.
            end_followers(answers[i]->take_followers(),
                          refuse(503, "the answer cannot be kept: is the disk full?").body);
        }
    }
}

void AnswerDesk::finish(const RecordedAnswer& finished) {
    std::shared_ptr<RecordedAnswer> answer;
    {
        const MutexLock lock(mutex_);
        const auto found = running_.find(finished.origin().message);
        if (found == running_.end()) return;
        answer = std::move(found->second);
        running_.erase(found);
    }
    end_followers(answer->close(), "[DONE]");
}

void AnswerDesk::follow(std::string message, std::size_t from, std::shared_ptr<Exchange> exchange) {
    exchange->begin_events();
    advance({.exchange = std::move(exchange), .message = std::move(message), .next = from});
}

bool AnswerDesk::advance_from_store(Follower& follower) {
    const std::optional<store::EventBlock> block = store_.events(follower.message, follower.next);
    if (!block) return false;
    while (follower.next < block->first + block->events.size()) {
        send_event_to(follower, block->events[follower.next - block->first]);
    }
    return true;
}

void AnswerDesk::advance(Follower follower) {
    while (!follower.exchange->is_gone()) {
        if (is_full(follower)) return bell_->leave(std::move(follower));
        std::shared_ptr<RecordedAnswer> answer;
        {
            const MutexLock lock(mutex_);
            const auto found = running_.find(follower.message);
            if (found != running_.end()) answer = found->second;
        }
        const auto given = answer ? answer->give(follower) : RecordedAnswer::Given::Closed;
        if (given == RecordedAnswer::Given::Live) return;
        if (given == RecordedAnswer::Given::Full) continue;
        try {
            if (advance_from_store(follower)) continue;
        } catch (const Error& failure) {
            follower.exchange->send_event(error_reply(failure).body);
            return follower.exchange->end();
        }
        follower.exchange->send_event("[DONE]");
        return follower.exchange->end();
    }
}

}  // namespace urial::serve
