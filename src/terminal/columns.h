#pragma once

// Text laid out for a terminal: how wide it is there, wrapped at words, two texts beside each other. Widths are columns
// of the terminal: a Chinese character takes two, an accent that joins a letter none. Text is UTF-8 without control
// characters but newline and tab (see printable() in base/text.h). Pure functions.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace urial::terminal {

/// Columns that the text takes in one line.
std::size_t display_width(std::string_view text);

/// A word longer than a line: cut, or left whole so that a path or an address can be copied.
enum class LongWords { Cut, Keep };

/// The lines of `text`, each at most `width` columns. A line that is longer goes on below, indented as it was. Newlines
/// stay, a tab becomes four spaces, empty lines at the end go.
std::vector<std::string> wrap(std::string_view text, std::size_t width, LongWords long_words = LongWords::Cut);

/// The same for text that arrives in pieces of whole characters: a word is held back until it is known to fit.
/// Wide characters, which have no spaces between them, may stand at the begin of a line each. A word longer than a line
/// is left to the terminal, and so is what stands between lines of ```.
class WordWrapper {
public:
    explicit WordWrapper(std::size_t width) : width_(width) {}

    /// What may be shown now.
    std::string add(std::string_view text);
    /// What was held back; the text is over.
    std::string finish();

private:
    void add_character(std::string_view character, std::size_t columns, std::string& out);
    void end_line(std::string& out);
    void place(std::string_view word, std::size_t columns, std::string& out);
    void place_word(std::string& out);
    void show(std::string_view text, std::size_t columns, std::string& out);

    std::size_t width_;
    std::size_t column_ = 0;
    std::size_t indentation_ = 0;
    std::size_t spaces_ = 0;  // between what was shown and what comes next; dropped where a line ends
    std::string word_;
    std::size_t word_columns_ = 0;
    std::string line_begin_;  // its first three bytes behind the indentation: ``` begins and ends code
    bool in_indentation_ = true;
    bool in_long_word_ = false;
    bool in_code_ = false;
};

/// `left` and `right` beside each other with a rule between them, together at most `width` columns.
std::vector<std::string> side_by_side(std::string_view left, std::string_view right, std::size_t width);

/// Columns of the terminal behind a descriptor; nullopt where it is none.
std::optional<std::size_t> terminal_columns(int descriptor);

/// Columns of the terminal behind standard output, or of COLUMNS where that is set; nullopt where it is no terminal.
std::optional<std::size_t> output_columns();

}  // namespace urial::terminal
