#pragma once

// One request and its reply, as GET and POST share them. Belongs to one thread.

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <curl/curl.h>

#include "http/http.h"

namespace urial::http {

struct CurlFree {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlHandle = std::unique_ptr<CURL, CurlFree>;
using CurlHeaders = std::unique_ptr<curl_slist, CurlFree>;

/// Follows no redirect and keeps no connection: on a kept one that turns out dead, curl would send the request a second
/// time by itself, and that attempt would be in no bill.
class Transfer {
public:
    /// Throws Error{Io} when libcurl does not start.
    Transfer(const std::string& url, std::chrono::milliseconds timeout);
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    /// For the options of one method.
    CURL* handle() { return handle_.get(); }
    void add_header(const std::string& line);
    /// Empty: none.
    void add_bearer(const std::string& token);
    /// Throws what the callbacks throw.
    CURLcode perform();
    /// Where the reply redirects to; mostly empty.
    std::string redirect() const;

    /// What has come so far. A limit that the body exceeds is written into its failure by `take_body`.
    Reply reply;
    /// Returns false to end the transfer.
    std::function<bool(std::string_view piece)> take_body;
    OnTick on_tick;

private:
    static std::size_t on_header_line(char* bytes, std::size_t, std::size_t count, void* transfer);
    static std::size_t on_body_piece(char* bytes, std::size_t, std::size_t count, void* transfer);
    static int on_progress(void* transfer, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
    void take_header_line(std::string_view line);
    int status() const;

    CurlHandle handle_;
    CurlHeaders header_lines_;
    std::size_t header_bytes_ = 0;
    bool in_head_ = false;
    bool stopped_ = false;
    std::exception_ptr thrown_;  // no exception may pass through curl: it waits here until curl has returned
};

}  // namespace urial::http
