#include "engine/word_piece.h"

#include <gtest/gtest.h>

namespace urial::engine {
namespace {

using Words = std::vector<std::string>;

TEST(WordPiece, words_are_cleaned_as_the_original_tokenizer_does_it) {
    // BertNormalizer and BertPreTokenizer of Hugging Face's tokenizers.
    EXPECT_EQ(normalised_words("  Hello,World!\n"), (Words{"hello", ",", "world", "!"}));
    EXPECT_EQ(normalised_words("ÀÉÎ Ça İstanbul"), (Words{"aei", "ca", "istanbul"}));
    EXPECT_EQ(normalised_words("cafe\u0301"), Words{"cafe"});
    EXPECT_EQ(normalised_words("東京x都"), (Words{"東", "京", "x", "都"}));
    EXPECT_EQ(normalised_words("한"), Words{"\u1112\u1161\u11AB"}) << "Hangul falls into its letters";
    EXPECT_EQ(normalised_words("a\u200Bb\x01"
                               "c\uFFFD"),
              Words{"abc"})
        << "controls are left out";
    EXPECT_EQ(normalised_words("a\u00A0b\u2003c\td"), (Words{"a", "b", "c", "d"}));
    EXPECT_EQ(normalised_words("«quoted»—so…"), (Words{"«", "quoted", "»", "—", "so", "…"}));
    EXPECT_EQ(normalised_words("1+1=$2"), (Words{"1", "+", "1", "=", "$", "2"}));
    EXPECT_EQ(normalised_words("</s>"), (Words{"<", "/", "s", ">"})) << "text is no control token";
    EXPECT_EQ(normalised_words(""), Words{});
}

TEST(WordPiece, invalid_bytes_are_left_out) {
    EXPECT_EQ(normalised_words("a\xFF\xE6\x9D"
                               "b"),
              Words{"ab"});
}

TEST(WordPiece, a_word_becomes_its_longest_pieces_or_the_unknown_token) {
    WordPiece pieces;
    pieces.set_unknown(9);
    pieces.add("un", false, 1);
    pieces.add("unhappy", false, 2);
    pieces.add("happi", true, 3);
    pieces.add("ness", true, 4);
    EXPECT_EQ(pieces.tokenize("Unhappiness unhappy UN"), (std::vector<Token>{1, 3, 4, 2, 1}));
    EXPECT_EQ(pieces.tokenize("unx ness"), (std::vector<Token>{9, 9})) << "a piece that goes on begins no word";
    EXPECT_EQ(pieces.tokenize(std::string(101, 'u')), std::vector<Token>{9}) << "longer than 100 characters";
}

}  // namespace
}  // namespace urial::engine
