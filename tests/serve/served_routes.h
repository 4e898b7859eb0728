#pragma once

// A real HttpServer with a few routes, on a thread of its own, and what its log has said.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/mutex.h"
#include "serve/http_server.h"
#include "support/raw_client.h"

namespace urial::serve::test {

using std::chrono::milliseconds;
using urial::test::ask;
using urial::test::RawClient;
using urial::test::RawReply;

/// Waits for what another thread does, up to ten seconds.
template <typename Predicate>
bool comes_true(Predicate predicate) {
    for (int i = 0; i < 2000; ++i) {
        if (predicate()) return true;
        std::this_thread::sleep_for(milliseconds(5));
    }
    return predicate();
}

class ServedRoutes {
public:
    explicit ServedRoutes(HttpServerOptions options = {}, std::vector<Route> more = {}) {
        options.port = 0;
        options.log = [this](const LogLine& line) {
            const MutexLock lock(mutex_);
            log_.push_back(line);
        };
        std::vector<Route> routes = {
            {"GET", "/health", [](HttpRequest&&, auto exchange) { exchange->reply({.body = "{}"}); }, true, true},
            {"POST", "/echo", [this](HttpRequest&& request, auto exchange) {
                 ++calls;
                 exchange->reply({.body = request.body});
             }}};
        std::ranges::move(more, std::back_inserter(routes));
        server = std::make_unique<HttpServer>(std::move(options), std::move(routes));
        thread_ = std::thread([this] { server->run(); });
    }
    ~ServedRoutes() { end(); }

    std::uint16_t port() const { return server->port(); }
    std::string host() const { return fmt::format("127.0.0.1:{}", port()); }
    /// With Host; `headers`: each with its end.
    std::string request(std::string_view method, std::string_view path, std::string_view headers = "",
                        std::string_view body = "") const {
        return urial::test::request_text(port(), method, path, headers, body);
    }
    int status(const std::string& bytes) const {
        const auto reply = ask(port(), bytes);
        return reply ? reply->status : 0;
    }
    std::vector<LogLine> log() const {
        const MutexLock lock(mutex_);
        return log_;
    }
    /// Waits for run() to return.
    void join() {
        if (thread_.joinable()) thread_.join();
    }
    /// Ends the server and destroys it.
    void end() {
        if (server) server->stop();
        if (server) server->stop();
        join();
        server.reset();
    }

    std::unique_ptr<HttpServer> server;
    std::atomic<int> calls = 0;  ///< of /echo

private:
    mutable Mutex mutex_;
    std::vector<LogLine> log_ GUARDED_BY(mutex_);
    std::thread thread_;
};

}  // namespace urial::serve::test
