#pragma once

// Text as bytes: UTF-8 checks, trimming, suggestions for misspelt names, and what a terminal may show. Pure functions.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace urial {

/// Length of the longest prefix that is valid UTF-8 (shortest form, no surrogates, at most U+10FFFF).
std::size_t valid_utf8_length(std::string_view bytes);

inline bool is_valid_utf8(std::string_view bytes) { return valid_utf8_length(bytes) == bytes.size(); }

/// Length of the longest prefix that does not end inside a multi-byte character that more bytes could complete.
/// Invalid bytes count as complete: they will not get better. For streaming text that arrives in token pieces.
std::size_t complete_utf8_length(std::string_view bytes);

/// Every invalid byte becomes U+FFFD; valid text comes back unchanged.
std::string replace_invalid_utf8(std::string_view bytes);

/// Every `from` (not empty) becomes `to`, in one pass whatever the text holds.
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

std::string_view trim(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);
std::string lower_ascii(std::string_view text);

/// The candidates nearest to `name` by edit distance, best first, at most `most`; none that is further than half its
/// length.
std::vector<std::string> closest_matches(std::string_view name, std::span<const std::string> candidates,
                                         std::size_t most = 3);

/// "; did you mean a, b or c?" or an empty string: the tail of an error message about an unknown name.
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);

/// What a person may be shown of untrusted text: control characters but newline and tab become visible escapes such as
/// \x1b, and so do characters that nobody sees or that reorder others (\u202e). Joiners and selectors of variants stay
/// where scripts and emoji need them.
std::string printable(std::string_view text);

/// The same on one line: newlines and tabs become spaces.
std::string printable_line(std::string_view text);

/// The same for a line of Markdown, where it adds no markup and no HTML. "_" inside a word is none and stays.
std::string escaped_markdown(std::string_view text);

/// A field of RFC 4180 as printable() shows it. A text that a spreadsheet would take for a formula gets an apostrophe
/// in front.
std::string csv_field(std::string_view text);

/// 1234567 -> "1.2 MB" (powers of 1000, as disks and download pages count).
std::string human_bytes(double bytes);

/// 75 -> "1m15s", 3.2 -> "3.2s", 7300 -> "2h01m".
std::string human_seconds(double seconds);

}  // namespace urial
