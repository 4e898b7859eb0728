#include "eval/http_post.h"

#include <cstdlib>
#include <memory>
#include <new>

#include <curl/curl.h>

#include "base/error.h"
#include "base/text.h"

namespace urial::eval {
namespace {

constexpr std::size_t kMostBodyBytes = 16u << 20;  // a judgement has some kilobytes
constexpr long kConnectTimeoutMs = 15'000;

void initialise_curl() {
    // Once per process, thread-safe by the language.
    static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK) throw error(ErrorKind::Io, "libcurl does not start: {}", curl_easy_strerror(code));
}

struct EasyFree {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

/// Header lines that curl may read until the transfer ends.
class HeaderList {
public:
    ~HeaderList() { curl_slist_free_all(list_); }
    HeaderList() = default;
    HeaderList(const HeaderList&) = delete;
    HeaderList& operator=(const HeaderList&) = delete;

    void add(const std::string& line) {
        curl_slist* longer = curl_slist_append(list_, line.c_str());
        if (longer == nullptr) throw std::bad_alloc();
        list_ = longer;
    }
    const curl_slist* get() const { return list_; }

private:
    curl_slist* list_ = nullptr;
};

size_t take_header(char* bytes, size_t, size_t count, void* pointer) {
    auto& answer = *static_cast<HttpAnswer*>(pointer);
    const std::string_view line(bytes, count);
    if (line.starts_with("HTTP/")) {
        answer.headers.clear();  // those of "100 Continue" are not the answer's
    } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
        answer.headers[lower_ascii(trim(line.substr(0, colon)))] = trim(line.substr(colon + 1));
    }
    return count;
}

size_t take_body(char* bytes, size_t, size_t count, void* pointer) {
    auto& answer = *static_cast<HttpAnswer*>(pointer);
    if (answer.body.size() + count > kMostBodyBytes) return 0;
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

void set_options(CURL* handle, const HttpPost& post, HttpAnswer& answer, const HeaderList& headers) {
    curl_easy_setopt(handle, CURLOPT_URL, post.url.c_str());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, post.body.c_str());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post.body.size()));
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "urial");
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(post.timeout.count()));
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, &answer);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer);
}

}  // namespace

HttpAnswer http_post(const HttpPost& post) {
    initialise_curl();
    // A new connection each time: on a kept one that turns out dead, curl would send the request a second time by
    // itself, and that attempt would be in no bill.
    const std::unique_ptr<CURL, EasyFree> handle(curl_easy_init());
    if (!handle) throw Error(ErrorKind::Io, "libcurl does not start");
    HeaderList headers;
    headers.add("Content-Type: application/json");
    headers.add("Expect:");  // no waiting for "100 Continue"
    if (!post.bearer.empty()) headers.add("Authorization: Bearer " + post.bearer);
    HttpAnswer answer;
    set_options(handle.get(), post, answer, headers);
    const CURLcode code = curl_easy_perform(handle.get());
    long status = 0;
    long request_bytes = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handle.get(), CURLINFO_REQUEST_SIZE, &request_bytes);
    answer.status = static_cast<int>(status);
    answer.sent = request_bytes > 0;
    answer.may_pass = may_pass(code);
    if (code == CURLE_WRITE_ERROR) {
        answer.failure = fmt::format("the answer has more than {} bytes", kMostBodyBytes);
    } else if (code != CURLE_OK) {
        answer.failure = curl_easy_strerror(code);
    }
    return answer;
}

}  // namespace urial::eval
