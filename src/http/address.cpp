#include "http/address.h"

#include <cstddef>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "http/http.h"

namespace urial::http {
namespace {

constexpr std::size_t kShortestSecret = 8;

}  // namespace

std::optional<Address> Address::parse(const std::string& text) {
    Address address;
    if (curl_url_set(address.url_.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return std::nullopt;
    return address;
}

std::optional<std::string> Address::part(CURLUPart which) const {
    char* value = nullptr;
    if (curl_url_get(url_.get(), which, &value, CURLU_DEFAULT_PORT) != CURLUE_OK) return std::nullopt;
    std::string copy(value);
    curl_free(value);
    return copy;
}

bool is_loopback(const std::string& url) {
    const std::optional<Address> address = Address::parse(url);
    if (!address) return false;
    const std::string host = lower_ascii(address->part(CURLUPART_HOST).value_or(""));
    const bool is_number = host.find_first_not_of("0123456789.") == std::string::npos;
    return host == "localhost" || host.ends_with(".localhost") || host == "[::1]" ||
           (is_number && host.starts_with("127."));
}

AddressForm form_of_address(const std::string& text) {
    const std::optional<Address> address = Address::parse(text);
    if (!address) return AddressForm::NoAddress;
    for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
        if (address->part(part)) return AddressForm::MayHoldSecret;
    }
    return AddressForm::Plain;
}

std::string origin_of(const std::string& text) {
    const std::optional<Address> address = Address::parse(text);
    if (!address) throw error(ErrorKind::BadInput, "'{}' is not an address that can be fetched", printable(text));
    const auto part = [&](CURLUPart which) { return lower_ascii(address->part(which).value_or("")); };
    return fmt::format("{}://{}:{}", part(CURLUPART_SCHEME), part(CURLUPART_HOST), part(CURLUPART_PORT));
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
