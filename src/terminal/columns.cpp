#include "terminal/columns.h"

#include <algorithm>
#include <charconv>
#include <clocale>
#include <cwchar>
#include <utility>

#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"

namespace urial::terminal {
namespace {

constexpr std::string_view kRule = " | ";
constexpr std::string_view kTab = "    ";
constexpr std::size_t kDefaultColumns = 80;

/// wcwidth() and mbrtowc() obey the thread's locale: in here that is UTF-8, whatever the user's is.
class Utf8Locale {
public:
    Utf8Locale() {
        if (locale() != locale_t{}) previous_ = ::uselocale(locale());
    }
    ~Utf8Locale() {
        if (previous_ != locale_t{}) ::uselocale(previous_);
    }
    Utf8Locale(const Utf8Locale&) = delete;
    Utf8Locale& operator=(const Utf8Locale&) = delete;

private:
    static locale_t locale() {
        static const locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", locale_t{});
        return utf8;
    }
    locale_t previous_{};
};

struct Character {
    std::size_t bytes;
    std::size_t columns;
};

/// The first character of `text`. What cannot be read, or has no known width, is taken as one column a byte.
Character first_character(std::string_view text) {
    wchar_t wide = 0;
    std::mbstate_t state{};
    const std::size_t length = std::mbrtowc(&wide, text.data(), text.size(), &state);
    if (length == 0 || length > text.size()) return {1, 1};
    const int columns = ::wcwidth(wide);
    return {length, columns < 0 ? 1 : static_cast<std::size_t>(columns)};
}

/// Bytes at the beginning of `text` that fit into `width` columns; at least one character, so that cutting comes to an
/// end. Marks that join the last character go with it.
std::size_t fitting_bytes(std::string_view text, std::size_t width) {
    const Utf8Locale utf8;
    std::size_t bytes = 0;
    std::size_t columns = 0;
    while (bytes < text.size()) {
        const Character next = first_character(text.substr(bytes));
        if (bytes > 0 && columns + next.columns > width) break;
        bytes += next.bytes;
        columns += next.columns;
    }
    return bytes;
}

std::string expand_tabs(std::string_view text) {
    std::string expanded;
    for (const char c : text) c == '\t' ? expanded += kTab : expanded += c;
    return expanded;
}

void wrap_line(std::string_view line, std::size_t width, LongWords long_words, std::vector<std::string>& lines) {
    const std::size_t words = line.find_first_not_of(' ');
    if (words == std::string_view::npos) {
        lines.emplace_back();
        return;
    }
    // An indentation that leaves no room for words is given up.
    const std::string indentation(2 * words < width ? words : 0, ' ');
    const std::size_t room = width - indentation.size();
    std::string current;
    const auto flush = [&] { lines.push_back(indentation + std::exchange(current, {})); };
    for (std::string_view word : split(line.substr(words), ' ')) {
        const bool joins = !current.empty() && display_width(current) + 1 + display_width(word) <= room;
        if (!joins && !current.empty()) flush();
        while (long_words == LongWords::Cut && display_width(word) > room) {
            const std::size_t bytes = fitting_bytes(word, room);
            if (bytes == word.size()) break;  // one character wider than all the room
            current = word.substr(0, bytes);
            flush();
            word.remove_prefix(bytes);
        }
        if (joins) current += ' ';
        current += word;
    }
    if (!current.empty()) flush();
}

}  // namespace

std::size_t display_width(std::string_view text) {
    const Utf8Locale utf8;
    std::size_t columns = 0;
    while (!text.empty()) {
        const Character next = first_character(text);
        columns += next.columns;
        text.remove_prefix(next.bytes);
    }
    return columns;
}

std::vector<std::string> wrap(std::string_view text, std::size_t width, LongWords long_words) {
    std::vector<std::string> lines;
    const std::string expanded = expand_tabs(text);
    for (const std::string_view line : split(expanded, '\n')) {
        wrap_line(line, std::max<std::size_t>(width, 1), long_words, lines);
    }
    while (!lines.empty() && lines.back().empty()) lines.pop_back();
    return lines;
}

std::string WordWrapper::add(std::string_view text) {
    const Utf8Locale utf8;
    std::string out;
    while (!text.empty()) {
        const Character next = first_character(text);
        add_character(text.substr(0, next.bytes), next.columns, out);
        text.remove_prefix(next.bytes);
    }
    return out;
}

std::string WordWrapper::finish() {
    std::string out;
    place_word(out);
    return out;
}

void WordWrapper::add_character(std::string_view character, std::size_t columns, std::string& out) {
    if (character == "\n") return end_line(out);
    const bool is_space = character == " " || character == "\t";
    if (is_space || columns > 1) in_long_word_ = false;
    if (!is_space && line_begin_.size() < 3) line_begin_ += character;
    if (in_code_) {
        out += character;
    } else if (is_space) {
        place_word(out);
        spaces_ += character == " " ? 1 : kTab.size();
    } else if (columns > 1) {
        place_word(out);
        place(character, columns, out);
    } else if (in_long_word_) {
        show(character, columns, out);
    } else {
        word_ += character;
        word_columns_ += columns;
        // Hardly a word: no reason to hold it back any longer.
        in_long_word_ = word_columns_ >= width_;
        if (in_long_word_) place_word(out);
    }
}

void WordWrapper::end_line(std::string& out) {
    place_word(out);
    out += '\n';
    if (line_begin_ == "```") in_code_ = !in_code_;
    line_begin_.clear();
    column_ = indentation_ = spaces_ = 0;
    in_indentation_ = true;
    in_long_word_ = false;
}

void WordWrapper::place(std::string_view word, std::size_t columns, std::string& out) {
    if (in_indentation_) {
        // As in wrap(): an indentation that leaves no room for words is given up below.
        indentation_ = 2 * spaces_ < width_ ? spaces_ : 0;
        in_indentation_ = false;
    } else if (column_ + spaces_ + columns > width_ && columns <= width_ - indentation_) {
        out += '\n';
        column_ = 0;
        spaces_ = indentation_;
    }
    out.append(spaces_, ' ');
    column_ += spaces_;
    spaces_ = 0;
    show(word, columns, out);
}

void WordWrapper::show(std::string_view text, std::size_t columns, std::string& out) {
    out += text;
    column_ += columns;
    // The terminal has gone on below by itself.
    if (column_ > width_) column_ -= width_;
}

void WordWrapper::place_word(std::string& out) {
    if (word_.empty()) return;
    place(word_, word_columns_, out);
    word_.clear();
    word_columns_ = 0;
}

std::vector<std::string> side_by_side(std::string_view left, std::string_view right, std::size_t width) {
    const std::size_t half = (std::max(width, kRule.size() + 2) - kRule.size()) / 2;
    const std::vector<std::string> left_lines = wrap(left, half);
    const std::vector<std::string> right_lines = wrap(right, half);
    std::vector<std::string> rows;
    for (std::size_t i = 0; i < std::max(left_lines.size(), right_lines.size()); ++i) {
        std::string row = i < left_lines.size() ? left_lines[i] : "";
        row.append(half - std::min(half, display_width(row)), ' ');
        row += kRule;
        if (i < right_lines.size()) row += right_lines[i];
        row.erase(row.find_last_not_of(' ') + 1);
        rows.push_back(std::move(row));
    }
    return rows;
}

std::optional<std::size_t> terminal_columns(int descriptor) {
    if (::isatty(descriptor) != 1) return std::nullopt;
    winsize size{};
    return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kDefaultColumns;
}

std::optional<std::size_t> output_columns() {
    if (const auto wanted = environment("COLUMNS")) {
        std::size_t columns = 0;
        const auto [end, failure] = std::from_chars(wanted->data(), wanted->data() + wanted->size(), columns);
        if (failure == std::errc{} && end == wanted->data() + wanted->size() && columns > 0) return columns;
    }
    return terminal_columns(STDOUT_FILENO);
}

}  // namespace urial::terminal
