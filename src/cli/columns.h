#pragma once

// Text laid out for a terminal: how wide it is there, wrapped at words, two texts beside each other. Widths are columns
// of the terminal: a Chinese character takes two, an accent that joins a letter none. Text is UTF-8 without control
// characters but newline and tab (see printable() in base/text.h). Pure functions.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace urial::cli {

/// Columns that the text takes in one line.
std::size_t display_width(std::string_view text);

/// The lines of `text`, each at most `width` columns. A line that is longer goes on below, indented as it was; a word
/// longer than that is cut. Newlines stay, a tab becomes four spaces, empty lines at the end go.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

/// `left` and `right` beside each other with a rule between them, together at most `width` columns.
std::vector<std::string> side_by_side(std::string_view left, std::string_view right, std::size_t width);

/// Columns of the terminal behind standard output, or of COLUMNS where that is set; nullopt where it is no terminal.
std::optional<std::size_t> output_columns();

}  // namespace urial::cli
