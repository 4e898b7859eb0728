#pragma once

// The HTTP/1.1 server under the API: connections, limits, deadlines, who may ask, routes, replies and streams of
// events. One thread (that of run()) does all of it; handlers run on a few others. It knows nothing of models.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace urial::serve {

struct HttpRequest {
    std::string method;
    std::string path;   ///< percent-decoded
    std::string query;  ///< as it was sent, without the "?"
    std::map<std::string, std::string>
        headers;  ///< names in lower case; several of one name joined by ", "; without Authorization
    std::string body;
    std::string peer;                          ///< the client's address, without a port
    std::map<std::string, std::string> parts;  ///< of the route's {name}, percent-decoded
    std::string client;  ///< which API key: a short hash of it; empty where the server asks for none
    std::string id;      ///< of this request, random; the client sees it as x-request-id
};

struct HttpResponse {
    int status = 200;
    std::string body;
    std::string content_type = "application/json";
    /// Names and values are ours: a header with a control character in it is left out.
    std::vector<std::pair<std::string, std::string>> headers;
};

/// OpenAI's shape: {"error": {"message", "type", "param", "code"}}, the last two null where they are empty.
HttpResponse error_reply(int status, std::string_view message, std::string_view type, std::string_view code = {},
                         std::string_view param = {});

/// The same with OpenAI's type for the status, and Retry-After where another time is better (429, 503).
HttpResponse refuse(int status, std::string_view message, std::string_view code = {}, std::string_view param = {});
/// BadInput 400, NotFound 404, ContextFull 400, Unavailable 503; a RequestError says it all itself. What Io and Model
/// say is for whoever runs the server, since it may name files: 500 without it.
HttpResponse error_reply(const Error& failure);
/// 500, for what nobody foresaw.
HttpResponse internal_error();

/// The answer to one request: reply() alone, or begin_events(), any number of send_event(), end(). Thread-safe, none of
/// it waits, and it may outlive the connection and the server: what is sent to a client that has gone, or after the
/// end, is dropped. One that is let go without an answer sends a 500, or breaks its stream off.
class Exchange {
public:
    virtual ~Exchange() = default;

    virtual void reply(HttpResponse response) = 0;
    /// Status 200 and text/event-stream.
    virtual void begin_events() = 0;
    /// "data: ...", for text of several lines once per line. A client that leaves Limits::unsent_bytes untaken is
    /// disconnected.
    virtual void send_event(std::string data) = 0;
    virtual void end() = 0;
    /// Bytes of events that the client has not taken yet, about. For who has many and can wait.
    virtual std::size_t unsent_bytes() const = 0;

    /// The client has closed its side, was too slow, or the server has ended.
    virtual bool is_gone() const = 0;
    /// Called once when the client goes before the end, or Limits::answer_deadline ends the answer, on the server's
    /// thread: it must not wait. At once where the client has gone already. One callback: a second replaces the first.
    virtual void on_gone(std::function<void()> callback) = 0;
};

/// What it throws becomes the reply: Error by its kind, anything else a 500 without its text. It need not answer before
/// it returns.
using Handler = std::function<void(HttpRequest&&, std::shared_ptr<Exchange>)>;

struct Route {
    std::string method;  ///< GET answers HEAD as well
    std::string path;    ///< "/v1/models/{id}"; "{id...}" as the last takes all that is left. The first match counts
    Handler handler;
    bool is_open = false;   ///< no key is asked
    bool is_quick = false;  ///< runs on the server's thread; others on a few threads, so that nothing keeps it waiting
    std::size_t body_bytes = 0;  ///< 0: Limits::body_bytes
};

/// What one client may take. The deadlines are for the whole of what they limit, however many bytes come meanwhile.
struct Limits {
    using Time = std::chrono::milliseconds;

    std::size_t header_bytes = 16u << 10;
    std::size_t body_bytes = 4u << 20;    ///< also of what may be sent ahead while a request is answered
    std::size_t unsent_bytes = 8u << 20;  ///< events that a client has not taken; then it is disconnected
    int connections = 256;
    int connections_per_address = 64;  ///< of IPv6 per /64 network
    Time header_deadline{10'000};      ///< of a new connection from its start, then from a request's first byte
    Time body_deadline{30'000};
    Time write_deadline{30'000};    ///< for each 64 KiB
    Time idle_deadline{30'000};     ///< between two requests
    Time answer_deadline{600'000};  ///< from a request's last byte to the end of its answer; a quick route has none
    Time ping_after{15'000};        ///< of silence in a stream, a comment
    Time drain{30'000};             ///< what exchanges that are under way get after stop()
    int handler_threads = 4;
};

/// One request that has been answered, or whose client has gone. Nothing in it was written by a client.
struct LogLine {
    std::string request_id;
    std::string client;              ///< as HttpRequest::client
    std::string method;              ///< of the route; empty where none was found
    std::string route;               ///< its path as it was declared
    int status = 0;                  ///< 0: the client went before there was one
    std::size_t request_bytes = 0;   ///< of the body
    std::size_t response_bytes = 0;  ///< of the body or the events
    std::chrono::milliseconds time{0};
    std::string failure;  ///< of a handler: the type of what it threw
};

struct HttpServerOptions {
    std::string address = "127.0.0.1";  ///< or "localhost"; another than loopback needs a key
    std::uint16_t port = 8080;          ///< 0: any that is free
    int ports = 1;                      ///< that are tried, from `port` on; the first that is free
    /// "name" or "name:port" that a Host (and an Origin) may say, besides loopback and the address of the connection.
    std::vector<std::string> allowed_hosts;
    /// "https://name[:port]": pages of these may read our answers.
    std::vector<std::string> cors_origins;
    /// Each of at least 32 printable characters. With any, all routes but the open ones ask for one.
    std::vector<std::string> api_keys;
    Limits limits;
    std::function<void(const LogLine&)> log;  ///< on the server's thread
};

class HttpServer {
public:
    /// Binds and listens. Throws Error{BadInput} for options that make no sense or are unsafe, {Unavailable} where the
    /// port is taken, {Io} where the address cannot be had.
    HttpServer(HttpServerOptions options, std::vector<Route> routes);
    /// Not while run() runs.
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    std::uint16_t port() const;
    /// Serves on the calling thread until stop(). Once.
    void run();
    /// Accepts no more, closes idle connections, lets exchanges that are under way finish within Limits::drain, then
    /// run() returns. The second call disconnects them at once. Thread-safe, not async-signal-safe.
    void stop();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace urial::serve
