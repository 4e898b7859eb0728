#include <cstddef>

#include <fmt/format.h>

#include "base/text.h"
#include "http/http.h"
#include "http/transfer.h"

namespace urial::http {
namespace {

constexpr std::size_t kShortestSecret = 8;

}  // namespace

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

AddressForm form_of_address(const std::string& text) {
    const CurlUrl url(curl_url());
    if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return AddressForm::NoAddress;
    for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
        char* value = nullptr;
        if (curl_url_get(url.get(), part, &value, 0) != CURLUE_OK) continue;
        curl_free(value);
        return AddressForm::MayHoldSecret;
    }
    return AddressForm::Plain;
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

std::string redact(std::string text, std::string_view key) {
    if (key.size() < kShortestSecret) return text;
    return replace_all(text, key, "[key]");
}

}  // namespace urial::http
