#pragma once

// What a person typed into a search field, as a query of FTS5. Pure.

#include <string>
#include <string_view>

namespace urial::store {

/// Every word must be there, the last may be a beginning. Empty: there is no word in it.
std::string search_expression(std::string_view typed);

}  // namespace urial::store
