#include "support/chat_server.h"

#include <unistd.h>

#include <fmt/format.h>

namespace urial::test {
namespace {

constexpr int kThreads = 16;
constexpr std::string_view kHeadEnd = "\r\n\r\n";

ChatRequest read_chat_request(int connection) {
    std::string bytes;
    std::size_t head = std::string::npos;
    while ((head = bytes.find(kHeadEnd)) == std::string::npos) {
        if (!receive(connection, bytes)) return {};
    }
    ChatRequest request{parse_http_head(std::string_view(bytes).substr(0, head)), {}};
    const std::size_t length = std::stoul("0" + request.headers["content-length"]);
    while (bytes.size() < head + kHeadEnd.size() + length) {
        if (!receive(connection, bytes)) return request;
    }
    request.body = nlohmann::json::parse(bytes.substr(head + kHeadEnd.size(), length), nullptr, false);
    return request;
}

}  // namespace

ChatAnswer completion(const std::string& content) {
    nlohmann::json body{{"id", "x"}, {"object", "chat.completion"}};
    body["choices"] = nlohmann::json::array(
        {{{"index", 0}, {"finish_reason", "stop"}, {"message", {{"role", "assistant"}, {"content", content}}}}});
    body["usage"] = {{"prompt_tokens", 100}, {"completion_tokens", 10}, {"total_tokens", 110}};
    ChatAnswer answer;
    answer.body = body.dump();
    return answer;
}

ChatServer::ChatServer(Handler handler) : handler_(std::move(handler)) {
    for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { serve(); });
}

ChatServer::~ChatServer() {
    listener_.stop();
    for (std::thread& thread : threads_) thread.join();
}

std::string ChatServer::base_url() const { return fmt::format("http://127.0.0.1:{}/v1", listener_.port()); }

void ChatServer::serve() {
    for (;;) {
        const int connection = listener_.accept();
        if (connection < 0) return;
        const ChatRequest request = read_chat_request(connection);
        if (!request.target.empty()) {
            ++received_;
            const ChatAnswer answer = handler_(request);
            if (answer.script) {
                answer.script([connection](std::string_view bytes) { return send_all(connection, bytes); });
                ::close(connection);
                continue;
            }
            std::this_thread::sleep_for(answer.delay);
            const std::string bytes =
                fmt::format("HTTP/1.1 {} Status\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n{}", answer.status,
                            answer.body.size(), answer.headers, answer.body);
            send_all(connection, std::string_view(bytes).substr(0, answer.send));
            if (answer.after) answer.after();
        }
        ::close(connection);
    }
}

}  // namespace urial::test
