#include "engine/word_piece.h"

#include <algorithm>
#include <array>
#include <utility>

#include <utf8proc.h>

#include "base/text.h"

namespace urial::engine {
namespace {

using Character = utf8proc_int32_t;

/// Characters of a word; longer ones are unknown.
constexpr std::size_t kLongestWord = 100;

bool is_chinese(Character c) {
    // The second range of supplementary ideographs begins at 2B920 in the original, which left out a block.
    static constexpr std::array<std::pair<Character, Character>, 8> kRanges{{{0x4E00, 0x9FFF},
                                                                             {0x3400, 0x4DBF},
                                                                             {0x20000, 0x2A6DF},
                                                                             {0x2A700, 0x2B73F},
                                                                             {0x2B740, 0x2B81F},
                                                                             {0x2B920, 0x2CEAF},
                                                                             {0xF900, 0xFAFF},
                                                                             {0x2F800, 0x2FA1F}}};
    return std::ranges::any_of(kRanges, [c](const auto& range) { return c >= range.first && c <= range.second; });
}

bool is_space(Character c) {
    if (c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85) return true;
    switch (utf8proc_category(c)) {
        case UTF8PROC_CATEGORY_ZS:
        case UTF8PROC_CATEGORY_ZL:
        case UTF8PROC_CATEGORY_ZP: return true;
        default: return false;
    }
}

/// What is left out of a text.
bool is_control(Character c) {
    if (c == 0 || c == 0xFFFD) return true;
    if (c == '\t' || c == '\n' || c == '\r') return false;
    switch (utf8proc_category(c)) {
        case UTF8PROC_CATEGORY_CC:
        case UTF8PROC_CATEGORY_CF:
        case UTF8PROC_CATEGORY_CO: return true;
        default: return false;
    }
}

bool is_punctuation(Character c) {
    if (c < 128)
        return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
    const utf8proc_category_t category = utf8proc_category(c);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

/// Takes the characters of a normalised text one by one and makes words of them.
class Splitter {
public:
    void take(Character c) {
        if (is_space(c)) return end_word();
        if (is_punctuation(c)) end_word();
        std::array<utf8proc_uint8_t, 4> bytes{};
        const utf8proc_ssize_t count = utf8proc_encode_char(c, bytes.data());
        word_.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(count));
        if (is_punctuation(c)) end_word();
    }
    void end_word() {
        if (!word_.empty()) words_.push_back(std::exchange(word_, {}));
    }
    std::vector<std::string> words() {
        end_word();
        return std::move(words_);
    }

private:
    std::string word_;
    std::vector<std::string> words_;
};

/// The canonical decomposition of a character without its nonspacing marks, in lower case.
template <class Take>
void normalise(Character c, const Take& take) {
    if (c < 128) return take(utf8proc_tolower(c));
    std::array<Character, 32> parts{};
    int boundary = 0;
    const utf8proc_ssize_t count =
        utf8proc_decompose_char(c, parts.data(), parts.size(), UTF8PROC_DECOMPOSE, &boundary);
    for (utf8proc_ssize_t i = 0; i < count && i < static_cast<utf8proc_ssize_t>(parts.size()); ++i) {
        const Character part = parts[static_cast<std::size_t>(i)];
        if (utf8proc_category(part) != UTF8PROC_CATEGORY_MN) take(utf8proc_tolower(part));
    }
}

std::size_t character_count(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::vector<std::string> normalised_words(std::string_view text) {
    Splitter splitter;
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
    auto left = static_cast<utf8proc_ssize_t>(text.size());
    while (left > 0) {
        Character c = -1;
        const utf8proc_ssize_t length = utf8proc_iterate(bytes, left, &c);
        if (length <= 0) {  // not UTF-8: as the replacement character, which is left out
            ++bytes;
            --left;
            continue;
        }
        bytes += length;
        left -= length;
        if (is_control(c)) continue;
        if (is_chinese(c)) splitter.end_word();
        normalise(c, [&](Character part) { splitter.take(part); });
        if (is_chinese(c)) splitter.end_word();
    }
    return splitter.words();
}

void WordPiece::add(std::string piece, bool goes_on, Token id) {
    longest_ = std::max(longest_, piece.size());
    (goes_on ? continuations_ : beginnings_).emplace(std::move(piece), id);
}

void WordPiece::add_word(std::string_view word, std::vector<Token>& tokens) const {
    const std::size_t before = tokens.size();
    std::size_t at = 0;
    if (character_count(word) > kLongestWord) word = {};
    while (at < word.size()) {
        const Pieces& pieces = at == 0 ? beginnings_ : continuations_;
        std::size_t length = std::min(longest_, word.size() - at);
        auto found = pieces.end();
        for (; length > 0; --length) {
            found = pieces.find(word.substr(at, length));
            if (found != pieces.end()) break;
        }
        if (found == pieces.end()) break;
        tokens.push_back(found->second);
        at += length;
    }
    if (at < word.size() || word.empty()) {
        tokens.resize(before);
        tokens.push_back(unknown_);
    }
}

std::vector<Token> WordPiece::tokenize(std::string_view text, std::size_t most) const {
    std::vector<Token> tokens;
    for (const std::string& word : normalised_words(text)) {
        add_word(word, tokens);
        if (most > 0 && tokens.size() >= most) break;
    }
    return tokens;
}

}  // namespace urial::engine
