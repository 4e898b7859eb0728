#pragma once

// HTTP GET with libcurl, as downloads need it: redirects followed here, so that a token never reaches another server;
// a range to resume; the body in pieces. Thread-safe.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace urial::models {

struct HttpReply {
    int status = 0;
    std::map<std::string, std::string> headers;  ///< of the last reply, names in lower case
    std::string failure;                         ///< why the transfer did not end well, empty where it did
    bool cut = false;                            ///< the failure may pass: a lost connection, a timeout, no route
};

struct HttpGet {
    std::string url;
    std::string token;  ///< sent as a bearer token to the server of `url` only, never after a redirect elsewhere
    std::chrono::milliseconds most_time{0};  ///< for all of it; 0: as long as bytes keep coming
    std::uint64_t first_byte = 0;            ///< beyond 0: ask for the bytes from here on
    /// A piece of the body of a 2xx reply, of which status and headers are known. Returns false to stop; that is no
    /// failure. May throw; the exception comes out of http_get.
    std::function<bool(const HttpReply& head, std::string_view piece)> on_body;
    /// Called at least once a second while the transfer lasts. May throw likewise.
    std::function<void()> on_tick;
};

/// Throws only what the callbacks throw and Error{BadInput} for a redirect that must not be followed.
HttpReply http_get(const HttpGet& request);

/// Each byte of a path but unreserved characters and '/' becomes %XX.
std::string url_path(std::string_view path);

}  // namespace urial::models
