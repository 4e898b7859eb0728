#pragma once

// One HTTP POST with libcurl, as asking a model needs it: TLS is verified, no redirect is followed, nothing is sent
// twice behind the caller's back. Thread-safe.

#include <chrono>
#include <map>
#include <string>

namespace urial::eval {

struct HttpPost {
    std::string url;
    std::string bearer;                          ///< sent as a bearer token; empty: none
    std::string body;                            ///< JSON
    std::chrono::milliseconds timeout{300'000};  ///< for everything from the name's resolution to the last byte
};

struct HttpAnswer {
    int status = 0;
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::string body;
    std::string failure;   ///< why the transfer did not end well, empty where it did; holds nothing of the request
    bool may_pass = true;  ///< the failure: false for a certificate or an address that will be as wrong next time
    bool sent = false;     ///< the server has got the request or a part of it
};

HttpAnswer http_post(const HttpPost& post);

}  // namespace urial::eval
