#include "base/text.h"

#include <gtest/gtest.h>

namespace urial {
namespace {

TEST(Text, a_character_cut_by_the_end_is_not_complete) {
    const std::string euro = "a\xE2\x82\xAC";
    EXPECT_EQ(complete_utf8_length(euro), 4U);
    EXPECT_EQ(complete_utf8_length(euro.substr(0, 3)), 1U);
    EXPECT_EQ(complete_utf8_length(euro.substr(0, 2)), 1U);
    EXPECT_EQ(complete_utf8_length("\xF0\x9F\x98"), 0U);
}

TEST(Text, bytes_that_can_never_become_a_character_count_as_complete) {
    EXPECT_EQ(complete_utf8_length("a\xFF"), 2U);
    EXPECT_EQ(complete_utf8_length("a\x80"), 2U);
    EXPECT_EQ(complete_utf8_length("\xE0\x80"), 2U) << "an overlong form cannot be finished";
}

TEST(Text, overlong_forms_and_surrogates_are_not_utf8) {
    EXPECT_FALSE(is_valid_utf8("\xC0\xAF"));
    EXPECT_FALSE(is_valid_utf8("\xED\xA0\x80"));
    EXPECT_FALSE(is_valid_utf8("\xF4\x90\x80\x80"));
    EXPECT_TRUE(is_valid_utf8("\xF4\x8F\xBF\xBF"));
    EXPECT_EQ(valid_utf8_length("ok\xC0"), 2U);
}

TEST(Text, invalid_bytes_become_replacement_characters_and_the_rest_stays) {
    EXPECT_EQ(replace_invalid_utf8("a\xFFz"), "a\xEF\xBF\xBDz");
    EXPECT_EQ(replace_invalid_utf8("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
}

TEST(Text, escape_sequences_in_untrusted_text_become_visible) {
    EXPECT_EQ(printable("\x1b[31mred\x07\n"), "\\x1b[31mred\\x07\n");
    EXPECT_EQ(printable("\xC2\x9B"
                        "2J"),
              "\\x9b2J")
        << "U+009B is a one-character escape on some terminals";
}

TEST(Text, characters_that_nobody_sees_or_that_reorder_others_are_spelt_out) {
    EXPECT_EQ(printable("a\u202Eb\u2066c\u2029d"), "a\\u202eb\\u2066c\\u2029d");
    EXPECT_EQ(printable("\u061C\u180E\u3164\uFFA0\u115F\u200B\uFEFF"),
              "\\u061c\\u180e\\u3164\\uffa0\\u115f\\u200b\\ufeff");
    EXPECT_EQ(printable("\U000E0041\U000E007F"), "\\U000e0041\\U000e007f") << "tag characters";
    const std::string family = "\U0001F469\u200D\U0001F467 \u2764\uFE0F \u0915\u094D\u200C";
    EXPECT_EQ(printable(family), family) << "joiners and variation selectors are part of what is seen";
}

TEST(Text, a_line_adds_no_markup_to_markdown) {
    EXPECT_EQ(escaped_markdown("a|b`c`*d*_e_[f](g)<script>&amp;\\\nh~$"),
              "a\\|b\\`c\\`\\*d\\*\\_e\\_\\[f\\](g)&lt;script&gt;&amp;amp;\\\\ h\\~\\$");
    EXPECT_EQ(escaped_markdown("my_model_2.gguf"), "my_model_2.gguf") << "no emphasis begins inside a word";
    EXPECT_EQ(escaped_markdown("__init__"), "\\_\\_init\\_\\_");
}

TEST(Text, a_misspelt_name_gets_suggestions_and_a_strange_one_gets_none) {
    const std::vector<std::string> names{"urial", "urial-1", "zero-shot", "raw"};
    EXPECT_EQ(did_you_mean("uria", names), "; did you mean urial or urial-1?");
    EXPECT_EQ(did_you_mean("zeroshot", names), "; did you mean zero-shot?");
    EXPECT_EQ(did_you_mean("completely different", names), "");
}

TEST(Text, a_name_of_a_megabyte_is_not_compared_with_anything) {
    EXPECT_EQ(did_you_mean(std::string(1'000'000, 'a'), std::vector<std::string>(100, "name")), "");
}

TEST(Text, every_occurrence_is_replaced_and_what_replaces_it_is_not_looked_at_again) {
    EXPECT_EQ(replace_all("a-b--c-", "-", "--"), "a--b----c--");
    EXPECT_EQ(replace_all("aaaa", "aa", "a"), "aa");
    EXPECT_EQ(replace_all("nothing", "-", "+"), "nothing");
    EXPECT_EQ(replace_all("", "-", "+"), "");
}

TEST(Text, durations_read_like_a_person_writes_them) {
    EXPECT_EQ(human_seconds(3.21), "3.2s");
    EXPECT_EQ(human_seconds(75), "1m15s");
    EXPECT_EQ(human_seconds(7260), "2h01m");
}

}  // namespace
}  // namespace urial
