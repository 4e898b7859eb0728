#pragma once

// HTTP to servers elsewhere, with libcurl: GET as downloads need it, POST as asking a model needs it, and how long to
// wait before trying again. http and https alone, TLS verified, limits on everything that a server sends; a server on
// this machine is never asked through a proxy, which would take a key for it away from here. Thread-safe.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace urial::http {

struct Reply {
    int status = 0;
    std::map<std::string, std::string> headers;  ///< of the last reply, names in lower case; no trailers
    std::string body;                            ///< as far as no on_body took it; of a GET that of a refusal
    std::string failure;    ///< why the transfer did not end well, empty where it did; holds nothing of the request
    bool may_pass = false;  ///< the failure: another try may succeed
    bool sent = false;      ///< the server has got the request or a part of it
};

/// A piece of the body of a 2xx reply, of which status and headers are known. Returns false to stop; that is no
/// failure. May throw; the exception comes out of the call.
using OnBody = std::function<bool(const Reply& head, std::string_view piece)>;
/// Called at least once a second while the transfer lasts. May throw likewise.
using OnTick = std::function<void()>;

struct GetRequest {
    std::string url;
    std::string bearer;  ///< a token, sent to the server of `url` only, never after a redirect elsewhere; empty: none
    std::chrono::milliseconds timeout{0};  ///< for all of it; 0: as long as bytes keep coming
    std::uint64_t first_byte = 0;          ///< beyond 0: ask for the bytes from here on
    bool follow_redirects = true;
    OnBody on_body;  ///< empty: nobody reads the body
    OnTick on_tick;
};

/// Redirects are followed where that is wanted. A failure may pass where the connection was lost, timed out or was not
/// had. Throws what the callbacks throw, and Error{BadInput} for a redirect that must not be followed.
Reply get(const GetRequest& request);

struct PostRequest {
    std::string url;
    std::string bearer;                          ///< as above
    std::string body;                            ///< JSON
    std::chrono::milliseconds timeout{300'000};  ///< for everything from the name's resolution to the last byte
    OnBody on_body;                              ///< empty: the body is in the reply, up to 16 MiB
    OnTick on_tick;
    std::chrono::milliseconds silence{0};  ///< the longest without a byte; 0: timeout
};

/// No redirect is followed, and nothing is sent twice behind the caller's back. A failure may pass unless the address
/// or the server's certificate will be as wrong next time. Throws what the callbacks throw.
Reply post(const PostRequest& request);

/// Exponential backoff with full jitter.
struct RetryOptions {
    int most_failures = 6;                           ///< failed requests for one thing before it is given up
    std::chrono::milliseconds first_wait{1'000};     ///< the longest wait after the first failure; doubles each time
    std::chrono::milliseconds longest_wait{60'000};  ///< up to here
    std::chrono::seconds longest_retry_after{300};   ///< a server that asks for more is not waited for
};

/// The wait after the `failures`-th failure in a row, from 1. `random` is uniform in [0, 1). Without a wish of the
/// server anything between nothing and the doubled bound; with one never less than it, and up to twice as much so that
/// not all come back at once. A wish of 0 seconds is obeyed: no wait.
std::chrono::milliseconds wait_before_retry(const RetryOptions& options, int failures,
                                            std::optional<std::chrono::seconds> retry_after, double random);

/// The header Retry-After: seconds, or an HTTP date that is compared with the clock. std::nullopt for anything else.
std::optional<std::chrono::seconds> parse_retry_after(const std::string& value);

/// Whether the server of an address is this machine by its name: localhost, 127.x.x.x, ::1. False for what is no
/// address.
bool is_loopback(const std::string& url);

/// A base address names a server and a path. With a user name, a password, a query or a fragment it may hold a secret.
enum class AddressForm { Plain, MayHoldSecret, NoAddress };
AddressForm form_of_address(const std::string& url);

/// Scheme, host and port, as "https://host:443": whom a key is for. Throws Error{BadInput} for what is no address.
std::string origin_of(const std::string& url);

/// Each byte of a path but unreserved characters and '/' becomes %XX.
std::string url_path(std::string_view path);

/// Every occurrence of the key becomes "[key]". A key of fewer than 8 bytes ("EMPTY", "none") is no secret.
std::string redact(std::string text, std::string_view key);

}  // namespace urial::http
