#pragma once

// Which names of this server a client may use (Host) and which pages may ask it (Origin), so that no page of another
// site reaches it through a browser. Immutable, thread-safe.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace urial::serve {

/// "name", "name:port", "1.2.3.4:port", "[::1]:port".
struct Authority {
    std::string host;  ///< in lower case, IPv6 addresses with their brackets
    std::optional<std::uint16_t> port;
};

std::optional<Authority> parse_authority(std::string_view text);

class HostRules {
public:
    /// Throws Error{BadInput} for an entry of another form.
    HostRules(std::uint16_t port, const std::vector<std::string>& allowed_hosts,
              const std::vector<std::string>& cors_origins);

    /// localhost, 127.0.0.1, [::1] and `local_address` (of the connection: no name that someone else gives out) with
    /// the server's own port, and the allowed hosts.
    bool allows_host(const Authority& host, std::string_view local_address) const;
    /// http pages of such a host, https ones of an allowed host, and the CORS origins.
    bool allows_origin(std::string_view origin, std::string_view local_address) const;
    bool is_cors_origin(std::string_view origin) const;

private:
    bool is_own(const Authority& host, std::string_view local_address) const;
    bool is_named(const Authority& host) const;

    std::uint16_t port_;
    std::vector<Authority> named_;
    std::vector<std::string> cors_origins_;
};

}  // namespace urial::serve
