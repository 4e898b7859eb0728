#include "store/search_words.h"

#include <algorithm>
#include <cstddef>

#include "base/text.h"

namespace urial::store {
namespace {

constexpr std::size_t kMostWords = 16;

bool is_letter(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
}

}  // namespace

std::string search_expression(std::string_view typed) {
    std::string spaced(typed);
    for (char& c : spaced) {
        if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) c = ' ';
    }
    std::string expression;
    std::size_t words = 0;
    for (const std::string_view word : split(spaced, ' ')) {
        // A word without a letter has nothing that the index knows, and nothing would be found.
        if (std::ranges::none_of(word, is_letter) || ++words > kMostWords) continue;
        // Between quotation marks nothing has a meaning of its own.
        expression += '"' + replace_all(word, "\"", "\"\"") + "\" ";
    }
    if (!expression.empty()) expression += '*';
    return expression;
}

}  // namespace urial::store
