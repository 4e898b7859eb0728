// The formats of tables: what is escaped, and what a number without a value becomes.

#include <limits>

#include <gtest/gtest.h>

#include "report/table.h"

namespace urial::report {
namespace {

Table table() {
    return {"Scores",
            {"run", "helpfulness", "n"},
            {{"a", Measure{.value = 4.126, .ci95 = eval::Interval{4, 4.254}}, std::size_t{12}},
             {"longer name", Measure{.value = 4.5, .ci95 = eval::Interval{4, 5}, .withheld = true}, std::size_t{3}},
             {"c", Measure{}, std::size_t{0}}}};
}

TEST(TableText, columns_are_aligned_and_numbers_stand_on_the_right) {
    EXPECT_EQ(to_text({{table()}, {"3 records"}}),
              "\n"
              "  RUN                HELPFULNESS   N\n"
              "  a            4.13 [4.00, 4.25]  12\n"
              "  longer name           withheld   3\n"
              "  c                            -   0\n"
              "\n"
              "  3 records\n");
}

TEST(TableText, a_name_cannot_move_the_cursor_or_break_a_line) {
    const std::string text = to_text({{{"t", {"run"}, {{"a\x1b[2J\nb"}}}}, {"note\nmore"}});
    EXPECT_EQ(text, "\n  RUN\n  a\\x1b[2J b\n\n  note more\n");
}

TEST(TableText, characters_of_several_bytes_count_once) {
    const Document document{{{"t", {"x", "n"}, {{"déjà", std::size_t{1}}, {"abcde", std::size_t{2}}}}}, {}};
    EXPECT_EQ(to_text(document), "\n  X      N\n  déjà   1\n  abcde  2\n");
}

TEST(TableMarkdown, a_table_has_a_heading_and_alignment) {
    EXPECT_EQ(to_markdown({{table()}, {"3 records"}}),
              "### Scores\n\n"
              "| run | helpfulness | n |\n"
              "| --- | ---: | ---: |\n"
              "| a | 4.13 [4.00, 4.25] | 12 |\n"
              "| longer name | withheld | 3 |\n"
              "| c | - | 0 |\n"
              "\n3 records\n");
}

TEST(TableLatex, every_special_character_is_escaped) {
    EXPECT_EQ(escape_latex("50% of $a_b & #1 {x} ~ ^ \\ <|>"),
              "50\\% of \\$a\\_b \\& \\#1 \\{x\\} \\textasciitilde{} \\textasciicircum{} \\textbackslash{} "
              "\\textless{}\\textbar{}\\textgreater{}");
}

TEST(TableLatex, a_bracket_behind_a_lines_end_is_no_argument_and_two_hyphens_are_no_dash) {
    const std::string latex = to_latex({{{"t", {"run"}, {{"first"}, {"[1ex]"}, {"*"}, {"a--b"}}}}, {}});
    EXPECT_NE(latex.find("    {[}1ex{]} \\\\\n"), std::string::npos) << latex;
    EXPECT_NE(latex.find("    {*} \\\\\n"), std::string::npos) << latex;
    EXPECT_NE(latex.find("    a-{-}b \\\\\n"), std::string::npos) << latex;
}

TEST(TableLatex, a_table_uses_booktabs_and_notes_are_comments) {
    EXPECT_EQ(to_latex({{table()}, {"3 records\n\\end{document}"}}),
              "% \\usepackage{booktabs}\n\n"
              "\\begin{table}[t]\n  \\centering\n  \\small\n  \\caption{Scores. 95\\,\\% intervals in brackets.}\n"
              "  \\begin{tabular}{lrr}\n    \\toprule\n"
              "    run & helpfulness & n \\\\\n    \\midrule\n"
              "    a & 4.13 {\\scriptsize [4.00, 4.25]} & 12 \\\\\n"
              "    longer name & withheld & 3 \\\\\n"
              "    c & - & 0 \\\\\n"
              "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n"
              "% 3 records \\end{document}\n");
}

TEST(TableCsv, texts_with_separators_are_quoted_and_missing_numbers_are_empty) {
    const Table one{"t",
                    {"a,b", "value"},
                    {{"say \"hi\"", Measure{.value = 0.1}},
                     {"two\nlines", Measure{.value = std::numeric_limits<double>::quiet_NaN()}},
                     {" space", Measure{.value = 2, .withheld = true}},
                     {"plain", std::size_t{7}}}};
    EXPECT_EQ(to_csv(one), "\"a,b\",value\n\"say \"\"hi\"\"\",0.1\n\"two\nlines\",\n\" space\",\nplain,7\n");
}

TEST(TableCsv, numbers_keep_their_whole_precision) {
    EXPECT_EQ(to_csv({"t", {"x"}, {{Measure{.value = 1.0 / 3}}}}), "x\n0.3333333333333333\n");
}

TEST(TableCsv, a_text_is_no_formula_and_hides_nothing_and_a_number_stays_a_number) {
    EXPECT_EQ(to_csv({"t", {"=1+1"}, {{"@SUM(A1)"}, {"-2+3"}, {"+1"}, {"\t=1"}, {Measure{.value = -1}}}}),
              "'=1+1\n'@SUM(A1)\n'-2+3\n'+1\n'\t=1\n-1\n");
    EXPECT_EQ(to_csv({"t", {"run"}, {{"a\u202Eb"}}}), "run\na\\u202eb\n");
}

}  // namespace
}  // namespace urial::report
