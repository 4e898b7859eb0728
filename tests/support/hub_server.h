#pragma once

// A Hugging Face hub for tests, on a port of 127.0.0.1: lists the files of one repository and serves them, with the
// faults that its script asks for. Serves from its own thread until destruction.

#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/loopback.h"

namespace urial::test {

struct HubFileScript {
    std::string name;
    std::string content;
    std::string promised_sha256;     ///< empty: the true one
    std::size_t promised_bytes = 0;  ///< 0: the true number
};

struct HubScript {
    std::string repository = "someone/tiny-GGUF";
    std::string commit = "0123456789abcdef0123456789abcdef01234567";
    std::vector<HubFileScript> files;
    std::string listing;              ///< sent instead of the true listing
    std::vector<int> first_statuses;  ///< the first requests of any kind are answered with these
    int file_status = 0;              ///< answers every request for a file, where not 0
    std::string error_code;           ///< sent as X-Error-Code with errors
    std::string retry_after;          ///< sent as Retry-After with errors
    std::vector<std::size_t> cuts;    ///< the n-th transfer of a file breaks after that many bytes
    bool ignores_ranges = false;
    bool sends_wrong_range = false;
    std::string redirect_to;  ///< requests for files are sent on to this server, "http://127.0.0.1:1234"
};

class HubServer {
public:
    explicit HubServer(HubScript script);
    ~HubServer();
    HubServer(const HubServer&) = delete;
    HubServer& operator=(const HubServer&) = delete;

    std::string url() const;
    std::vector<HttpHead> requests() const;

private:
    struct Reply {
        int status = 200;
        std::string headers;  // each line with its end
        std::string body;
        std::size_t send = std::string::npos;  // bytes of the body before the connection breaks
    };
    void serve();
    Reply answer(const HttpHead& request);
    Reply listing() const;
    Reply file(const HubFileScript& file, const HttpHead& request);
    Reply failure(int status) const;

    const HubScript script_;
    const LoopbackListener listener_{16};
    std::size_t transfers_ = 0;  // used by the thread only
    mutable std::mutex mutex_;   // guards requests_
    std::vector<HttpHead> requests_;
    std::thread thread_;
};

}  // namespace urial::test
