#pragma once

// One client's connection: reads requests, has them admitted and handled one after the other, and writes the answers.
// All of it on the server's thread. One read is always pending, so that a client's going is noticed in every phase.
// Includes Boost: only for connection.cpp and http_server.cpp.

#include <array>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "serve/admission.h"
#include "serve/http_exchange.h"

namespace urial::serve {

class Connection;

/// What a connection needs of its server.
class ConnectionOwner {
public:
    virtual ~ConnectionOwner() = default;
    virtual const AdmissionRules& rules() const = 0;
    virtual const Limits& limits() const = 0;
    /// The server wants to end: no further request.
    virtual bool is_draining() const = 0;
    virtual std::string new_request_id() = 0;
    /// On another thread.
    virtual void run_elsewhere(std::function<void()> task) = 0;
    virtual void log(const LogLine& line) = 0;
    /// The last call of each connection.
    virtual void closed(const std::shared_ptr<Connection>& connection) = 0;
};

class Connection final : public AnswerSink, public std::enable_shared_from_this<Connection> {
public:
    using Socket = boost::asio::ip::tcp::socket;
    struct Addresses {
        std::string peer;
        std::string local;
    };

    Connection(Socket socket, Addresses addresses, ConnectionOwner& owner);

    void start();
    /// Instead of start(): answers what comes with `response`, without reading it.
    void start_refused(const HttpResponse& response);
    /// Closes, unless an exchange is under way; else after that.
    void drain();
    /// Now, whatever is under way.
    void close();

    void send_reply(HttpResponse response) override;
    void send_event_head() override;
    void send_event_data(std::string data) override;
    void end_events() override;
    void break_off() override;
    void note_failure(std::string failure) override { line_.failure = std::move(failure); }

private:
    using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
    using Timer = boost::asio::steady_timer;
    enum class Phase {
        Idle,       ///< between two requests
        Header,     ///< a request has begun
        Body,       ///< it has been admitted
        Answering,  ///< it is complete, or refused
        Lingering,  ///< all has been sent; what still comes is thrown away, so that the client gets to read the answer
        Closed,
    };

    void read();
    void on_read(std::size_t bytes);
    void on_end_of_input(bool is_orderly);
    /// The handler has said all.
    bool is_answer_known() const;
    /// Not parsed yet.
    std::string_view input() const;
    void consume(std::size_t bytes);
    /// Parses what is there until a request is complete or bytes are wanted.
    void parse();
    void parse_some();
    void begin_request();
    void on_header();
    RequestHead request_head() const;
    void on_parse_error(const boost::system::error_code& failure);
    void dispatch();
    void refuse_request(const HttpResponse& response, bool closes);

    void queue_head(const HttpResponse& response, bool is_stream);
    void queue(std::string bytes);
    void send(std::string bytes);
    void send_event_bytes(std::string_view event);
    void ping_after_silence();
    void write();
    void on_written();
    void finish_exchange();
    void linger();
    void write_log_line();

    void arm(Timer& timer, Limits::Time time, void (Connection::*then)());
    void on_request_deadline();
    void on_answer_deadline();
    /// What throws ends this connection and nothing else.
    template <typename Action>
    void guarded(Action action);

    Socket socket_;
    const Addresses addresses_;
    ConnectionOwner& owner_;
    Phase phase_ = Phase::Idle;

    std::array<char, 16u << 10> incoming_;  ///< of the pending read
    std::string input_;
    std::size_t input_used_ = 0;  ///< bytes of it that have been parsed
    bool reading_ = false;
    bool input_ended_ = false;
    std::optional<Parser> parser_;
    std::size_t header_bytes_ = 0;  ///< parsed of this request's header
    std::size_t lingered_bytes_ = 0;

    Admission admission_;
    std::shared_ptr<HttpExchange> exchange_;
    LogLine line_;
    std::chrono::steady_clock::time_point request_begin_;
    bool is_http_1_0_ = false;
    bool keeps_connection_ = true;
    bool streams_ = false;
    bool has_served_ = false;  ///< a request before this one
    bool answered_ = false;    ///< all of the answer is in output_ or sent

    std::deque<std::string> output_;
    std::size_t output_bytes_ = 0;
    std::size_t front_sent_ = 0;  ///< bytes of output_.front() that are in block_ or sent
    std::string block_;           ///< being written; empty: nothing is
    std::chrono::steady_clock::time_point last_event_;

    Timer deadline_;
    Timer write_deadline_;
    Timer silence_;
};

}  // namespace urial::serve
