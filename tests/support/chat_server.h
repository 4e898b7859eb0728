#pragma once

// A chat completions endpoint for tests, on a port of 127.0.0.1: every request goes to a handler, which says what is
// sent back and how it breaks. Several threads serve until destruction.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/loopback.h"

namespace urial::test {

struct ChatRequest : HttpHead {
    nlohmann::json body;

    /// The text of the last message.
    std::string user() const { return body.at("messages").back().at("content").get<std::string>(); }
};

/// Sends bytes; false when the client has gone.
using SendBytes = std::function<bool(std::string_view)>;

struct ChatAnswer {
    int status = 200;
    std::string body;
    std::string headers;                    ///< each line with its end
    std::size_t send = std::string::npos;   ///< bytes of the whole answer before the connection breaks
    std::chrono::milliseconds delay{0};     ///< before anything is sent
    std::function<void()> after = nullptr;  ///< called when all was sent
    /// Where set, it sends all of the answer by itself, and nothing above counts. It returns when the client has gone.
    std::function<void(const SendBytes&)> script = nullptr;
};

/// A completion with this content, 100 prompt tokens and 10 completion tokens.
ChatAnswer completion(const std::string& content);

class ChatServer {
public:
    /// The handler is called from several threads.
    using Handler = std::function<ChatAnswer(const ChatRequest&)>;
    explicit ChatServer(Handler handler);
    ~ChatServer();
    ChatServer(const ChatServer&) = delete;
    ChatServer& operator=(const ChatServer&) = delete;

    /// "http://127.0.0.1:1234/v1"
    std::string base_url() const;
    std::size_t received() const { return received_; }

private:
    void serve();

    const Handler handler_;
    const LoopbackListener listener_{64};
    std::atomic<std::size_t> received_{0};
    std::vector<std::thread> threads_;
};

}  // namespace urial::test
