#include "support/loopback.h"

#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

namespace urial::test {

HttpHead parse_http_head(std::string_view bytes) {
    HttpHead head;
    for (const std::string_view line : split(bytes, '\n')) {
        if (head.target.empty()) {
            const auto words = split(line, ' ');
            head.target = words.size() > 1 ? std::string(words[1]) : "?";
        } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
            head.headers[lower_ascii(line.substr(0, colon))] = trim(line.substr(colon + 1));
        }
    }
    return head;
}

bool receive(int connection, std::string& bytes) {
    char buffer[16384];
    const ssize_t count = ::recv(connection, buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    bytes.append(buffer, static_cast<std::size_t>(count));
    return true;
}

bool send_all(int connection, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

LoopbackListener::LoopbackListener(int backlog) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const general = reinterpret_cast<sockaddr*>(&address);
    if (socket_ < 0 || ::bind(socket_, general, length) != 0 || ::listen(socket_, backlog) != 0 ||
        ::getsockname(socket_, general, &length) != 0) {
        throw std::runtime_error("the test's server cannot listen on 127.0.0.1");
    }
    port_ = ntohs(address.sin_port);
}

LoopbackListener::~LoopbackListener() { ::close(socket_); }

int LoopbackListener::accept() const { return ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC); }

void LoopbackListener::stop() const { ::shutdown(socket_, SHUT_RDWR); }

}  // namespace urial::test
