#include "base/text.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/paths.h"

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

using Json = nlohmann::json;

Json invisible_characters() {
    std::ifstream file(test::source_path("tests/base/invisible_characters.json"));
    return Json::parse(file);
}

/// As the table of cases writes it: "\\u202e" -> "‹202E›".
std::string in_brackets(const std::string& text) {
    static const std::regex escape(R"(\\(?:U000([0-9a-f]{5})|u([0-9a-f]{4})|x([0-9a-f]{2})))");
    std::string result;
    std::size_t end = 0;
    for (std::sregex_iterator match(text.begin(), text.end(), escape); match != std::sregex_iterator(); ++match) {
        result += text.substr(end, static_cast<std::size_t>(match->position()) - end);
        std::string digits = match->str(1) + match->str(2) + match->str(3);
        std::ranges::transform(digits, digits.begin(), [](unsigned char c) { return std::toupper(c); });
        result += "‹" + digits + "›";
        end = static_cast<std::size_t>(match->position() + match->length());
    }
    return result + text.substr(end);
}

std::string utf8(char32_t point) {
    const auto byte = [point](int shift) { return static_cast<char>(0x80 | (point >> shift & 0x3F)); };
    if (point < 0x80) return {static_cast<char>(point)};
    if (point < 0x800) return {static_cast<char>(0xC0 | point >> 6), byte(0)};
    if (point < 0x10000) return {static_cast<char>(0xE0 | point >> 12), byte(6), byte(0)};
    return {static_cast<char>(0xF0 | point >> 18), byte(12), byte(6), byte(0)};
}

TEST(Text, characters_that_nobody_sees_or_that_reorder_others_are_spelt_out_and_joiners_stay_where_they_join) {
    const Json table = invisible_characters();
    for (const Json& one : table["cases"]) {
        EXPECT_EQ(in_brackets(printable(one[1].get<std::string>())), one[2].get<std::string>()) << one[0];
    }
}

using Range = std::pair<char32_t, char32_t>;

std::vector<Range> ranges_of(const Json& entries) {
    std::vector<Range> ranges;
    for (const Json& entry : entries) {
        const auto text = entry.get<std::string>();
        ranges.emplace_back(std::stoul(text, nullptr, 16), std::stoul(text.substr(text.find('-') + 1), nullptr, 16));
    }
    return ranges;
}

TEST(Text, each_character_is_spelt_out_as_the_table_says) {
    const Json table = invisible_characters();
    std::map<std::string, std::vector<Range>> kinds;
    for (const char* kind : {"always", "joiners", "selectors", "scripts", "symbols", "ideographs"}) {
        kinds[kind] = ranges_of(table[kind]);
    }
    const auto is_listed = [&kinds](const char* kind, char32_t point) {
        return std::ranges::any_of(
            kinds[kind], [point](const Range& range) { return point >= range.first && point <= range.second; });
    };
    const auto stays = [](const std::string& text) { return printable(text) == text; };
    const std::string non_joiner = utf8(0x200C);
    const std::string joiner = utf8(0x200D);
    const std::string selector = utf8(0xFE0F);
    for (char32_t point = 0xA0; point <= 0x10FFFF; point += point < 0x1FFFF || point >> 12 == 0xE0 ? 1 : 241) {
        if (point >= 0xD800 && point <= 0xDFFF) continue;
        const std::string character = utf8(point);
        const bool is_hidden =
            is_listed("always", point) || is_listed("joiners", point) || is_listed("selectors", point);
        ASSERT_NE(stays("a" + character + "b"), is_hidden) << std::hex << static_cast<unsigned>(point);
        if (is_hidden) continue;
        const bool is_script = is_listed("scripts", point);
        const bool is_symbol = is_listed("symbols", point);
        ASSERT_EQ(stays(character + non_joiner), is_script) << std::hex << static_cast<unsigned>(point);
        ASSERT_EQ(stays(character + joiner + character), is_script || is_symbol)
            << std::hex << static_cast<unsigned>(point);
        ASSERT_EQ(stays(character + selector), is_script || is_symbol || is_listed("ideographs", point))
            << std::hex << static_cast<unsigned>(point);
    }
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
