#include "models/http.h"

#include <exception>
#include <stdexcept>

#include <curl/curl.h>

#include "base/curl.h"
#include "base/error.h"
#include "base/text.h"

namespace urial::models {
namespace {

constexpr int kMostRedirects = 10;
constexpr long kStalledSeconds = 30;  // of less than the next number of bytes a second: the connection counts as cut
constexpr long kStalledBytes = 100;
constexpr std::size_t kMostRefusalBytes = 1u << 20;  // of the body of a reply that is no success; nobody reads it

struct Origin {
    std::string scheme;
    std::string host;
    std::string port;
    bool operator==(const Origin&) const = default;
};

Origin origin_of(const std::string& text) {
    const CurlUrl url(curl_url());
    if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
        throw error(ErrorKind::BadInput, "'{}' is not an address that can be fetched", printable(text));
    }
    const auto part = [&](CURLUPart which) {
        char* value = nullptr;
        if (curl_url_get(url.get(), which, &value, CURLU_DEFAULT_PORT) != CURLUE_OK) return std::string();
        std::string copy = lower_ascii(value);
        curl_free(value);
        return copy;
    };
    return {part(CURLUPART_SCHEME), part(CURLUPART_HOST), part(CURLUPART_PORT)};
}

/// What the C callbacks of one transfer share. Exceptions wait here until curl has returned.
struct Transfer {
    const HttpGet* request = nullptr;
    HttpReply reply;
    std::exception_ptr thrown;
    bool stopped = false;
    std::size_t header_bytes = 0;
    std::size_t ignored_bytes = 0;
    std::string exceeded;  // which limit, empty: none
};

size_t take_header(char* bytes, size_t, size_t count, void* pointer) {
    auto& transfer = *static_cast<Transfer*>(pointer);
    HttpReply& reply = transfer.reply;
    const std::string_view line(bytes, count);
    transfer.header_bytes += count;
    if (transfer.header_bytes > kMostHeaderBytes) {
        transfer.exceeded = fmt::format("more than {} bytes of headers", kMostHeaderBytes);
        return 0;
    }
    if (take_header_line(line, reply.headers)) {
        const auto space = line.find(' ');
        reply.status = space == std::string_view::npos ? 0 : std::atoi(std::string(line.substr(space)).c_str());
    }
    return count;
}

size_t take_body(char* bytes, size_t, size_t count, void* pointer) {
    auto& transfer = *static_cast<Transfer*>(pointer);
    if (transfer.reply.status / 100 != 2 || !transfer.request->on_body) {
        transfer.ignored_bytes += count;
        if (transfer.ignored_bytes <= kMostRefusalBytes) return count;
        transfer.stopped = true;
        return 0;
    }
    try {
        if (transfer.request->on_body(transfer.reply, {bytes, count})) return count;
        transfer.stopped = true;
    } catch (...) {
        transfer.thrown = std::current_exception();
    }
    return 0;
}

int take_tick(void* pointer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(pointer);
    try {
        if (transfer.request->on_tick) transfer.request->on_tick();
        return 0;
    } catch (...) {
        transfer.thrown = std::current_exception();
        return 1;
    }
}

bool may_pass(CURLcode code) {
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

void set_options(CURL* handle, Transfer& transfer, const CurlHeaders& headers) {
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, kStalledBytes);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, kStalledSeconds);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(transfer.request->most_time.count()));
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, take_tick);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &transfer);
}

/// One request, no redirect followed. Returns where a redirect leads, or an empty string.
std::string perform(Transfer& transfer, const std::string& url, bool with_token) {
    const CurlHandle handle = new_curl_handle(url);
    CurlHeaders headers;
    if (with_token) headers.add("Authorization: Bearer " + transfer.request->token);
    if (transfer.request->first_byte > 0) headers.add(fmt::format("Range: bytes={}-", transfer.request->first_byte));
    set_options(handle.get(), transfer, headers);

    transfer.reply = {};
    const CURLcode code = curl_easy_perform(handle.get());
    if (transfer.thrown) std::rethrow_exception(transfer.thrown);
    if (code != CURLE_OK && !transfer.stopped) {
        transfer.reply.failure = transfer.exceeded.empty() ? curl_easy_strerror(code) : transfer.exceeded;
        transfer.reply.cut = may_pass(code);
        return {};
    }
    const char* target = nullptr;
    curl_easy_getinfo(handle.get(), CURLINFO_REDIRECT_URL, &target);
    return target == nullptr ? std::string() : std::string(target);
}

}  // namespace

HttpReply http_get(const HttpGet& request) {
    const Origin home = origin_of(request.url);
    std::string url = request.url;
    Transfer transfer;
    transfer.request = &request;
    for (int redirects = 0; redirects <= kMostRedirects; ++redirects) {
        const Origin origin = origin_of(url);
        if (home.scheme == "https" && origin.scheme != "https") {
            throw error(ErrorKind::BadInput, "{} redirects to an unencrypted address: refused", request.url);
        }
        const std::string next = perform(transfer, url, !request.token.empty() && origin == home);
        if (next.empty()) return transfer.reply;
        url = next;
    }
    throw error(ErrorKind::BadInput, "{} redirects more than {} times: refused", request.url, kMostRedirects);
}

std::string url_path(std::string_view path) {
    std::string escaped;
    for (const char c : path) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::string_view("-._~/").find(c) != std::string_view::npos;
        escaped += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return escaped;
}

}  // namespace urial::models
