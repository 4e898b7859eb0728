#include "serve/admission.h"

#include <algorithm>
#include <charconv>

#include <openssl/crypto.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

namespace urial::serve {
namespace {

constexpr std::size_t kLeastKeyCharacters = 32;
constexpr std::size_t kKeyNameDigits = 12;

std::vector<std::string_view> values_of(const RequestHead& head, std::string_view name) {
    std::vector<std::string_view> values;
    for (const auto& [field, value] : head.fields) {
        if (field == name) values.push_back(value);
    }
    return values;
}

std::optional<std::uint64_t> parse_length(std::string_view text) {
    std::uint64_t length = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return length;
}

/// Where the body ends must be said once, and in one way: otherwise a proxy before us may have read it differently.
std::optional<HttpResponse> check_framing(const RequestHead& head, std::uint64_t& body_bytes, Admission& admission) {
    admission.must_close = true;
    const std::vector<std::string_view> lengths = values_of(head, "content-length");
    const std::vector<std::string_view> encodings = values_of(head, "transfer-encoding");
    if (lengths.size() + encodings.size() > 1) {
        return refuse(400, "Content-Length and Transfer-Encoding: only one of them may be there, and once");
    }
    if (!encodings.empty() && (head.is_http_1_0 || lower_ascii(encodings[0]) != "chunked")) {
        return refuse(400, "Transfer-Encoding: only 'chunked' is understood, and not in HTTP/1.0");
    }
    body_bytes = 0;
    if (!lengths.empty()) {
        const std::optional<std::uint64_t> parsed = parse_length(lengths[0]);
        if (!parsed) return refuse(400, "Content-Length: is no number of bytes");
        body_bytes = *parsed;
    }
    admission.has_body = body_bytes > 0 || !encodings.empty();
    admission.must_close = admission.has_body;  // a refused body stays unread
    return std::nullopt;
}

/// The one authority that the request names: that of Host, which an absolute target must repeat. Of the target only the
/// path and the query are left.
std::optional<HttpResponse> check_host(const RequestHead& head, const HostRules& hosts, std::string_view& target) {
    const std::vector<std::string_view> values = values_of(head, "host");
    if (values.size() > 1 || (values.empty() && !head.is_http_1_0)) {
        return refuse(400, "Host: exactly one is needed");
    }
    std::optional<Authority> host;
    if (!values.empty()) {
        host = parse_authority(values[0]);
        if (!host) return refuse(400, "Host: is no name or address with an optional port");
    }
    if (lower_ascii(target.substr(0, 7)) == "http://") {
        const std::size_t path = std::min(target.find_first_of("/?", 7), target.size());
        if (values.empty() || lower_ascii(target.substr(7, path - 7)) != lower_ascii(values[0])) {
            return refuse(400, "the address in the request line is another than Host");
        }
        target.remove_prefix(path);
        if (!target.starts_with('/')) return refuse(400, "the address in the request line needs a path");
    }
    if (!target.starts_with('/') || target.find('#') != std::string_view::npos) {
        return refuse(400, "the request line needs a path that begins with '/'");
    }
    if (host && !hosts.allows_host(*host, head.local_address)) {
        return refuse(403, "this server does not answer to that Host; it is started with the names it answers to",
                      "host_not_allowed");
    }
    return std::nullopt;
}

/// A form of a page can send anything but application/json without the browser's asking first.
std::optional<HttpResponse> check_body_type(const RequestHead& head, bool has_body) {
    if (!has_body) return std::nullopt;
    const std::vector<std::string_view> types = values_of(head, "content-type");
    const std::string type =
        types.size() == 1 ? lower_ascii(trim(types[0].substr(0, types[0].find(';')))) : std::string();
    if (type != "application/json") return refuse(415, "Content-Type: must be application/json");
    for (const std::string_view encoding : values_of(head, "content-encoding")) {
        if (lower_ascii(encoding) != "identity") return refuse(415, "Content-Encoding: compressed bodies are not read");
    }
    return std::nullopt;
}

std::optional<HttpResponse> check_expectation(const RequestHead& head, Admission& admission) {
    if (head.is_http_1_0) return std::nullopt;
    for (const std::string_view value : values_of(head, "expect")) {
        if (lower_ascii(value) != "100-continue") return refuse(417, "Expect: only 100-continue is understood");
        admission.expects_continue = admission.has_body;
    }
    return std::nullopt;
}

bool is_key(std::string_view key) {
    return key.size() >= kLeastKeyCharacters && std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

HttpResponse body_too_large(std::size_t most_bytes) {
    return refuse(413, fmt::format("the body is too large: at most {} bytes are accepted", most_bytes));
}

AdmissionRules::AdmissionRules(const HttpServerOptions& options, std::uint16_t port, std::vector<Route> routes)
    : hosts_(port, options.allowed_hosts, options.cors_origins),
      routes_(std::move(routes)),
      body_bytes_(options.limits.body_bytes) {
    for (const std::string& key : options.api_keys) {
        if (!is_key(key)) {
            throw error(ErrorKind::BadInput,
                        "an API key of {} characters: must have at least {}, printable and without spaces; "
                        "`openssl rand -hex 32` makes one",
                        key.size(), kLeastKeyCharacters);
        }
        const std::string hash = sha256_hex(key);
        keys_.push_back({hash, hash.substr(0, kKeyNameDigits)});
    }
}

Admission AdmissionRules::admit(const RequestHead& head) const {
    Admission admission;
    admission.is_head = head.method == "HEAD";
    admission.refusal = refusal(head, admission);
    return admission;
}

std::optional<HttpResponse> AdmissionRules::refusal(const RequestHead& head, Admission& admission) const {
    std::uint64_t body_bytes = 0;  // as far as the header says it
    if (auto refused = check_framing(head, body_bytes, admission)) return refused;
    std::string_view target = head.target;
    if (auto refused = check_host(head, hosts_, target)) return refused;
    if (auto refused = check_origin(head, admission)) return refused;

    HttpRequest& request = admission.request;
    const std::size_t question = std::min(target.find('?'), target.size());
    const std::string_view path = target.substr(0, question);
    if (!decode_path(path, request.path)) return refuse(400, "the path is not percent-encoded UTF-8");
    if (question < target.size()) request.query = target.substr(question + 1);
    request.method = head.method;
    for (const auto& [name, value] : head.fields) {
        std::string& joined = request.headers[name];
        joined += joined.empty() ? value : ", " + value;
    }

    if (auto refused = check_route(head, path, admission)) return refused;
    if (auto refused = check_key(head, admission)) return refused;
    request.headers.erase("authorization");
    if (auto refused = check_body_type(head, admission.has_body)) return refused;
    if (body_bytes > admission.most_body_bytes) return body_too_large(admission.most_body_bytes);
    return check_expectation(head, admission);
}

std::optional<HttpResponse> AdmissionRules::check_origin(const RequestHead& head, Admission& admission) const {
    const std::vector<std::string_view> origins = values_of(head, "origin");
    if (origins.empty()) return std::nullopt;
    if (origins.size() > 1 || !hosts_.allows_origin(origins[0], head.local_address)) {
        return refuse(403, "pages of that Origin may not ask this server; it is started with those that may",
                      "origin_not_allowed");
    }
    if (hosts_.is_cors_origin(origins[0])) admission.cors_origin = lower_ascii(origins[0]);
    return std::nullopt;
}

std::optional<HttpResponse> AdmissionRules::check_route(const RequestHead& head, std::string_view path,
                                                        Admission& admission) const {
    RouteTable::Match match = routes_.find(head.method, path);
    if (match.allowed_methods.empty()) return refuse(404, "there is nothing at this path", "not_found");
    if (head.method == "OPTIONS" && !admission.cors_origin.empty()) {
        return HttpResponse{.status = 204,
                            .headers = {{"access-control-allow-methods", match.allowed_methods},
                                        {"access-control-allow-headers", "authorization, content-type"},
                                        {"access-control-max-age", "600"}}};
    }
    if (!match.route) {
        HttpResponse refused = refuse(405, "this path has another method: see Allow", "method_not_allowed");
        refused.headers.emplace_back("allow", match.allowed_methods);
        return refused;
    }
    admission.route = match.route;
    admission.most_body_bytes = match.route->body_bytes > 0 ? match.route->body_bytes : body_bytes_;
    admission.request.parts = std::move(match.parts);
    return std::nullopt;
}

std::optional<HttpResponse> AdmissionRules::check_key(const RequestHead& head, Admission& admission) const {
    if (keys_.empty() || admission.route->is_open) return std::nullopt;
    const std::vector<std::string_view> values = values_of(head, "authorization");
    if (values.size() == 1 && lower_ascii(values[0].substr(0, 7)) == "bearer ") {
        const std::string offered = sha256_hex(trim(values[0].substr(7)));
        const Key* found = nullptr;
        for (const Key& key : keys_) {  // all of them, each in constant time
            if (CRYPTO_memcmp(key.hash.data(), offered.data(), key.hash.size()) == 0) found = &key;
        }
        if (found) {
            admission.request.client = found->name;
            return std::nullopt;
        }
    }
    HttpResponse refused =
        refuse(401, "an API key of this server is needed: Authorization: Bearer KEY", "invalid_api_key");
    refused.headers.emplace_back("www-authenticate", "Bearer");
    return refused;
}

}  // namespace urial::serve
