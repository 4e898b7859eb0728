#include "serve/route_table.h"

#include <optional>
#include <set>

#include <fmt/ranges.h>

#include "base/error.h"
#include "base/text.h"

namespace urial::serve {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<std::map<std::string, std::string>> match_path(std::string_view pattern, std::string_view path) {
    std::map<std::string, std::string> parts;
    const std::vector<std::string_view> wanted = split(pattern, '/');
    const std::vector<std::string_view> segments = split(path, '/');
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (i >= segments.size()) return std::nullopt;
        std::string_view name = wanted[i];
        if (!name.starts_with('{')) {
            if (name != segments[i]) return std::nullopt;
            continue;
        }
        std::string_view value = segments[i];
        name = name.substr(1, name.size() - 2);
        const bool takes_rest = name.ends_with("...");
        if (takes_rest) {
            name.remove_suffix(3);
            value = path.substr(static_cast<std::size_t>(value.data() - path.data()));
        }
        std::string decoded;
        if (value.empty() || !decode_path(value, decoded)) return std::nullopt;
        parts.emplace(name, std::move(decoded));
        if (takes_rest) return parts;
    }
    if (segments.size() != wanted.size()) return std::nullopt;
    return parts;
}

}  // namespace

bool decode_path(std::string_view text, std::string& decoded) {
    decoded.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            if (i + 2 >= text.size()) return false;
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return false;
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
        decoded += c;
    }
    return is_valid_utf8(decoded);
}

RouteTable::RouteTable(std::vector<Route> routes) : routes_(std::move(routes)) {
    for (const Route& route : routes_) {
        if (!route.path.starts_with('/') || route.method.empty() || !route.handler) {
            throw error(ErrorKind::BadInput, "route '{} {}': needs a method, a path from '/' on and a handler",
                        route.method, route.path);
        }
    }
}

RouteTable::Match RouteTable::find(std::string_view method, std::string_view path) const {
    Match match;
    std::set<std::string> methods;
    const std::string_view wanted = method == "HEAD" ? std::string_view("GET") : method;
    for (const Route& route : routes_) {
        std::optional<std::map<std::string, std::string>> parts = match_path(route.path, path);
        if (!parts) continue;
        methods.insert(route.method);
        if (route.method == "GET") methods.insert("HEAD");
        if (!match.route && route.method == wanted) {
            match.route = &route;
            match.parts = std::move(*parts);
        }
    }
    match.allowed_methods = fmt::format("{}", fmt::join(methods, ", "));
    return match;
}

}  // namespace urial::serve
