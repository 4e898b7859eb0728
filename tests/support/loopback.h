#pragma once

// What the servers of the tests have in common: a listening socket on 127.0.0.1 and the head of an HTTP request.

#include <map>
#include <string>
#include <string_view>

namespace urial::test {

struct HttpHead {
    std::string target;
    std::map<std::string, std::string> headers;  ///< names in lower case
};

/// What there is of a head, which may break off.
HttpHead parse_http_head(std::string_view bytes);

/// Appends what comes next; false at the connection's end.
bool receive(int connection, std::string& bytes);
/// Gives up where the other side has gone: false.
bool send_all(int connection, std::string_view bytes);

class LoopbackListener {
public:
    explicit LoopbackListener(int backlog);
    ~LoopbackListener();
    LoopbackListener(const LoopbackListener&) = delete;
    LoopbackListener& operator=(const LoopbackListener&) = delete;

    int port() const { return port_; }
    /// The next connection, for the caller to close; below 0 after stop().
    int accept() const;
    /// Wakes everyone in accept().
    void stop() const;

private:
    int socket_ = -1;
    int port_ = 0;
};

}  // namespace urial::test
