#include <gtest/gtest.h>

#include "base/text.h"
#include "support/sandbox.h"
#include "terminal/columns.h"

namespace urial::terminal {
namespace {

using Lines = std::vector<std::string>;

TEST(Columns, width_counts_what_a_terminal_shows) {
    EXPECT_EQ(display_width("plain"), 5);
    EXPECT_EQ(display_width("Größe"), 5);
    EXPECT_EQ(display_width("你好"), 4);
    EXPECT_EQ(display_width("e\u0301"), 1) << "an accent joins the letter before it";
}

TEST(Columns, lines_break_between_words) {
    EXPECT_EQ(wrap("the sea is wide", 8), (Lines{"the sea", "is wide"}));
    EXPECT_EQ(wrap("exactly", 7), Lines{"exactly"});
}

TEST(Columns, newlines_and_empty_lines_stay_but_not_at_the_end) {
    EXPECT_EQ(wrap("one\n\ntwo\n\n\n", 10), (Lines{"one", "", "two"}));
    EXPECT_EQ(wrap("", 10), Lines{});
}

TEST(Columns, a_word_that_is_too_long_is_cut) {
    EXPECT_EQ(wrap("an incomprehensible word", 8), (Lines{"an", "incompre", "hensible", "word"}));
}

TEST(Columns, a_long_line_keeps_its_indentation) {
    EXPECT_EQ(wrap("   - salt and pepper", 12), (Lines{"   - salt", "   and", "   pepper"}));
}

TEST(Columns, an_indentation_without_room_for_words_is_given_up) {
    EXPECT_EQ(wrap("        deep down", 10), (Lines{"deep down"}));
}

TEST(Columns, wide_characters_are_never_cut_in_half) {
    EXPECT_EQ(wrap("你好世界", 5), (Lines{"你好", "世界"}));
    EXPECT_EQ(wrap("你好", 1), (Lines{"你", "好"})) << "wider than all the room, and yet it ends";
}

TEST(Columns, an_accent_stays_with_its_letter) { EXPECT_EQ(wrap("aae\u0301b", 3), (Lines{"aae\u0301", "b"})); }

TEST(Columns, no_line_is_wider_than_asked_for) {
    const std::string text =
        "Ein längerer Text,\twith 漢字 and a-very-long-word-in-the-middle of it\n    and an indented end";
    for (std::size_t width = 2; width < 60; ++width) {
        for (const std::string& line : wrap(text, width))
            EXPECT_LE(display_width(line), width) << width << ": " << line;
    }
}

TEST(Columns, two_texts_stand_beside_each_other) {
    EXPECT_EQ(side_by_side("one two", "three\nfour\nfive", 15),
              (Lines{"one    | three", "two    | four", "       | five"}));
}

TEST(Columns, the_rule_is_straight_whatever_the_characters) {
    const Lines rows = side_by_side("你好\nGröße\nplain\n\nlast", "a\nb\nc\nd\ne", 31);
    ASSERT_EQ(rows.size(), 5);
    for (const std::string& row : rows) EXPECT_EQ(display_width(row.substr(0, row.find('|'))), 15) << row;
}

TEST(Columns, a_row_has_no_spaces_at_its_end) { EXPECT_EQ(side_by_side("left", "", 23), Lines{"left       |"}); }

/// The text in pieces of `piece` bytes of ASCII, or of one character each otherwise.
std::string wrapped(const std::vector<std::string>& pieces, std::size_t width) {
    WordWrapper wrapper(width);
    std::string out;
    for (const std::string& piece : pieces) out += wrapper.add(piece);
    return out + wrapper.finish();
}

TEST(WordWrapper, words_that_arrive_in_pieces_are_not_broken) {
    EXPECT_EQ(wrapped({"the s", "ea i", "s wi", "de"}, 8), "the sea\nis wide");
    EXPECT_EQ(wrapped({"exactly"}, 7), "exactly");
    EXPECT_EQ(wrapped({"ab ", "cd", " ef"}, 5), "ab cd\nef");
}

TEST(WordWrapper, a_word_is_held_back_until_it_is_known_to_fit) {
    WordWrapper wrapper(10);
    EXPECT_EQ(wrapper.add("one tw"), "one");
    EXPECT_EQ(wrapper.add("o "), " two");
    EXPECT_EQ(wrapper.add("end"), "");
    EXPECT_EQ(wrapper.finish(), "\nend");
}

TEST(WordWrapper, short_lines_come_out_as_they_went_in) {
    const std::string text = "A list:\n\n  1. one  two\n     - three\n";
    EXPECT_EQ(wrapped({text}, 80), text);
}

TEST(WordWrapper, a_long_line_keeps_its_indentation) {
    EXPECT_EQ(wrapped({"   - salt and", " pepper"}, 12), "   - salt\n   and\n   pepper");
}

TEST(WordWrapper, wide_characters_come_at_once_and_are_never_cut_in_half) {
    WordWrapper wrapper(5);
    EXPECT_EQ(wrapper.add("你好"), "你好");
    EXPECT_EQ(wrapper.add("世"), "\n世");
    EXPECT_EQ(wrapper.add("界"), "界");
    EXPECT_EQ(wrapped({"aae\u0301 b"}, 5), "aae\u0301 b") << "an accent takes no column";
}

TEST(WordWrapper, a_word_longer_than_a_line_and_code_are_left_to_the_terminal) {
    EXPECT_EQ(wrapped({"see http://a.example/longer-one then"}, 10), "see\nhttp://a.example/longer-one\nthen");
    EXPECT_EQ(wrapped({"http://a.example/long then"}, 10), "http://a.example/long then") << "beside its last row";
    const std::string code = "```\na long line of code\n```\n";
    EXPECT_EQ(wrapped({code + "and then on"}, 10), code + "and then\non");
}

TEST(WordWrapper, it_breaks_where_wrap_does_whatever_the_pieces) {
    const std::string text = "Ein l\u00e4ngerer Text with quite ordinary words in it\n    and an indented end of them";
    for (std::size_t width = 12; width < 60; ++width) {
        std::string expected;
        for (const std::string& line : wrap(text, width)) expected += (expected.empty() ? "" : "\n") + line;
        std::vector<std::string> pieces;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t length = complete_utf8_length(text.substr(at, 5));
            pieces.push_back(text.substr(at, length));
            at += length;
        }
        EXPECT_EQ(wrapped(pieces, width), expected) << width;
    }
}

TEST(Columns, the_environment_decides_the_width_where_it_names_one) {
    const test::ScopedEnvironment wide("COLUMNS", "132");
    EXPECT_EQ(output_columns(), 132);
}

}  // namespace
}  // namespace urial::terminal
