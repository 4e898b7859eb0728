#pragma once

// The routes by method and path. Immutable, thread-safe.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http_server.h"

namespace urial::serve {

/// Percent-decodes; false for a broken escape, a control character or what is not UTF-8.
bool decode_path(std::string_view text, std::string& decoded);

class RouteTable {
public:
    /// Throws Error{BadInput} for a path that does not begin with "/".
    explicit RouteTable(std::vector<Route> routes);

    struct Match {
        const Route* route = nullptr;              ///< nullptr: none for the method
        std::map<std::string, std::string> parts;  ///< of its path
        std::string allowed_methods;               ///< of the path, "GET, HEAD, POST"; empty: no route has it
    };
    /// `path`: as it was sent. The first route that matches.
    Match find(std::string_view method, std::string_view path) const;

private:
    std::vector<Route> routes_;
};

}  // namespace urial::serve
