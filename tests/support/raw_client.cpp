#include "support/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace urial::test {
namespace {

sockaddr_in loopback_address(const std::string& text, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, text.c_str(), &address.sin_addr);
    return address;
}

RawReply parse_reply_head(std::string_view head) {
    RawReply reply;
    const std::size_t space = head.find(' ');
    if (space != std::string_view::npos) reply.status = std::atoi(std::string(head.substr(space + 1, 3)).c_str());
    for (const std::string_view line : split(head, '\n')) {
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        reply.headers[lower_ascii(line.substr(0, colon))] = trim(line.substr(colon + 1));
    }
    return reply;
}

}  // namespace

RawClient::RawClient(std::uint16_t port, const std::string& source, std::chrono::milliseconds patience)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval wait{.tv_sec = patience.count() / 1000, .tv_usec = patience.count() % 1000 * 1000};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    const sockaddr_in from = loopback_address(source, 0);
    const sockaddr_in to = loopback_address("127.0.0.1", port);
    if (socket_ < 0 || ::bind(socket_, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0 ||
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        close();
        throw std::runtime_error("no connection to the server under test");
    }
}

RawClient::RawClient(RawClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), input_(std::move(other.input_)), has_ended_(other.has_ended_) {}

bool RawClient::send(std::string_view bytes) const {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

bool RawClient::receive() {
    if (has_ended_) return false;
    std::array<char, 16384> bytes;
    const ssize_t received = ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (received > 0) {
        input_.append(bytes.data(), static_cast<std::size_t>(received));
        return true;
    }
    has_ended_ = received == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
    return false;
}

std::string RawClient::read_until(std::string_view end) {
    std::size_t found = std::string::npos;
    while ((found = input_.find(end)) == std::string::npos) {
        if (!receive()) return std::exchange(input_, {});
    }
    const std::string text = input_.substr(0, found + end.size());
    input_.erase(0, text.size());
    return text;
}

std::optional<RawReply> RawClient::reply(bool has_body) {
    const std::string head = read_until("\r\n\r\n");
    if (!head.ends_with("\r\n\r\n")) return std::nullopt;
    RawReply reply = parse_reply_head(head);
    if (!has_body || reply.status < 200 || reply.status == 204) {
        reply.is_whole = true;
    } else if (reply.headers["transfer-encoding"] == "chunked") {
        while (true) {
            const std::string line = read_until("\r\n");
            const std::size_t size = std::strtoul(line.c_str(), nullptr, 16);
            while (input_.size() < size + 2) {
                if (!receive()) return reply;
            }
            reply.body += input_.substr(0, size);
            input_.erase(0, size + 2);
            if (size == 0) break;
        }
        reply.is_whole = true;
    } else if (reply.headers.contains("content-length")) {
        const std::size_t size = std::stoul(reply.headers["content-length"]);
        while (input_.size() < size && receive()) {
        }
        reply.is_whole = input_.size() >= size;
        reply.body = input_.substr(0, size);
        input_.erase(0, size);
    } else {
        reply.is_whole = read_to_end(reply.body);
    }
    return reply;
}

bool RawClient::read_to_end(std::string& bytes) {
    while (receive()) {
    }
    bytes += std::exchange(input_, {});
    return has_ended_;
}

bool RawClient::is_closed_by_server() {
    std::string rest;
    return read_to_end(rest) && rest.empty();
}

void RawClient::close_sending_side() const { ::shutdown(socket_, SHUT_WR); }

void RawClient::abort() {
    const linger reset{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close();
}

void RawClient::close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
}

std::string request_text(std::uint16_t port, std::string_view method, std::string_view path, std::string_view headers,
                         std::string_view body) {
    return fmt::format(
        "{} {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{}{}\r\n{}", method, path, port, headers,
        body.empty() ? "" : fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size()), body);
}

std::optional<RawReply> ask(std::uint16_t port, std::string_view request) {
    RawClient client(port);
    client.send(request);
    return client.reply();
}

}  // namespace urial::test
