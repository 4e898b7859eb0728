#include "serve/http_exchange.h"

#include <typeinfo>
#include <utility>

#include "base/error.h"
#include "serve/admission.h"

namespace urial::serve {
void HttpExchange::let_go() {
    reply(internal_error());
    advance(Stage::Streaming, Stage::Ended, [](AnswerSink& sink) { sink.break_off(); });
}

void HttpExchange::reply(HttpResponse response) {
    advance(Stage::Unanswered, Stage::Ended,
            [response = std::move(response)](AnswerSink& sink) mutable { sink.send_reply(std::move(response)); });
}

void HttpExchange::begin_events() {
    advance(Stage::Unanswered, Stage::Streaming, [](AnswerSink& sink) { sink.send_event_head(); });
}

void HttpExchange::send_event(std::string data) {
    const MutexLock lock(mutex_);
    if (stage_ != Stage::Streaming || is_too_much_) return;
    if (event_bytes_ + data.size() > most_unsent_) {
        is_too_much_ = true;
        events_.clear();
        return post_([](AnswerSink& sink) { sink.break_off(); });
    }
    event_bytes_ += data.size();
    events_.push_back(std::move(data));
    if (events_.size() > 1) return;  // its task has been posted and has not run
    post_([self = shared_from_this()](AnswerSink& sink) { self->hand_over_events(sink); });
}

void HttpExchange::hand_over_events(AnswerSink& sink) {
    std::vector<std::string> events;
    {
        const MutexLock lock(mutex_);
        std::swap(events, events_);
        event_bytes_ = 0;
    }
    for (std::string& data : events) sink.send_event_data(std::move(data));
}

void HttpExchange::end() {
    advance(Stage::Streaming, Stage::Ended, [](AnswerSink& sink) { sink.end_events(); });
}

std::size_t HttpExchange::unsent_bytes() const {
    const MutexLock lock(mutex_);
    return event_bytes_ + unwritten_bytes_;
}

bool HttpExchange::is_gone() const {
    const MutexLock lock(mutex_);
    return stage_ == Stage::Gone;
}

bool HttpExchange::has_ended() const {
    const MutexLock lock(mutex_);
    return stage_ == Stage::Ended;
}

void HttpExchange::on_gone(std::function<void()> callback) {
    {
        const MutexLock lock(mutex_);
        if (stage_ == Stage::Ended) return;
        if (stage_ != Stage::Gone) {
            std::swap(on_gone_, callback);
            return;
        }
    }
    callback();
}

void HttpExchange::client_went() {
    std::function<void()> callback;
    {
        const MutexLock lock(mutex_);
        if (stage_ == Stage::Ended || stage_ == Stage::Gone) return;
        stage_ = Stage::Gone;
        events_.clear();
        std::swap(on_gone_, callback);
    }
    if (callback) callback();
}

void HttpExchange::expire() {
    std::function<void()> callback;
    {
        const MutexLock lock(mutex_);
        if (stage_ == Stage::Ended || stage_ == Stage::Gone) return;
        std::swap(on_gone_, callback);
    }
    fail(refuse(504, "the answer took longer than this server lets one take: ask for fewer tokens", "timeout"),
         "deadline");
    if (callback) callback();
}

void HttpExchange::fail(HttpResponse response, std::string failure) {
    const auto note = [failure = std::move(failure)](AnswerSink& sink) { sink.note_failure(failure); };
    std::string event = response.body;
    const auto send = [note, response = std::move(response)](AnswerSink& sink) mutable {
        note(sink);
        sink.send_reply(std::move(response));
    };
    if (advance(Stage::Unanswered, Stage::Ended, send)) return;
    advance(Stage::Streaming, Stage::Ended, [note, event = std::move(event)](AnswerSink& sink) mutable {
        note(sink);
        sink.send_event_data(std::move(event));
        sink.end_events();
    });
}

bool HttpExchange::advance(Stage from, Stage to, Task task) {
    std::function<void()> callback;  // goes after the lock: it may own the last of something that wants it
    {
        const MutexLock lock(mutex_);
        if (stage_ != from) return false;
        stage_ = to;
        if (to == Stage::Ended) std::swap(on_gone_, callback);
        post_(std::move(task));
    }
    return true;
}

void run_handler(const Handler& handler, HttpRequest&& request, const std::shared_ptr<HttpExchange>& exchange) {
    // The connection owns the exchange too: only the end of this pointer's copies says that nobody will answer. Here it
    // lives on while what the handler threw becomes the answer.
    const std::shared_ptr<Exchange> handle(exchange.get(), [exchange](Exchange*) { exchange->let_go(); });
    try {
        handler(std::move(request), handle);
    } catch (const Error& failure) {
        exchange->fail(error_reply(failure), "Error");
    } catch (const std::exception& failure) {
        exchange->fail(internal_error(), typeid(failure).name());
    } catch (...) {
        exchange->fail(internal_error(), "unknown");
    }
}

}  // namespace urial::serve
