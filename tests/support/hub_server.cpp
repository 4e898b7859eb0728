#include "support/hub_server.h"

#include <algorithm>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/text.h"

namespace urial::test {
namespace {

/// Reads the head of one request; no request has a body.
HubRequest read_request(int connection) {
    std::string bytes;
    char buffer[4096];
    while (bytes.find("\r\n\r\n") == std::string::npos) {
        const ssize_t count = ::recv(connection, buffer, sizeof buffer, 0);
        if (count <= 0) break;
        bytes.append(buffer, static_cast<std::size_t>(count));
    }
    HubRequest request;
    for (const std::string_view line : split(bytes, '\n')) {
        if (request.target.empty()) {
            const auto words = split(line, ' ');
            request.target = words.size() > 1 ? std::string(words[1]) : "?";
        } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
            request.headers[lower_ascii(line.substr(0, colon))] = trim(line.substr(colon + 1));
        }
    }
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

HubServer::HubServer(HubScript script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const general = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, general, length) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, general, &length) != 0) {
        throw std::runtime_error("the test's server cannot listen on 127.0.0.1");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

HubServer::~HubServer() {
    ::shutdown(listener_, SHUT_RDWR);  // wakes accept()
    thread_.join();
    ::close(listener_);
}

std::string HubServer::url() const { return fmt::format("http://127.0.0.1:{}", port_); }

std::vector<HubRequest> HubServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void HubServer::serve() {
    for (;;) {
        const int connection = ::accept(listener_, nullptr, nullptr);
        if (connection < 0) return;
        const HubRequest request = read_request(connection);
        const Reply reply = answer(request);
        send_all(connection, fmt::format("HTTP/1.1 {} Status\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n",
                                         reply.status, reply.body.size(), reply.headers));
        send_all(connection, std::string_view(reply.body).substr(0, reply.send));
        ::close(connection);
    }
}

HubServer::Reply HubServer::answer(const HubRequest& request) {
    std::size_t number = 0;
    {
        const std::lock_guard lock(mutex_);
        number = requests_.size();
        requests_.push_back(request);
    }
    if (number < script_.first_statuses.size()) return failure(script_.first_statuses[number]);
    if (request.target == "/api/models/" + script_.repository + "/revision/main?blobs=true") return listing();
    for (const HubFileScript& each : script_.files) {
        const std::string path = "/" + script_.repository + "/resolve/" + script_.commit + "/" + each.name;
        if (request.target == path) return file(each, request);
    }
    return failure(404);
}

HubServer::Reply HubServer::failure(int status) const {
    Reply reply{.status = status, .headers = {}, .body = "no", .send = std::string::npos};
    if (!script_.error_code.empty()) reply.headers = "X-Error-Code: " + script_.error_code + "\r\n";
    return reply;
}

HubServer::Reply HubServer::listing() const {
    nlohmann::json siblings = nlohmann::json::array();
    siblings.push_back({{"rfilename", "README.md"}, {"size", 12}, {"blobId", "aa"}});
    for (const HubFileScript& each : script_.files) {
        const std::string sha256 = each.promised_sha256.empty() ? sha256_hex(each.content) : each.promised_sha256;
        const std::size_t bytes = each.promised_bytes == 0 ? each.content.size() : each.promised_bytes;
        siblings.push_back({{"rfilename", each.name},
                            {"size", bytes},
                            {"blobId", "bb"},
                            {"lfs", {{"sha256", sha256}, {"size", bytes}, {"pointerSize", 134}}}});
    }
    const nlohmann::json whole{{"id", script_.repository},
                               {"sha", script_.commit},
                               {"tags", {"gguf", "license:apache-2.0"}},
                               {"siblings", siblings}};
    return {.status = 200,
            .headers = "Content-Type: application/json\r\n",
            .body = script_.listing.empty() ? whole.dump() : script_.listing,
            .send = std::string::npos};
}

HubServer::Reply HubServer::file(const HubFileScript& file, const HubRequest& request) {
    if (script_.file_status != 0) return failure(script_.file_status);
    if (!script_.redirect_to.empty()) {
        return {.status = 302,
                .headers = "Location: " + script_.redirect_to + request.target + "\r\n",
                .body = {},
                .send = std::string::npos};
    }
    Reply reply{.status = 200, .headers = {}, .body = file.content, .send = std::string::npos};
    const auto range = request.headers.find("range");
    if (range != request.headers.end() && !script_.ignores_ranges) {
        const std::size_t first = std::stoul(range->second.substr(std::string("bytes=").size()));
        const std::size_t told = script_.sends_wrong_range ? 0 : first;
        reply.status = 206;
        reply.headers =
            fmt::format("Content-Range: bytes {}-{}/{}\r\n", told, file.content.size() - 1, file.content.size());
        reply.body = file.content.substr(std::min(first, file.content.size()));
    }
    if (transfers_ < script_.cuts.size()) reply.send = script_.cuts[transfers_];
    ++transfers_;
    return reply;
}

}  // namespace urial::test
