#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/error.h"
#include "http/http.h"
#include "http/transfer.h"

namespace urial::http {
namespace {

constexpr int kMostRedirects = 10;
constexpr long kStalledSeconds = 30;  // of less than the next number of bytes a second: the connection counts as cut
constexpr long kStalledBytes = 100;
constexpr std::size_t kMostRefusalBytes = 1u << 20;  // of the body of a reply that is no success: its message

bool is_lost_connection(CURLcode code) {
    switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_CONNECT:
        case CURLE_PARTIAL_FILE:
        case CURLE_OPERATION_TIMEDOUT:
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM: return true;
        default: return false;
    }
}

struct Step {
    Reply reply;
    std::string redirect;  // where it leads; mostly empty
};

/// One request, no redirect followed.
Step get_once(const GetRequest& request, const std::string& url, bool with_token) {
    Transfer transfer(url, request.timeout);
    if (with_token) transfer.add_bearer(request.bearer);
    if (request.first_byte > 0) transfer.add_header(fmt::format("Range: bytes={}-", request.first_byte));
    curl_easy_setopt(transfer.handle(), CURLOPT_LOW_SPEED_LIMIT, kStalledBytes);
    curl_easy_setopt(transfer.handle(), CURLOPT_LOW_SPEED_TIME, kStalledSeconds);
    transfer.take_body = [&](std::string_view piece) {
        if (transfer.reply.status / 100 == 2 && request.on_body) return request.on_body(transfer.reply, piece);
        if (transfer.reply.status / 100 != 2) transfer.reply.body += piece;
        return transfer.reply.body.size() <= kMostRefusalBytes;
    };
    transfer.on_tick = request.on_tick;
    const CURLcode code = transfer.perform();
    if (transfer.reply.failure.empty()) return {transfer.reply, transfer.redirect()};
    transfer.reply.may_pass = is_lost_connection(code);
    return {transfer.reply, {}};
}

}  // namespace

Reply get(const GetRequest& request) {
    const std::string home = origin_of(request.url);
    std::string url = request.url;
    for (int redirects = 0; redirects <= kMostRedirects; ++redirects) {
        const std::string origin = origin_of(url);
        if (home.starts_with("https:") && !origin.starts_with("https:")) {
            throw error(ErrorKind::BadInput, "{} redirects to an unencrypted address: refused", request.url);
        }
        Step step = get_once(request, url, origin == home);
        if (step.redirect.empty() || !request.follow_redirects) return step.reply;
        url = step.redirect;
    }
    throw error(ErrorKind::BadInput, "{} redirects more than {} times: refused", request.url, kMostRedirects);
}

}  // namespace urial::http
