#include "base/text.h"

#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>

namespace urial {
namespace {

constexpr std::size_t kLongestName = 200;

/// Bytes that a character starting with `lead` should have; 0 where no character starts so.
std::size_t expected_length(unsigned char lead) {
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return 2;
    if (lead >= 0xE0 && lead <= 0xEF) return 3;
    if (lead >= 0xF0 && lead <= 0xF4) return 4;
    return 0;
}

/// The second byte rules out overlong forms, surrogates and code points past U+10FFFF.
bool second_byte_fits(unsigned char lead, unsigned char second) {
    switch (lead) {
        case 0xE0: return second >= 0xA0 && second <= 0xBF;
        case 0xED: return second >= 0x80 && second <= 0x9F;
        case 0xF0: return second >= 0x90 && second <= 0xBF;
        case 0xF4: return second >= 0x80 && second <= 0x8F;
        default: return second >= 0x80 && second <= 0xBF;
    }
}

struct Character {
    std::size_t length;  // bytes that belong together; at least 1 for a non-empty rest
    bool valid;
    bool complete;  // false: valid so far, more bytes could finish it
};

Character read_character(std::string_view rest) {
    const auto lead = static_cast<unsigned char>(rest[0]);
    const std::size_t length = expected_length(lead);
    if (length == 0) return {1, false, true};
    for (std::size_t i = 1; i < length; ++i) {
        if (i >= rest.size()) return {i, false, false};
        const auto byte = static_cast<unsigned char>(rest[i]);
        const bool fits = i == 1 ? second_byte_fits(lead, byte) : (byte >= 0x80 && byte <= 0xBF);
        if (!fits) return {1, false, true};
    }
    return {length, true, true};
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
        }
    }
    return row[b.size()];
}

/// Of one valid character.
char32_t code_point(std::string_view character) {
    constexpr std::array<unsigned char, 5> kLeadBits{0, 0x7F, 0x1F, 0x0F, 0x07};
    char32_t point = static_cast<unsigned char>(character[0]) & kLeadBits[character.size()];
    for (const char byte : character.substr(1)) point = point << 6 | (static_cast<unsigned char>(byte) & 0x3F);
    return point;
}

struct CodePoints {
    char32_t first;
    char32_t last;
};

// Nobody sees these, or they change the order in which others are shown. web/page/text.ts has the same tables and the
// same rule; tests/base/invisible_characters.json sees to that.
constexpr CodePoints kInvisible[]{{0xAD, 0xAD},       {0x34F, 0x34F},     {0x61C, 0x61C},    {0x115F, 0x1160},
                                  {0x17B4, 0x17B5},   {0x180E, 0x180E},   {0x200B, 0x200B},  {0x200E, 0x200F},
                                  {0x2028, 0x202E},   {0x2060, 0x206F},   {0x2800, 0x2800},  {0x3164, 0x3164},
                                  {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},  {0x1BCA0, 0x1BCA3},
                                  {0x1D173, 0x1D17A}, {0xE0000, 0xE00FF}, {0xE01F0, 0xE0FFF}};
// Joiners and selectors of variants are a part of what is seen behind what they join or change.
constexpr CodePoints kSelectors[]{{0x180B, 0x180D}, {0x180F, 0x180F}, {0xFE00, 0xFE0F}, {0xE0100, 0xE01EF}};
constexpr CodePoints kScripts[]{{0x600, 0x109F},  {0x1780, 0x180A},   {0x1810, 0x1CFF},
                                {0xA800, 0xAAFF}, {0xABC0, 0xABFF},   {0xFB50, 0xFDFF},
                                {0xFE70, 0xFEFC}, {0x10A00, 0x11FFF}, {0x1E900, 0x1E95F}};
constexpr CodePoints kSymbols[]{{0xA9, 0xA9},     {0xAE, 0xAE},     {0x203C, 0x203C}, {0x2049, 0x2049},
                                {0x2122, 0x2122}, {0x2139, 0x2139}, {0x2190, 0x2BFF}, {0x3030, 0x3030},
                                {0x303D, 0x303D}, {0x3297, 0x3297}, {0x3299, 0x3299}, {0x1F000, 0x1FAFF}};
constexpr CodePoints kIdeographs[]{{0x2E80, 0x9FFF}, {0xF900, 0xFAFF}, {0xFF01, 0xFF5E}, {0x20000, 0x3FFFF}};
constexpr char32_t kNonJoiner = 0x200C;
constexpr char32_t kJoiner = 0x200D;
constexpr char32_t kColourSelector = 0xFE0F;

bool is_in(std::span<const CodePoints> table, char32_t point) {
    return std::ranges::any_of(
        table, [point](const CodePoints& range) { return point >= range.first && point <= range.last; });
}

/// What is shown before a character; 0: nothing.
struct Before {
    char32_t last = 0;
    char32_t base = 0;  ///< the last that is no selector
};

bool is_invisible(char32_t point, const Before& before) {
    if (point < kInvisible[0].first) return false;
    if (is_in(kInvisible, point)) return true;
    if (point == kNonJoiner) return !is_in(kScripts, before.last);
    if (point == kJoiner) {
        const char32_t joined = before.last == kColourSelector ? before.base : before.last;
        return !is_in(kScripts, before.last) && !is_in(kSymbols, joined);
    }
    if (!is_in(kSelectors, point)) return false;
    const bool is_key = (before.last >= '0' && before.last <= '9') || before.last == '#' || before.last == '*';
    return !(is_key && point == kColourSelector) && !is_in(kScripts, before.last) && !is_in(kSymbols, before.last) &&
           !is_in(kIdeographs, before.last);
}

bool is_word(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

bool needs_quotes(std::string_view text) {
    return text.find_first_of(",\"\r\n") != std::string_view::npos || text.starts_with(' ') || text.ends_with(' ');
}

/// A spreadsheet would compute a text that begins like a formula: an apostrophe in front makes it a text.
bool begins_like_a_formula(std::string_view text) {
    return !text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos;
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

}  // namespace

std::size_t valid_utf8_length(std::string_view bytes) {
    std::size_t position = 0;
    while (position < bytes.size()) {
        const Character character = read_character(bytes.substr(position));
        if (!character.valid) break;
        position += character.length;
    }
    return position;
}

std::size_t complete_utf8_length(std::string_view bytes) {
    // Only the last three bytes can begin a character that is not finished.
    for (std::size_t back = std::min<std::size_t>(3, bytes.size()); back > 0; --back) {
        const Character last = read_character(bytes.substr(bytes.size() - back));
        if (!last.complete) return bytes.size() - back;
    }
    return bytes.size();
}

std::string replace_invalid_utf8(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    for (std::size_t position = 0; position < bytes.size();) {
        const Character character = read_character(bytes.substr(position));
        if (character.valid) {
            text += bytes.substr(position, character.length);
        } else {
            text += "\xEF\xBF\xBD";
        }
        position += character.length;
    }
    return text;
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
    std::string replaced;
    replaced.reserve(text.size());
    for (;;) {
        const std::size_t at = text.find(from);
        replaced += text.substr(0, at);
        if (at == std::string_view::npos) return replaced;
        replaced += to;
        text.remove_prefix(at + from.size());
    }
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::string lower_ascii(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return lower;
}

std::vector<std::string> closest_matches(std::string_view name, std::span<const std::string> candidates,
                                         std::size_t most) {
    if (name.size() > kLongestName) return {};  // the distance takes time by its length, and it resembles nothing
    std::vector<std::pair<std::size_t, std::string>> ranked;
    const std::string wanted = lower_ascii(name);
    for (const std::string& candidate : candidates) {
        const std::string lowered = lower_ascii(candidate);
        const bool contains = !wanted.empty() && lowered.find(wanted) != std::string::npos;
        const std::size_t distance = contains ? 1 : edit_distance(wanted, lowered);
        if (2 * distance <= std::max(wanted.size(), candidate.size())) ranked.emplace_back(distance, candidate);
    }
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::string> matches;
    for (auto& [distance, candidate] : ranked) {
        if (matches.size() == most) break;
        matches.push_back(std::move(candidate));
    }
    return matches;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> candidates) {
    const std::vector<std::string> matches = closest_matches(name, candidates);
    if (matches.empty()) return "";
    std::string list = matches[0];
    for (std::size_t i = 1; i < matches.size(); ++i) {
        list += i + 1 == matches.size() ? " or " : ", ";
        list += matches[i];
    }
    return fmt::format("; did you mean {}?", list);
}

std::string printable(std::string_view text) {
    const std::string valid = replace_invalid_utf8(text);
    std::string shown;
    shown.reserve(valid.size());
    Before before;
    for (std::size_t at = 0; at < valid.size();) {
        const std::size_t length = expected_length(static_cast<unsigned char>(valid[at]));
        const std::string_view character = std::string_view(valid).substr(at, length);
        const char32_t point = code_point(character);
        at += length;
        // C1 control characters (U+0080 to U+009F) act as escape sequences on some terminals.
        const bool is_control = (point < 0x20 && point != '\n' && point != '\t') || (point >= 0x7F && point < 0xA0);
        if (is_control) {
            shown += fmt::format("\\x{:02x}", static_cast<unsigned>(point));
            before = {};
        } else if (is_invisible(point, before)) {
            const auto number = static_cast<unsigned>(point);
            shown += number > 0xFFFF ? fmt::format("\\U{:08x}", number) : fmt::format("\\u{:04x}", number);
            before = {};
        } else {
            shown += character;
            before.last = point;
            if (!is_in(kSelectors, point)) before.base = point;
        }
    }
    return shown;
}

std::string printable_line(std::string_view text) {
    std::string line(text);
    std::ranges::replace_if(
        line, [](char c) { return c == '\n' || c == '\t'; }, ' ');
    return printable(line);
}

std::string escaped_markdown(std::string_view text) {
    const std::string line = printable_line(text);
    std::string out;
    for (std::size_t i = 0; i < line.size(); ++i) {
        switch (const char c = line[i]) {
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '&': out += "&amp;"; break;
            case '_':
                if (i == 0 || i + 1 == line.size() || !is_word(line[i - 1]) || !is_word(line[i + 1])) out += '\\';
                out += c;
                break;
            default:
                if (std::string_view("\\|`*[]~$").find(c) != std::string_view::npos) out += '\\';
                out += c;
        }
    }
    return out;
}

std::string csv_field(std::string_view text) {
    const std::string shown = (begins_like_a_formula(text) ? "'" : "") + printable(text);
    if (!needs_quotes(shown)) return shown;
    std::string quoted = "\"";
    for (const char c : shown) quoted += c == '"' ? "\"\"" : std::string(1, c);
    return quoted + '"';
}

std::string human_bytes(double bytes) {
    static constexpr std::array<const char*, 5> kUnits{"B", "kB", "MB", "GB", "TB"};
    std::size_t unit = 0;
    while (bytes >= 1000 && unit + 1 < kUnits.size()) {
        bytes /= 1000;
        ++unit;
    }
    return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string human_seconds(double seconds) {
    if (seconds < 60) return fmt::format("{:.1f}s", seconds);
    const auto whole = static_cast<long>(seconds + 0.5);
    if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
    return fmt::format("{}h{:02}m", whole / 3600, whole % 3600 / 60);
}

}  // namespace urial
