#include "http/transfer.h"

#include <new>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace urial::http {
namespace {

constexpr long kConnectTimeoutSeconds = 15;
/// The most of a reply's head, with those of "100 Continue" before it and the trailers behind its body.
constexpr std::size_t kMostHeaderBytes = 256u << 10;

}  // namespace

Transfer::Transfer(const std::string& url, std::chrono::milliseconds timeout) {
    // Once per process, thread-safe by the language.
    static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK) throw error(ErrorKind::Io, "libcurl does not start: {}", curl_easy_strerror(code));
    handle_.reset(curl_easy_init());
    if (!handle_) throw Error(ErrorKind::Io, "libcurl does not start");
    curl_easy_setopt(handle(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle(), CURLOPT_USERAGENT, "urial");
    curl_easy_setopt(handle(), CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle(), CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle(), CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(handle(), CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(handle(), CURLOPT_NOSIGNAL, 1L);
    if (is_loopback(url)) curl_easy_setopt(handle(), CURLOPT_PROXY, "");
    curl_easy_setopt(handle(), CURLOPT_CONNECTTIMEOUT, kConnectTimeoutSeconds);
    curl_easy_setopt(handle(), CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
    curl_easy_setopt(handle(), CURLOPT_HEADERFUNCTION, &Transfer::on_header_line);
    curl_easy_setopt(handle(), CURLOPT_HEADERDATA, this);
    curl_easy_setopt(handle(), CURLOPT_WRITEFUNCTION, &Transfer::on_body_piece);
    curl_easy_setopt(handle(), CURLOPT_WRITEDATA, this);
    curl_easy_setopt(handle(), CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
    curl_easy_setopt(handle(), CURLOPT_XFERINFODATA, this);
    curl_easy_setopt(handle(), CURLOPT_NOPROGRESS, 0L);
}

void Transfer::add_header(const std::string& line) {
    curl_slist* longer = curl_slist_append(header_lines_.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    static_cast<void>(header_lines_.release());  // the longer list owns it
    header_lines_.reset(longer);
}

void Transfer::add_bearer(const std::string& token) {
    if (!token.empty()) add_header("Authorization: Bearer " + token);
}

CURLcode Transfer::perform() {
    curl_easy_setopt(handle(), CURLOPT_HTTPHEADER, header_lines_.get());
    const CURLcode code = curl_easy_perform(handle());
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    long request_bytes = 0;
    curl_easy_getinfo(handle(), CURLINFO_REQUEST_SIZE, &request_bytes);
    reply.status = status();
    reply.sent = request_bytes > 0;
    if (code != CURLE_OK && !stopped_ && reply.failure.empty()) reply.failure = curl_easy_strerror(code);
    return code;
}

std::string Transfer::redirect() const {
    const char* target = nullptr;
    curl_easy_getinfo(handle_.get(), CURLINFO_REDIRECT_URL, &target);
    return target == nullptr ? std::string() : std::string(target);
}

int Transfer::status() const {
    long status = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
}

std::size_t Transfer::on_header_line(char* bytes, std::size_t, std::size_t count, void* pointer) {
    auto& transfer = *static_cast<Transfer*>(pointer);
    transfer.header_bytes_ += count;
    if (transfer.header_bytes_ > kMostHeaderBytes) {
        transfer.reply.failure = fmt::format("the answer has more than {} bytes of headers", kMostHeaderBytes);
        return 0;
    }
    transfer.take_header_line({bytes, count});
    return count;
}

void Transfer::take_header_line(std::string_view line) {
    if (line.starts_with("HTTP/")) {  // that of "100 Continue" was not the reply's
        reply.headers.clear();
        in_head_ = true;
        return;
    }
    // Behind the head come its body and then trailers, which say nothing that is asked for here.
    if (trim(line).empty()) in_head_ = false;
    const auto colon = line.find(':');
    if (!in_head_ || colon == std::string_view::npos) return;
    reply.headers[lower_ascii(trim(line.substr(0, colon)))] = trim(line.substr(colon + 1));
}

std::size_t Transfer::on_body_piece(char* bytes, std::size_t, std::size_t count, void* pointer) {
    auto& transfer = *static_cast<Transfer*>(pointer);
    transfer.reply.status = transfer.status();
    try {
        if (transfer.take_body({bytes, count})) return count;
        transfer.stopped_ = true;
    } catch (...) {
        transfer.thrown_ = std::current_exception();
    }
    return 0;
}

int Transfer::on_progress(void* pointer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(pointer);
    try {
        if (transfer.on_tick) transfer.on_tick();
        return 0;
    } catch (...) {
        transfer.thrown_ = std::current_exception();
        return 1;
    }
}

}  // namespace urial::http
