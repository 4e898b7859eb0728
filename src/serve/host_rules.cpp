#include "serve/host_rules.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/text.h"

namespace urial::serve {
namespace {

constexpr std::size_t kMostHostBytes = 255;

bool has_only(std::string_view text, std::string_view allowed) {
    return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_host(std::string_view host) {
    if (host.size() > kMostHostBytes) return false;
    if (host.starts_with('[')) {
        return host.ends_with(']') && has_only(host.substr(1, host.size() - 2), "0123456789abcdef:.");
    }
    return has_only(host, "abcdefghijklmnopqrstuvwxyz0123456789-._");
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (failure != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
    return port;
}

struct Origin {
    std::string scheme;
    Authority authority;
};

std::optional<Origin> parse_origin(std::string_view text) {
    const std::size_t colon = text.find("://");
    if (colon == std::string_view::npos) return std::nullopt;
    Origin origin{.scheme = lower_ascii(text.substr(0, colon))};
    std::optional<Authority> authority = parse_authority(text.substr(colon + 3));
    if (!authority || (origin.scheme != "http" && origin.scheme != "https")) return std::nullopt;
    origin.authority = std::move(*authority);
    return origin;
}

}  // namespace

std::optional<Authority> parse_authority(std::string_view text) {
    Authority authority{.host = lower_ascii(text)};
    const std::size_t colon = authority.host.rfind(':');
    if (colon != std::string::npos && authority.host.find(']', colon) == std::string::npos) {
        authority.port = parse_port(std::string_view(authority.host).substr(colon + 1));
        if (!authority.port) return std::nullopt;
        authority.host.resize(colon);
    }
    if (!is_host(authority.host)) return std::nullopt;
    return authority;
}

HostRules::HostRules(std::uint16_t port, const std::vector<std::string>& allowed_hosts,
                     const std::vector<std::string>& cors_origins)
    : port_(port) {
    for (const std::string& entry : allowed_hosts) {
        const std::optional<Authority> host = parse_authority(entry);
        if (!host) {
            throw error(ErrorKind::BadInput,
                        "allowed host '{}': must be a name or an address, with or without a port, such as "
                        "models.example.org or 10.0.0.5:8080",
                        printable(entry));
        }
        named_.push_back(*host);
    }
    for (const std::string& entry : cors_origins) {
        if (!parse_origin(entry)) {
            throw error(ErrorKind::BadInput,
                        "CORS origin '{}': must be http:// or https:// and a host, with or without a port, and nothing "
                        "behind it, such as https://chat.example.org ('*' would let every page in)",
                        printable(entry));
        }
        cors_origins_.push_back(lower_ascii(entry));
    }
}

bool HostRules::allows_host(const Authority& host, std::string_view local_address) const {
    return is_own(host, local_address) || is_named(host);
}

bool HostRules::allows_origin(std::string_view origin, std::string_view local_address) const {
    if (is_cors_origin(origin)) return true;
    const std::optional<Origin> parsed = parse_origin(origin);
    if (!parsed) return false;
    return is_named(parsed->authority) || (parsed->scheme == "http" && is_own(parsed->authority, local_address));
}

bool HostRules::is_cors_origin(std::string_view origin) const {
    return std::ranges::find(cors_origins_, lower_ascii(origin)) != cors_origins_.end();
}

bool HostRules::is_own(const Authority& host, std::string_view local_address) const {
    if (host.port.value_or(80) != port_) return false;
    if (host.host == "localhost" || host.host == "127.0.0.1" || host.host == "[::1]") return true;
    const bool is_ipv6 = host.host.starts_with('[');
    const std::string_view address =
        is_ipv6 ? std::string_view(host.host).substr(1, host.host.size() - 2) : std::string_view(host.host);
    return address == local_address;
}

bool HostRules::is_named(const Authority& host) const {
    return std::ranges::any_of(named_, [&](const Authority& named) {
        return named.host == host.host && (!named.port || named.port == host.port);
    });
}

}  // namespace urial::serve
