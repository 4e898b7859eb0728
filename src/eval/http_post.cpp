#include "eval/http_post.h"

#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "base/curl.h"

namespace urial::eval {
namespace {

constexpr std::size_t kMostBodyBytes = 16u << 20;  // a judgement has some kilobytes

/// What the C callbacks of one transfer share.
struct Transfer {
    HttpAnswer answer;
    std::size_t header_bytes = 0;
};

size_t take_header(char* bytes, size_t, size_t count, void* pointer) {
    auto& transfer = *static_cast<Transfer*>(pointer);
    transfer.header_bytes += count;
    if (transfer.header_bytes > kMostHeaderBytes) {
        transfer.answer.failure = fmt::format("the answer has more than {} bytes of headers", kMostHeaderBytes);
        return 0;
    }
    // Behind the body come trailers, which say nothing that is asked for here.
    if (transfer.answer.body.empty()) take_header_line({bytes, count}, transfer.answer.headers);
    return count;
}

size_t take_body(char* bytes, size_t, size_t count, void* pointer) {
    HttpAnswer& answer = static_cast<Transfer*>(pointer)->answer;
    if (answer.body.size() + count > kMostBodyBytes) {
        answer.failure = fmt::format("the answer has more than {} bytes", kMostBodyBytes);
        return 0;
    }
    answer.body.append(bytes, count);
    return count;
}

bool may_pass(CURLcode code) {
    switch (code) {
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE: return false;
        default: return true;
    }
}

void set_options(CURL* handle, const HttpPost& post, Transfer& transfer, const CurlHeaders& headers) {
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, post.body.c_str());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post.body.size()));
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(post.timeout.count()));
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
}

}  // namespace

HttpAnswer http_post(const HttpPost& post) {
    // A new connection each time: on a kept one that turns out dead, curl would send the request a second time by
    // itself, and that attempt would be in no bill.
    const CurlHandle handle = new_curl_handle(post.url);
    CurlHeaders headers;
    headers.add("Content-Type: application/json");
    headers.add("Expect:");  // no waiting for "100 Continue"
    if (!post.bearer.empty()) headers.add("Authorization: Bearer " + post.bearer);
    Transfer transfer;
    set_options(handle.get(), post, transfer, headers);
    const CURLcode code = curl_easy_perform(handle.get());
    long status = 0;
    long request_bytes = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handle.get(), CURLINFO_REQUEST_SIZE, &request_bytes);
    HttpAnswer answer = std::move(transfer.answer);
    answer.status = static_cast<int>(status);
    answer.sent = request_bytes > 0;
    answer.may_pass = may_pass(code);
    if (code != CURLE_OK && answer.failure.empty()) answer.failure = curl_easy_strerror(code);
    return answer;
}

}  // namespace urial::eval
