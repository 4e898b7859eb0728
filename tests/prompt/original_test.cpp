#include <filesystem>
#include <map>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "prompt/prompt.h"
#include "support/expect_error.h"
#include "support/paths.h"

namespace urial::prompt {
namespace {

const fs::path kFolder = test::source_path("../shared/reference/prompts");

// Queries in each file, counted with grep -cE '^(# )?(Query|User):'.
const std::map<std::string, std::size_t> kQueries{
    {"basic_icl.txt", 3},         {"inst_1k.txt", 3},         {"inst_1k_v2.txt", 3},      {"inst_1k_v3.help.txt", 3},
    {"inst_1k_v3.txt", 3},        {"inst_1k_v4.help.txt", 3}, {"inst_1k_v4.txt", 3},      {"inst_1shot.txt", 1},
    {"inst_2k.txt", 8},           {"inst_2k_v4.txt", 8},      {"inst_help.txt", 5},       {"inst_help_mini_yi.txt", 3},
    {"inst_help_v2 copy.txt", 5}, {"inst_help_v2.txt", 5},    {"inst_help_v2_yi.txt", 5}, {"inst_help_v3-1k.txt", 2},
    {"inst_help_v3.txt", 5},      {"inst_help_v4.txt", 5},    {"inst_help_v5-1k.txt", 3}, {"inst_help_v5-2k.txt", 6},
    {"inst_help_v6-1k.txt", 3},   {"inst_help_v6-2k.txt", 6}, {"inst_mini.txt", 3},       {"inst_only.txt", 0},
    {"inst_help_plain.txt", 5},   {"inst_no_safe.txt", 5}};

std::size_t count_queries(const PromptSpec& spec) {
    std::size_t count = 0;
    for (const Example& example : spec.examples) {
        for (const Turn& turn : example.turns) count += !turn.query.empty();
    }
    return count;
}

class OriginalFiles : public testing::Test {
protected:
    void SetUp() override {
        if (!fs::exists(kFolder)) GTEST_SKIP() << kFolder << " is absent";
    }
    static PromptSpec parse(const std::string& name) {
        return parse_original(read_file(kFolder / name), fs::path(name).stem().string());
    }
};

TEST_F(OriginalFiles, every_file_is_parsed_and_comes_back_byte_for_byte) {
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(kFolder)) {
        if (entry.path().extension() != ".txt") continue;
        const std::string name = entry.path().filename().string();
        SCOPED_TRACE(name);
        ++files;
        const std::string text = read_file(entry.path());
        const PromptSpec spec = parse_original(text, entry.path().stem().string());
        EXPECT_EQ(render_prefix(spec), text);
        EXPECT_EQ(count_queries(spec), kQueries.at(name));
        const PromptSpec again = parse_spec(format_spec(spec), "again.toml");
        EXPECT_EQ(render_prefix(again), text) << "also through a specification file";
        EXPECT_EQ(again.form, spec.form);
        EXPECT_EQ(again.headers, spec.headers);
        EXPECT_EQ(again.fenced, spec.fenced);
    }
    EXPECT_EQ(files, kQueries.size());
}

TEST_F(OriginalFiles, queries_and_answers_are_without_headers_and_fences) {
    for (const auto& [name, queries] : kQueries) {
        const fs::path path = fs::exists(kFolder / name) ? kFolder / name : kFolder / "history" / name;
        for (const Example& example : parse_original(read_file(path), name).examples) {
            for (const Turn& turn : example.turns) {
                for (const std::string& text : {turn.query, turn.answer}) {
                    EXPECT_EQ(text.find("```"), std::string::npos) << name << ": " << text;
                    EXPECT_EQ(text.find("# "), std::string::npos) << name << ": " << text;
                    EXPECT_FALSE(text.starts_with('\n') || text.ends_with('\n')) << name << ": " << text;
                }
            }
        }
    }
}

TEST_F(OriginalFiles, a_fenced_file_gives_its_literal_texts) {
    const PromptSpec spec = parse("inst_1k.txt");
    ASSERT_EQ(spec.examples.size(), 3U);
    const Turn& turn = spec.examples[2].turns.at(0);
    EXPECT_EQ(turn.query, "Can you tell me some common types of renewable energy sources?");
    EXPECT_TRUE(turn.answer.starts_with("Hello! Absolutely")) << turn.answer;
    EXPECT_TRUE(turn.answer.ends_with("any other questions!")) << turn.answer;
    ASSERT_EQ(spec.examples[2].forms.size(), 1U);
    EXPECT_EQ(spec.examples[2].forms[0], (TurnForm{"\n# Query:\n```", "```\n", " \n# Answer:\n```\n", "\n```", false}));
}

TEST_F(OriginalFiles, files_in_the_current_form_need_no_literal_texts) {
    for (const char* name : {"inst_1k_v4.txt", "inst_1k_v4.help.txt"}) {
        const PromptSpec spec = parse(name);
        for (const Example& example : spec.examples) EXPECT_TRUE(example.forms.empty()) << name;
    }
}

TEST_F(OriginalFiles, a_pair_that_stands_inside_another_keeps_its_order) {
    const PromptSpec spec = parse("inst_2k_v4.txt");
    ASSERT_EQ(spec.examples.size(), 7U);
    const std::vector<Turn>& turns = spec.examples[5].turns;
    ASSERT_EQ(turns.size(), 3U);
    EXPECT_TRUE(turns[0].query.starts_with("You are a detective"));
    EXPECT_EQ(turns[0].answer, "");
    EXPECT_TRUE(turns[1].query.starts_with("My classmate"));
    EXPECT_TRUE(turns[1].answer.starts_with("Hi! I'm sorry"));
    EXPECT_EQ(turns[2].query, "");
    EXPECT_TRUE(turns[2].answer.starts_with("Hello! As a responsible"));
}

TEST_F(OriginalFiles, other_role_names_end_an_answer_too) {
    EXPECT_EQ(parse("inst_help_v2_yi.txt").headers,
              (std::vector<std::string>{"# Query:", "# Answer:", "User:", "Assistant:"}));
}

std::string parse_failure(std::string_view text) {
    return test::bad_input_of([&] { parse_original(text, "mine"); });
}

TEST(Original, a_fence_that_is_not_closed_is_named_by_its_line) {
    const std::string failure = parse_failure("Hi\n\n# Query:\n```\nq\n\n# Answer:\n```\na\n```\n");
    EXPECT_EQ(failure,
              "prompt mine, line 4: the fence that opens here is not closed before the next header or the end "
              "of the file");
    EXPECT_TRUE(
        parse_failure("# Query:\n```\nq\n```\n# Answer:\n```\na\n").starts_with("prompt mine, line 6: the fence"));
    EXPECT_TRUE(parse_failure("# Query:\n```\n").starts_with("prompt mine, line 2: the fence"));
    EXPECT_TRUE(parse_failure("# Query:\n```q\n# Answer:\na\n").starts_with("prompt mine, line 2: the fence"));
}

TEST(Original, a_fence_without_a_partner_inside_a_text_is_named_by_its_line) {
    EXPECT_EQ(parse_failure("# Query:\nq\n\n# Answer:\na\n```\nb\n"),
              "prompt mine, line 6: this fence has no other that closes it");
    EXPECT_EQ(parse_failure("# Query:\nq\n\n# Answer:\n```\na\n```py\nb\n```\n"),
              "prompt mine, line 7: this fence has no other that closes it");
}

TEST(Original, a_code_block_inside_an_answer_is_a_part_of_it) {
    const PromptSpec spec = parse_original("# Query:\n```q```\n# Answer:\n```\na\n```py\nb\n```\nc\n```\n", "mine");
    ASSERT_EQ(spec.examples.size(), 1U);
    EXPECT_EQ(spec.examples[0].turns[0], (Turn{"q", "a\n```py\nb\n```\nc"}));
}

TEST(Original, an_answer_without_a_query_and_a_query_without_an_answer_are_errors) {
    EXPECT_EQ(parse_failure("Hi\n# Answer:\na\n"), "prompt mine, line 2: an answer without a query");
    EXPECT_EQ(parse_failure("# Query:\nq\n# Answer:\na\n\n# Answer:\nb\n"),
              "prompt mine, line 6: an answer without a query");
    EXPECT_EQ(parse_failure("# Query:\nq\n# Answer:\na\n\n# Query:\nb\n"),
              "prompt mine, line 6: a query without an answer");
    EXPECT_EQ(parse_failure("# Query:\nq\n\n# Query:\nb\n# Answer:\na\n"),
              "prompt mine, line 1: a query without an answer");
}

TEST(Original, an_empty_section_is_an_error) {
    EXPECT_EQ(parse_failure("# Query:\n\n# Answer:\na\n"), "prompt mine, line 1: nothing stands under '# Query:'");
    EXPECT_EQ(parse_failure("# Query:\n```\n```\n# Answer:\na\n"),
              "prompt mine, line 1: nothing stands between the fences under '# Query:'");
}

TEST(Original, a_text_without_examples_or_title_is_not_a_prompt_file) {
    EXPECT_TRUE(parse_failure("Dear diary,\n").starts_with("prompt mine, line 1: neither an example"));
    EXPECT_TRUE(parse_failure("").starts_with("prompt mine, line 1: neither an example"));
    EXPECT_EQ(parse_failure("# Instruction\n\nBe kind.\n"), "no error");
}

TEST(Original, text_that_is_not_utf8_is_named_by_its_line) {
    EXPECT_EQ(parse_failure("# Query:\ncaf\xE9\n"), "prompt mine, line 2: not UTF-8 (byte 12 of the file)");
}

TEST(Original, an_unknown_form_is_refused_with_the_known_ones) {
    try {
        parse_original_form("v55");
        FAIL() << "expected an error";
    } catch (const Error& failure) {
        const std::string what = failure.what();
        EXPECT_NE(what.find("unknown form 'v55'"), std::string::npos);
        EXPECT_NE(what.find("older-zero-shot"), std::string::npos);
        EXPECT_NE(what.find("did you mean v5"), std::string::npos) << what;
    }
}

}  // namespace
}  // namespace urial::prompt
