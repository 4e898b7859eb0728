#include "support/hub_server.h"

#include <algorithm>

#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/hash.h"

namespace urial::test {
namespace {

/// Reads the head of one request; no request has a body.
HttpHead read_head(int connection) {
    std::string bytes;
    while (bytes.find("\r\n\r\n") == std::string::npos && receive(connection, bytes)) {
    }
    return parse_http_head(bytes);
}

}  // namespace

HubServer::HubServer(HubScript script) : script_(std::move(script)) {
    thread_ = std::thread([this] { serve(); });
}

HubServer::~HubServer() {
    listener_.stop();
    thread_.join();
}

std::string HubServer::url() const { return fmt::format("http://127.0.0.1:{}", listener_.port()); }

std::vector<HttpHead> HubServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void HubServer::serve() {
    for (;;) {
        const int connection = listener_.accept();
        if (connection < 0) return;
        const HttpHead request = read_head(connection);
        const Reply reply = answer(request);
        send_all(connection, fmt::format("HTTP/1.1 {} Status\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n",
                                         reply.status, reply.body.size(), reply.headers));
        send_all(connection, std::string_view(reply.body).substr(0, reply.send));
        ::close(connection);
    }
}

HubServer::Reply HubServer::answer(const HttpHead& request) {
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
    if (!script_.retry_after.empty()) reply.headers += "Retry-After: " + script_.retry_after + "\r\n";
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

HubServer::Reply HubServer::file(const HubFileScript& file, const HttpHead& request) {
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
