#pragma once

// What our users of libcurl have in common. Thread-safe, but for the objects themselves.

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <curl/curl.h>

namespace urial {

struct CurlUrlFree {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using CurlUrl = std::unique_ptr<CURLU, CurlUrlFree>;

struct CurlFree {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using CurlHandle = std::unique_ptr<CURL, CurlFree>;

/// For one transfer of http or https that follows no redirect, and that goes through no proxy where the server is this
/// machine: a key for it would leave the machine. Throws Error{Io} when libcurl does not start.
CurlHandle new_curl_handle(const std::string& url);

/// Whether the server of an address is this machine by its name: localhost, 127.x.x.x, ::1. False for what is no
/// address.
bool is_loopback(const std::string& url);

/// The most of a reply's head, with those of "100 Continue" before it and the trailers behind its body.
constexpr std::size_t kMostHeaderBytes = 256u << 10;

/// Header lines that curl may read until the transfer ends.
class CurlHeaders {
public:
    CurlHeaders() = default;
    ~CurlHeaders() { curl_slist_free_all(list_); }
    CurlHeaders(const CurlHeaders&) = delete;
    CurlHeaders& operator=(const CurlHeaders&) = delete;

    void add(const std::string& line);
    const curl_slist* get() const { return list_; }

private:
    curl_slist* list_ = nullptr;
};

/// Takes one line of a reply's head, names in lower case. A status line begins a new head (that of "100 Continue" is
/// not the reply's): true, and the headers before it are gone.
bool take_header_line(std::string_view line, std::map<std::string, std::string>& headers);

}  // namespace urial
