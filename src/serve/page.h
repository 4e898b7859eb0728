#pragma once

// The page at "/": its files as routes that ask for no key. They are packed once.

#include <vector>

#include "serve/http_server.h"

namespace urial::serve {

std::vector<Route> page_routes();

}  // namespace urial::serve
