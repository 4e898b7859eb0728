#include "serve/connection.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>

#include "base/text.h"
#include "serve/http_output.h"

namespace urial::serve {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kWriteBytes = 64u << 10;  // for each of which Limits::write_deadline holds
constexpr std::size_t kLingerBytes = 16u << 20;
constexpr Limits::Time kLinger{1'000};

std::string text_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Connection::Connection(Socket socket, Addresses addresses, ConnectionOwner& owner)
    : socket_(std::move(socket)),
      addresses_(std::move(addresses)),
      owner_(owner),
      deadline_(socket_.get_executor()),
      write_deadline_(socket_.get_executor()),
      silence_(socket_.get_executor()) {}

template <typename Action>
void Connection::guarded(Action action) {
    if (phase_ == Phase::Closed) return;
    try {
        action();
    } catch (const std::exception&) {
        close();
    }
}

void Connection::start() {
    guarded([&] {
        boost::system::error_code ignored;
        socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
        socket_.set_option(asio::socket_base::keep_alive(true), ignored);
        arm(deadline_, owner_.limits().header_deadline, &Connection::on_request_deadline);
        read();
    });
}

void Connection::start_refused(const HttpResponse& response) {
    guarded([&] {
        begin_request();
        refuse_request(response, true);
        read();
    });
}

void Connection::drain() {
    if (phase_ != Phase::Answering && phase_ != Phase::Lingering) close();
}

void Connection::close() {
    if (phase_ == Phase::Closed) return;
    const bool was_answering = phase_ == Phase::Answering;
    phase_ = Phase::Closed;
    const std::shared_ptr<Connection> self = shared_from_this();
    boost::system::error_code ignored;
    socket_.close(ignored);
    for (Timer* timer : {&deadline_, &write_deadline_, &silence_}) timer->cancel();
    output_.clear();
    if (exchange_) {
        try {
            exchange_->client_went();
        } catch (const std::exception& failure) {
            line_.failure = typeid(failure).name();
        }
    }
    if (was_answering) write_log_line();
    owner_.closed(self);
}

// Deadlines

void Connection::arm(Timer& timer, Limits::Time time, void (Connection::*then)()) {
    timer.expires_after(time);
    timer.async_wait([self = shared_from_this(), &timer, then](const boost::system::error_code& failure) {
        // Set anew meanwhile: this is an earlier wait, whose end was already on its way.
        if (failure || timer.expiry() > Clock::now()) return;
        self->guarded([&] { (self.get()->*then)(); });
    });
}

void Connection::on_request_deadline() {
    if (phase_ == Phase::Idle) return close();
    refuse_request(refuse(408, phase_ == Phase::Body ? "the body took too long" : "the header took too long"), true);
}

// Reading

void Connection::read() {
    if (phase_ == Phase::Closed || reading_ || input_ended_) return;
    reading_ = true;
    socket_.async_read_some(asio::buffer(incoming_),
                            [self = shared_from_this()](const boost::system::error_code& failure, std::size_t bytes) {
                                self->reading_ = false;
                                self->guarded([&] {
                                    if (failure) {
                                        self->on_end_of_input(failure == asio::error::eof);
                                    } else {
                                        self->on_read(bytes);
                                    }
                                });
                            });
}

void Connection::on_read(std::size_t bytes) {
    if (phase_ == Phase::Lingering) {
        lingered_bytes_ += bytes;
        if (lingered_bytes_ > kLingerBytes) return close();
    } else {
        input_.append(incoming_.data(), bytes);
        parse();
        // A request that is answered may have one of full size waiting behind it. No more is held, and what is not read
        // could hide that the client has gone.
        if (input().size() > owner_.limits().header_bytes + owner_.limits().body_bytes) return close();
    }
    read();
}

void Connection::on_end_of_input(bool is_orderly) {
    input_ended_ = true;
    // A client may close its side when it has asked. Nobody can tell whether it waits for the answer: it gets what is
    // ready now.
    if (!is_orderly || phase_ != Phase::Answering || !is_answer_known()) close();
}

bool Connection::is_answer_known() const { return !exchange_ || exchange_->has_ended(); }

std::string_view Connection::input() const { return std::string_view(input_).substr(input_used_); }

void Connection::consume(std::size_t bytes) {
    input_used_ += bytes;
    // Seldom, as what is left moves: a client may send many small requests at once.
    if (input_used_ < input_.size() && input_used_ < input_.size() / 2 + incoming_.size()) return;
    input_.erase(0, input_used_);
    input_used_ = 0;
    if (input_.empty()) input_.shrink_to_fit();
}

void Connection::parse() {
    while (!input().empty() && (phase_ == Phase::Idle || phase_ == Phase::Header || phase_ == Phase::Body)) {
        if (phase_ == Phase::Idle) {
            begin_request();
            phase_ = Phase::Header;
        }
        const std::size_t before = input().size();
        const Phase phase = phase_;
        parse_some();
        if (input().size() == before && phase_ == phase) return;
    }
    if (input_ended_ && phase_ != Phase::Answering && phase_ != Phase::Lingering) close();
}

void Connection::parse_some() {
    boost::system::error_code failure;
    const std::size_t used = parser_->put(asio::buffer(input()), failure);
    consume(used);
    if (phase_ == Phase::Header) header_bytes_ += used;
    const bool wants_more = failure == http::error::need_more;
    // Of a body, what is not used yet is the line before a chunk or behind the last.
    const std::size_t unused = wants_more ? input().size() : 0;
    if ((phase_ == Phase::Header ? header_bytes_ : 0) + unused > owner_.limits().header_bytes) {
        return refuse_request(refuse(431, fmt::format("the header is too large: at most {} bytes are accepted",
                                                      owner_.limits().header_bytes)),
                              true);
    }
    if (failure && !wants_more) return on_parse_error(failure);
    if (phase_ == Phase::Header && parser_->is_header_done()) return on_header();
    if (phase_ == Phase::Body && parser_->is_done()) dispatch();
}

void Connection::begin_request() {
    parser_.emplace();
    // Both limits are kept here: the parser's own hold for parts of a header, and before a request is admitted.
    parser_->header_limit(static_cast<std::uint32_t>(owner_.limits().header_bytes + incoming_.size()));
    parser_->body_limit(boost::none);
    header_bytes_ = 0;
    admission_ = {};
    line_ = {.request_id = owner_.new_request_id()};
    request_begin_ = Clock::now();
    is_http_1_0_ = false;
    keeps_connection_ = streams_ = answered_ = false;
    if (has_served_) arm(deadline_, owner_.limits().header_deadline, &Connection::on_request_deadline);
}

RequestHead Connection::request_head() const {
    const auto& message = parser_->get();
    RequestHead head{.method = text_of(message.method_string()),
                     .target = text_of(message.target()),
                     .is_http_1_0 = message.version() == 10,
                     .local_address = addresses_.local};
    for (const auto& field : message) {
        head.fields.emplace_back(lower_ascii(text_of(field.name_string())), text_of(field.value()));
    }
    return head;
}

void Connection::on_header() {
    const RequestHead head = request_head();
    is_http_1_0_ = head.is_http_1_0;
    admission_ = owner_.rules().admit(head);
    if (admission_.route) {
        line_.method = admission_.route->method;
        line_.route = admission_.route->path;
    }
    line_.client = admission_.request.client;
    keeps_connection_ = parser_->keep_alive();
    if (admission_.refusal) return refuse_request(*admission_.refusal, admission_.must_close);
    if (!admission_.has_body) return dispatch();
    phase_ = Phase::Body;
    arm(deadline_, owner_.limits().body_deadline, &Connection::on_request_deadline);
    parser_->body_limit(admission_.most_body_bytes);
    parser_->eager(true);
    if (admission_.expects_continue && input().empty()) send("HTTP/1.1 100 Continue\r\n\r\n");
}

void Connection::on_parse_error(const boost::system::error_code& failure) {
    if (failure == http::error::body_limit) return refuse_request(body_too_large(admission_.most_body_bytes), true);
    if (failure == http::error::bad_version)
        return refuse_request(refuse(400, "only HTTP/1.0 and HTTP/1.1 are served"), true);
    refuse_request(refuse(400, "this is not HTTP"), true);
}

void Connection::dispatch() {
    HttpRequest request = std::move(admission_.request);
    request.body = std::move(parser_->get().body());
    request.peer = addresses_.peer;
    request.id = line_.request_id;
    line_.request_bytes = request.body.size();
    parser_.reset();
    phase_ = Phase::Answering;
    deadline_.cancel();
    const Route& route = *admission_.route;
    if (input_ended_ && !route.is_quick) return close();  // its going could not be noticed

    exchange_ = std::make_shared<HttpExchange>(
        [weak = weak_from_this(), executor = socket_.get_executor()](HttpExchange::Task task) {
            asio::post(executor, [weak, task = std::move(task)] {
                if (const std::shared_ptr<Connection> self = weak.lock()) self->guarded([&] { task(*self); });
            });
        },
        owner_.limits().unsent_bytes);
    if (route.is_quick) return run_handler(route.handler, std::move(request), exchange_);
    arm(deadline_, owner_.limits().answer_deadline, &Connection::on_answer_deadline);
    // std::function copies what it holds: a request's body is not for that.
    auto shared = std::make_shared<HttpRequest>(std::move(request));
    owner_.run_elsewhere(
        [&route, shared, exchange = exchange_] { run_handler(route.handler, std::move(*shared), exchange); });
}

void Connection::on_answer_deadline() {
    if (exchange_) exchange_->expire();
}

void Connection::refuse_request(const HttpResponse& response, bool closes) {
    phase_ = Phase::Answering;
    deadline_.cancel();
    parser_.reset();
    keeps_connection_ = keeps_connection_ && !closes;
    send_reply(response);
}

// Answering

void Connection::send_reply(HttpResponse response) {
    if (phase_ != Phase::Answering) return;
    queue_head(response, false);
    answered_ = true;
    if (!admission_.is_head && has_body(response.status)) {
        line_.response_bytes = response.body.size();
        queue(std::move(response.body));
    }
    write();
}

void Connection::send_event_head() {
    if (phase_ != Phase::Answering) return;
    streams_ = true;
    last_event_ = Clock::now();
    queue_head({.content_type = "text/event-stream; charset=utf-8"}, true);
    write();
    ping_after_silence();
}

void Connection::send_event_data(std::string data) {
    if (phase_ != Phase::Answering) return;
    const std::string event = event_text(data);
    line_.response_bytes += event.size();
    last_event_ = Clock::now();
    send_event_bytes(event);
}

void Connection::end_events() {
    if (phase_ != Phase::Answering) return;
    silence_.cancel();
    answered_ = true;
    send(is_http_1_0_ || admission_.is_head ? std::string() : std::string(kLastChunk));
}

void Connection::break_off() { close(); }

void Connection::queue_head(const HttpResponse& response, bool is_stream) {
    line_.status = response.status;
    keeps_connection_ = keeps_connection_ && !owner_.is_draining() && !(is_stream && is_http_1_0_);
    queue(response_head(response, {.is_http_1_0 = is_http_1_0_,
                                   .keeps_connection = keeps_connection_,
                                   .is_stream = is_stream,
                                   .request_id = line_.request_id,
                                   .cors_origin = admission_.cors_origin}));
}

void Connection::send_event_bytes(std::string_view event) {
    if (admission_.is_head) return;
    if (output_bytes_ + event.size() > owner_.limits().unsent_bytes) return close();
    send(is_http_1_0_ ? std::string(event) : chunk(event));
}

void Connection::ping_after_silence() {
    if (phase_ != Phase::Answering || !streams_ || answered_) return;
    const Clock::time_point due = last_event_ + owner_.limits().ping_after;
    if (due <= Clock::now()) {
        last_event_ = Clock::now();
        send_event_bytes(":\n\n");
    }
    if (phase_ == Phase::Answering) {
        const auto wait = last_event_ + owner_.limits().ping_after - Clock::now();
        arm(silence_, std::chrono::ceil<Limits::Time>(wait), &Connection::ping_after_silence);
    }
}

void Connection::queue(std::string bytes) {
    output_bytes_ += bytes.size();
    output_.push_back(std::move(bytes));
    if (exchange_) exchange_->note_unwritten(output_bytes_);
}

void Connection::send(std::string bytes) {
    queue(std::move(bytes));
    write();
}

void Connection::write() {
    if (!block_.empty()) return;
    while (!output_.empty() && block_.size() < kWriteBytes) {
        const std::string& front = output_.front();
        const std::size_t bytes = std::min(kWriteBytes - block_.size(), front.size() - front_sent_);
        block_.append(front, front_sent_, bytes);
        front_sent_ += bytes;
        if (front_sent_ == front.size()) {
            output_.pop_front();
            front_sent_ = 0;
        }
    }
    if (block_.empty()) {
        if (answered_) finish_exchange();
        return;
    }
    arm(write_deadline_, owner_.limits().write_deadline, &Connection::close);
    asio::async_write(socket_, asio::buffer(block_),
                      [self = shared_from_this()](const boost::system::error_code& failure, std::size_t) {
                          self->guarded([&] {
                              if (failure) return self->close();
                              self->on_written();
                          });
                      });
}

void Connection::on_written() {
    write_deadline_.cancel();
    output_bytes_ -= block_.size();
    block_.clear();
    if (exchange_) exchange_->note_unwritten(output_bytes_);
    write();
}

void Connection::finish_exchange() {
    if (phase_ != Phase::Answering) return;
    write_log_line();
    exchange_.reset();
    has_served_ = true;
    answered_ = streams_ = false;
    if (!keeps_connection_ || owner_.is_draining()) return linger();
    phase_ = Phase::Idle;
    arm(deadline_, owner_.limits().idle_deadline, &Connection::on_request_deadline);
    parse();
    read();
}

void Connection::linger() {
    phase_ = Phase::Lingering;
    boost::system::error_code failure;
    socket_.shutdown(Socket::shutdown_send, failure);
    if (failure || input_ended_) return close();
    consume(input().size());
    arm(deadline_, std::min(kLinger, owner_.limits().write_deadline), &Connection::close);
    read();
}

void Connection::write_log_line() {
    line_.time = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - request_begin_);
    owner_.log(line_);
}

}  // namespace urial::serve
