#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "http/http.h"
#include "http/transfer.h"

namespace urial::http {
namespace {

constexpr std::size_t kMostBodyBytes = 16u << 20;  // a judgement has some kilobytes

bool is_hopeless(CURLcode code) {
    switch (code) {
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE: return true;
        default: return false;
    }
}

/// False with the reply's failure where that would be too much.
bool append(Reply& reply, std::string_view piece) {
    if (reply.body.size() + piece.size() > kMostBodyBytes) {
        reply.failure = fmt::format("the answer has more than {} bytes", kMostBodyBytes);
        return false;
    }
    reply.body += piece;
    return true;
}

}  // namespace

Reply post(const PostRequest& request) {
    Transfer transfer(request.url, request.timeout);
    transfer.add_header("Content-Type: application/json");
    transfer.add_header("Expect:");  // no waiting for "100 Continue"
    transfer.add_bearer(request.bearer);
    curl_easy_setopt(transfer.handle(), CURLOPT_POSTFIELDS, request.body.c_str());
    curl_easy_setopt(transfer.handle(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    if (request.silence.count() > 0) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(request.silence);
        curl_easy_setopt(transfer.handle(), CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(transfer.handle(), CURLOPT_LOW_SPEED_TIME, static_cast<long>(seconds.count()));
    }
    transfer.take_body = [&](std::string_view piece) {
        if (transfer.reply.status / 100 == 2 && request.on_body) return request.on_body(transfer.reply, piece);
        return append(transfer.reply, piece);
    };
    transfer.on_tick = request.on_tick;
    const CURLcode code = transfer.perform();
    // Nonsense after a request that the server took is another thing than an address that curl does not take.
    transfer.reply.may_pass = !transfer.reply.failure.empty() && (transfer.reply.sent || !is_hopeless(code));
    return std::move(transfer.reply);
}

}  // namespace urial::http
