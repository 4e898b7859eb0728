#pragma once

// The person's browser.

#include <string>

namespace urial::terminal {

/// Opens an address in it, without waiting. False where there is no desktop that could; what happens to the browser is
/// not known here.
bool open_in_browser(const std::string& url);

}  // namespace urial::terminal
