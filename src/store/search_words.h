#pragma once

// Texts as the index of the search has them, and what a person typed into a search field as a query of FTS5. Pure.

#include <string>
#include <string_view>

namespace urial::store {

/// With a mark between the characters of scripts that put no space between words (Chinese, Japanese, Thai, ...): for
/// the index each is a word then, and any run of them can be found.
std::string separated(std::string_view text);
/// Without the marks.
std::string joined(std::string_view text);

/// Every word must be there, the last may be a beginning. Empty: there is no word in it.
std::string search_expression(std::string_view typed);

}  // namespace urial::store
