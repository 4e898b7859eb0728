#pragma once

// What our users of libcurl have in common. Thread-safe, but for the objects themselves.

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <curl/curl.h>

namespace urial {

struct CurlFree {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using CurlHandle = std::unique_ptr<CURL, CurlFree>;

/// For one transfer of http or https that follows no redirect. Throws Error{Io} when libcurl does not start.
CurlHandle new_curl_handle(const std::string& url);

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
