#pragma once

// What is decided about a request from its header alone, before its body is read and before any handler runs: is it
// unambiguous HTTP, is it meant for this server, which route, who asks. Immutable, thread-safe.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serve/host_rules.h"
#include "serve/route_table.h"

namespace urial::serve {

struct RequestHead {
    std::string method;
    std::string target;
    bool is_http_1_0 = false;
    std::vector<std::pair<std::string, std::string>> fields;  ///< names in lower case
    std::string local_address;                                ///< that the client has connected to
};

struct Admission {
    std::optional<HttpResponse> refusal;
    bool must_close = false;  ///< where a request ends is in doubt: nothing after it may be read

    HttpRequest request;           ///< without body, peer and id
    const Route* route = nullptr;  ///< may be there in a refusal too
    std::string cors_origin;       ///< that may read the answer; empty: none
    bool has_body = false;
    std::size_t most_body_bytes = 0;  ///< of it
    bool expects_continue = false;
    bool is_head = false;  ///< the answer's body is left out
};

class AdmissionRules {
public:
    /// `port`: the real one. Throws Error{BadInput} for hosts, origins or keys that cannot be.
    AdmissionRules(const HttpServerOptions& options, std::uint16_t port, std::vector<Route> routes);

    Admission admit(const RequestHead& head) const;

private:
    struct Key {
        std::string hash;
        std::string name;
    };
    std::optional<HttpResponse> refusal(const RequestHead& head, Admission& admission) const;
    std::optional<HttpResponse> check_origin(const RequestHead& head, Admission& admission) const;
    std::optional<HttpResponse> check_route(const RequestHead& head, std::string_view path, Admission& admission) const;
    std::optional<HttpResponse> check_key(const RequestHead& head, Admission& admission) const;

    HostRules hosts_;
    RouteTable routes_;
    std::vector<Key> keys_;
    std::size_t body_bytes_;
};

HttpResponse body_too_large(std::size_t most_bytes);

}  // namespace urial::serve
