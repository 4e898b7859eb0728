#include "support/chat_server.h"

#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/text.h"

namespace urial::test {
namespace {

constexpr int kThreads = 16;
constexpr std::string_view kHeadEnd = "\r\n\r\n";

bool receive(int connection, std::string& bytes) {
    char buffer[16384];
    const ssize_t count = ::recv(connection, buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    bytes.append(buffer, static_cast<std::size_t>(count));
    return true;
}

ChatRequest read_request(int connection) {
    std::string bytes;
    std::size_t head = std::string::npos;
    while ((head = bytes.find(kHeadEnd)) == std::string::npos) {
        if (!receive(connection, bytes)) return {};
    }
    ChatRequest request;
    for (const std::string_view line : split(std::string_view(bytes).substr(0, head), '\n')) {
        if (request.target.empty()) {
            const auto words = split(line, ' ');
            request.target = words.size() > 1 ? std::string(words[1]) : "?";
        } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
            request.headers[lower_ascii(line.substr(0, colon))] = trim(line.substr(colon + 1));
        }
    }
    const std::size_t length = std::stoul("0" + request.headers["content-length"]);
    while (bytes.size() < head + kHeadEnd.size() + length) {
        if (!receive(connection, bytes)) return request;
    }
    request.body = nlohmann::json::parse(bytes.substr(head + kHeadEnd.size(), length), nullptr, false);
    return request;
}

void send_all(int connection, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
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
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const general = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, general, length) != 0 || ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, general, &length) != 0) {
        throw std::runtime_error("the test's server cannot listen on 127.0.0.1");
    }
    port_ = ntohs(address.sin_port);
    for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { serve(); });
}

ChatServer::~ChatServer() {
    ::shutdown(listener_, SHUT_RDWR);  // wakes accept()
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
}

std::string ChatServer::base_url() const { return fmt::format("http://127.0.0.1:{}/v1", port_); }

void ChatServer::serve() {
    for (;;) {
        const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) return;
        const ChatRequest request = read_request(connection);
        if (!request.target.empty()) {
            ++received_;
            const ChatAnswer answer = handler_(request);
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
