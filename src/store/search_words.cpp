#include "store/search_words.h"

#include <algorithm>
#include <cstddef>

#include "base/text.h"

namespace urial::store {
namespace {

constexpr std::size_t kMostWords = 16;
constexpr char kMark = '\x1f';  // "unit separator"; the index takes it for a space

struct CodePoints {
    char32_t first;
    char32_t last;
};
constexpr CodePoints kUnspaced[]{{0xE00, 0xEFF},   {0x1000, 0x109F}, {0x1780, 0x17FF}, {0x2E80, 0x9FFF},
                                 {0xA980, 0xA9DF}, {0xF900, 0xFAFF}, {0xFF66, 0xFF9F}, {0x20000, 0x3FFFF}};

struct Character {
    std::size_t length;
    bool is_unspaced;
};

/// Of a text that is UTF-8; of any other a byte.
Character first_character(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (length == 1 || length > text.size()) return {1, false};
    char32_t point = lead & (0x7FU >> length);
    for (const char byte : text.substr(1, length - 1)) point = point << 6 | (static_cast<unsigned char>(byte) & 0x3FU);
    return {length, std::ranges::any_of(kUnspaced, [point](const CodePoints& range) {
                return point >= range.first && point <= range.last;
            })};
}

bool is_letter(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
}

}  // namespace

std::string separated(std::string_view text) {
    std::string result;
    bool is_after_unspaced = false;
    while (!text.empty()) {
        const Character character = first_character(text);
        if (!result.empty() && (character.is_unspaced || is_after_unspaced)) result += kMark;
        result += text.substr(0, character.length);
        is_after_unspaced = character.is_unspaced;
        text.remove_prefix(character.length);
    }
    return result;
}

std::string joined(std::string_view text) {
    std::string result(text);
    std::erase(result, kMark);
    return result;
}

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
        expression += '"' + replace_all(separated(word), "\"", "\"\"") + "\" ";
    }
    if (!expression.empty()) expression += '*';
    return expression;
}

}  // namespace urial::store
