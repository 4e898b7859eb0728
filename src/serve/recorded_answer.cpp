#include "serve/recorded_answer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/json_reader.h"

namespace urial::serve {
namespace {

using store::MessageState;

constexpr std::size_t kMostUntaken = 1u << 20;  // bytes that wait for one follower
constexpr std::size_t kMostFollowers = 64;      // of one answer

std::int64_t milliseconds_between(std::chrono::steady_clock::time_point begin,
                                  std::chrono::steady_clock::time_point end) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(end - begin).count();
}

/// The member of an object; nullptr where there is no such object or member.
const Json* member(const Json* json, const char* name) {
    if (json == nullptr || !json->is_object()) return nullptr;
    const auto found = json->find(name);
    return found == json->end() ? nullptr : &*found;
}

std::string text_of(const Json* json) { return json != nullptr && json->is_string() ? json->get<std::string>() : ""; }

std::string message_of_error(const std::string& body) {
    const auto json = try_parse_json(body);
    const std::string text = json ? text_of(member(member(&*json, "error"), "message")) : std::string();
    return text.empty() ? "the answer was refused" : text;
}

}  // namespace

void DeskBell::ring() {
    const MutexLock lock(mutex);
    is_rung = true;
    rung.notify_all();
}

void DeskBell::leave(Follower follower) {
    const MutexLock lock(mutex);
    lagging.push_back(std::move(follower));
    is_rung = true;
    rung.notify_all();
}

bool is_full(const Follower& follower) { return follower.exchange->unsent_bytes() > kMostUntaken; }

void send_event_to(Follower& follower, const std::string& event) {
    follower.exchange->send_event(fmt::format(R"({{"index":{},"event":{}}})", follower.next, event));
    ++follower.next;
}

RecordedAnswer::RecordedAnswer(Origin origin, std::shared_ptr<DeskBell> bell)
    : origin_(std::move(origin)), bell_(std::move(bell)), text_(origin_.given), facts_(origin_.facts) {}

void RecordedAnswer::append(std::string event) {
    event_bytes_ += event.size();
    const std::size_t index = tail_first_ + tail_.size();
    std::erase_if(followers_, [&](Follower& follower) {
        if (follower.exchange->is_gone()) return true;
        if (follower.next > index) return false;
        if (is_full(follower)) {
            bell_->leave(std::move(follower));
            return true;
        }
        send_event_to(follower, event);
        return false;
    });
    tail_.push_back(std::move(event));
}

void RecordedAnswer::send_event(std::string data) {
    if (data == "[DONE]") return;  // each follower gets its own, when all is saved
    const MutexLock lock(mutex_);
    if (state_ != MessageState::Writing) return;
    if (!first_event_) first_event_ = std::chrono::steady_clock::now();
    if (event_bytes_ + data.size() > origin_.event_bytes) {
        event_bytes_ = origin_.event_bytes;
        beyond_.push_back(std::move(data));
    } else {
        append(std::move(data));
    }
}

void RecordedAnswer::reply(HttpResponse response) {
    std::string reason = message_of_error(response.body);
    {
        const MutexLock lock(mutex_);
        if (state_ == MessageState::Writing && !first_event_) refusal_ = std::move(response);
    }
    finish(MessageState::Failed, std::move(reason));
}

void RecordedAnswer::end() { finish(MessageState::Done, std::nullopt); }

void RecordedAnswer::finish(MessageState state, std::optional<std::string> reason) {
    std::function<void()> unused;  // goes after the lock: it may own the last of something that wants it
    {
        const MutexLock lock(mutex_);
        if (state_ != MessageState::Writing) return;
        state_ = state;
        reason_ = std::move(reason);
        end_ = std::chrono::steady_clock::now();
        std::swap(on_gone_, unused);
    }
    bell_->ring();
}

void RecordedAnswer::stop(MessageState state, std::optional<std::string> reason) {
    std::function<void()> callback;
    {
        const MutexLock lock(mutex_);
        if (state_ != MessageState::Writing) return;
        is_unwanted_ = true;
        std::swap(on_gone_, callback);
    }
    finish(state, std::move(reason));
    if (callback) callback();
}

bool RecordedAnswer::is_gone() const {
    const MutexLock lock(mutex_);
    return is_unwanted_ && state_ == MessageState::Stopped;
}

void RecordedAnswer::on_gone(std::function<void()> callback) {
    {
        const MutexLock lock(mutex_);
        if (!is_unwanted_) {
            if (state_ == MessageState::Writing) std::swap(on_gone_, callback);
            return;
        }
    }
    callback();
}

bool RecordedAnswer::has_ended() const {
    const MutexLock lock(mutex_);
    return state_ != MessageState::Writing;
}

std::optional<HttpResponse> RecordedAnswer::refusal() const {
    const MutexLock lock(mutex_);
    return refusal_;
}

RecordedAnswer::Given RecordedAnswer::give(Follower& follower) {
    const MutexLock lock(mutex_);
    if (is_closed_) return Given::Closed;
    if (follower.next < tail_first_) return Given::Earlier;
    while (follower.next < tail_first_ + tail_.size()) {
        if (is_full(follower)) return Given::Full;
        send_event_to(follower, tail_[follower.next - tail_first_]);
    }
    std::erase_if(followers_, [](const Follower& other) { return other.exchange->is_gone(); });
    if (followers_.size() >= kMostFollowers) {
        followers_.front().exchange->end();
        followers_.erase(followers_.begin());
    }
    followers_.push_back(follower);
    return Given::Live;
}

void RecordedAnswer::read(const std::string& event) {
    const auto json = try_parse_json(event);
    if (!json) return;
    const Json* const whole = &*json;
    if (const Json* failure = member(whole, "error")) failure_ = text_of(member(failure, "message"));
    for (const char* name : {"model", "aligned"}) {
        if (std::string model = text_of(member(whole, name)); !model.empty()) facts_.model = std::move(model);
    }
    const Json* choices = member(whole, "choices");
    const Json* choice = choices != nullptr && choices->is_array() && !choices->empty() ? &choices->front() : whole;
    text_ += text_of(member(choice, "text"));
    text_ += text_of(member(member(choice, "delta"), "content"));
    if (std::string reason = text_of(member(choice, "finish_reason")); !reason.empty()) {
        facts_.finish_reason = std::move(reason);
    }
    if (member(whole, "token") != nullptr) facts_.tokens = facts_.tokens.value_or(0) + 1;
    const Json* usage = member(whole, "usage");
    const auto count = [&](const char* name, std::optional<std::int64_t>& target) {
        if (const Json* value = member(usage, name); value != nullptr && value->is_number_integer()) {
            target = value->get<std::int64_t>();
        }
    };
    count("completion_tokens", facts_.tokens);
    count("prompt_tokens", facts_.prompt_tokens);
}

std::optional<store::AnswerProgress> RecordedAnswer::progress() {
    store::AnswerProgress progress{.message = origin_.message};
    std::vector<std::string> beyond;
    {
        const MutexLock lock(mutex_);
        progress.first_event = tail_first_;
        progress.events.assign(tail_.begin(), tail_.end());
        std::swap(beyond, beyond_);
        progress.state = state_;
        progress.error = reason_;
        if (first_event_) facts_.first_token_ms = milliseconds_between(begin_, *first_event_);
        if (end_) facts_.ms = milliseconds_between(begin_, *end_);
    }
    for (std::size_t i = 0; i < progress.events.size(); ++i) {
        if (progress.first_event + i < read_) continue;
        read(progress.events[i]);
        ++read_;
    }
    if (!beyond.empty()) {
        const std::size_t before = text_.size();
        for (const std::string& event : beyond) read(event);
        std::string event = json_text({{"truncated", true}, {"text", text_.substr(before)}});
        progress.events.push_back(event);
        ++read_;
        const MutexLock lock(mutex_);
        append(std::move(event));
    }
    const bool is_over = progress.state != MessageState::Writing;
    if (progress.events.empty() && (!is_over || is_final_)) return std::nullopt;
    if (progress.state == MessageState::Done && !failure_.empty()) {
        progress.state = MessageState::Failed;
        progress.error = failure_;
    }
    progress.content = text_;
    progress.answer = json_text(facts_json(facts_));
    return progress;
}

void RecordedAnswer::saved(const store::AnswerProgress& progress) {
    is_final_ = progress.state != MessageState::Writing;
    const MutexLock lock(mutex_);
    tail_.erase(tail_.begin(), tail_.begin() + static_cast<std::ptrdiff_t>(progress.events.size()));
    tail_first_ += progress.events.size();
}

std::vector<Follower> RecordedAnswer::take_followers() {
    const MutexLock lock(mutex_);
    return std::exchange(followers_, {});
}

std::vector<Follower> RecordedAnswer::close() {
    const MutexLock lock(mutex_);
    is_closed_ = true;
    return std::exchange(followers_, {});
}

std::shared_ptr<Exchange> writing_end(const std::shared_ptr<RecordedAnswer>& answer) {
    return {answer.get(), [answer](Exchange*) { answer->let_go(); }};
}

}  // namespace urial::serve
