#include "base/curl.h"

#include <new>

#include "base/error.h"
#include "base/text.h"

namespace urial {
namespace {

constexpr long kConnectTimeoutSeconds = 15;

}  // namespace

CurlHandle new_curl_handle(const std::string& url) {
    // Once per process, thread-safe by the language.
    static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK) throw error(ErrorKind::Io, "libcurl does not start: {}", curl_easy_strerror(code));
    CurlHandle handle(curl_easy_init());
    if (!handle) throw Error(ErrorKind::Io, "libcurl does not start");
    curl_easy_setopt(handle.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle.get(), CURLOPT_USERAGENT, "urial");
    curl_easy_setopt(handle.get(), CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle.get(), CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
    if (is_loopback(url)) curl_easy_setopt(handle.get(), CURLOPT_PROXY, "");
    curl_easy_setopt(handle.get(), CURLOPT_CONNECTTIMEOUT, kConnectTimeoutSeconds);
    return handle;
}

bool is_loopback(const std::string& url) {
    const CurlUrl parsed(curl_url());
    char* part = nullptr;
    if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
        curl_url_get(parsed.get(), CURLUPART_HOST, &part, 0) != CURLUE_OK) {
        return false;
    }
    const std::string host = lower_ascii(part);
    curl_free(part);
    const bool is_address = host.find_first_not_of("0123456789.") == std::string::npos;
    return host == "localhost" || host.ends_with(".localhost") || host == "[::1]" ||
           (is_address && host.starts_with("127."));
}

void CurlHeaders::add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list_, line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    list_ = longer;
}

bool take_header_line(std::string_view line, std::map<std::string, std::string>& headers) {
    if (line.starts_with("HTTP/")) {
        headers.clear();
        return true;
    }
    if (const auto colon = line.find(':'); colon != std::string_view::npos) {
        headers[lower_ascii(trim(line.substr(0, colon)))] = trim(line.substr(colon + 1));
    }
    return false;
}

}  // namespace urial
