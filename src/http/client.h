#pragma once

// The one client for requests to model servers. It knows one or several servers that answer the same requests: a
// request goes to the least busy of them; one that fails is left out for a while and then tried again with one request
// at a time; how many requests are under way at a server adapts to what it refuses (429, 503). A key goes to its own
// server and nowhere else: no redirect is followed. Thread-safe; whoever calls waits.

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/http.h"

namespace urial::http {

struct Server {
    std::string base_url;  ///< "https://host/v1"
    std::string key;       ///< empty: no Authorization header
    std::string key_name;  ///< where the key comes from, or would: for messages
};

struct ClientOptions {
    std::size_t most_at_once = 256;              ///< requests under way, at all servers together
    std::chrono::milliseconds timeout{300'000};  ///< of one try, from the name's resolution to the last byte
    std::chrono::milliseconds silence{0};        ///< a server that sends nothing for so long counts as gone; 0: timeout
    RetryOptions retry;
};

/// What a reply means for the request.
enum class Outcome {
    Done,     ///< 2xx, whole
    Busy,     ///< 429, 503, 529: the server has too much to do; the request is not to blame
    Broken,   ///< another try may succeed: a lost connection, 408, 409, 425, 5xx, garbage
    Refused,  ///< any other status: it would be refused again
};
Outcome outcome_of(const Reply& reply);

/// What one try came to.
struct Attempt {
    Outcome outcome = Outcome::Done;
    std::string reason;   ///< where it is not Done, for people; holds no key
    bool reached = true;  ///< false: there was no connection
    std::optional<std::chrono::seconds> retry_after;
};
Attempt attempt_of(const Reply& reply);

/// One server for the time of one try.
class Channel {
public:
    std::size_t index() const { return index_; }
    const Server& server() const { return server_; }

    /// `path` comes behind the base address. As http::post and http::get, within the client's limits and the deadline
    /// of the request.
    Reply post(const std::string& path, std::string body, OnBody on_body = {}, OnTick on_tick = {}) const;
    Reply get(const std::string& path, OnTick on_tick = {}) const;
    /// The address but for a last "/v1", where servers say what they are and have what is their own.
    Reply get_beside(const std::string& path, OnTick on_tick = {}) const;
    Reply post_beside(const std::string& path, std::string body, OnBody on_body = {}, OnTick on_tick = {}) const;
    /// The text without the key.
    std::string redact(std::string text) const { return http::redact(std::move(text), server_.key); }

private:
    friend class Client;
    using Clock = std::chrono::steady_clock;
    Channel(std::size_t index, const Server& server, const ClientOptions& options, Clock::time_point deadline)
        : index_(index), server_(server), options_(options), deadline_(deadline) {}
    std::string root() const;
    Reply get_url(const std::string& url, const OnTick& on_tick) const;
    Reply post_url(std::string url, std::string body, OnBody on_body, OnTick on_tick) const;
    std::chrono::milliseconds time_left() const;

    std::size_t index_;
    const Server& server_;
    const ClientOptions& options_;
    Clock::time_point deadline_;
};

class Client {
public:
    /// Throws Error{BadInput} for no server, an address that is none or may hold a secret, and a key that no header can
    /// carry.
    Client(std::vector<Server> servers, ClientOptions options);
    ~Client();

    const std::vector<Server>& servers() const;
    /// The text without any server's key.
    std::string redact(std::string text) const;

    /// One request at the least busy server, with no wait but for room; one that is left out is asked where there is no
    /// other. For callers who count and pay for every try themselves.
    Reply post_once(const std::string& path, std::string body);

    /// The server of that number, outside of what run() counts: for asking what it is.
    Channel channel(std::size_t index, std::chrono::milliseconds total) const;

    using Try = std::function<Attempt(const Channel& channel)>;
    using IsStopped = std::function<bool()>;
    /// Calls `attempt` until it is Done or Refused, or `total` is over, waiting and changing servers in between as the
    /// outcomes want it. Broken ones are given up after RetryOptions::most_failures; Busy ones wait as long as the time
    /// lasts. Returns the last one; std::nullopt when `is_stopped` said so during a wait, where it is asked all the
    /// time. Throws Error{Unavailable} when no server can be reached or has answered anything for long, or wants to be
    /// left alone for longer than RetryOptions::longest_retry_after; and what `attempt` throws.
    std::optional<Attempt> run(const Try& attempt, std::chrono::milliseconds total, const IsStopped& is_stopped = {});

private:
    struct Load;
    std::unique_ptr<Load> load_;
};

/// "https://host/v1#model" in two; std::nullopt where the text does not begin with http:// or https://. Throws
/// Error{BadInput} where the model is missing.
struct ModelAddress {
    std::string base_url;
    std::string model;
};
std::optional<ModelAddress> parse_model_address(std::string_view spec);

/// What a server says about an error: the message of an error object, else the whole body; one line of text that a
/// terminal may show.
std::string server_message(std::string_view body);
/// The same, no longer than a message should be, without the server's key, and "no message" where there is none.
std::string short_message(const Reply& reply, const Server& server);

/// Throws for the statuses that no other try and no other request to this server can change: a redirect, a refused key,
/// an unknown model, an empty account.
void check_status(const Reply& reply, const Server& server, std::string_view model);

}  // namespace urial::http
