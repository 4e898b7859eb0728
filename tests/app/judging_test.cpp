#include "app/judging.h"

#include <gtest/gtest.h>

#include "app/judges.h"
#include "base/files.h"
#include "support/expect_error.h"
#include "support/expect_text.h"
#include "support/sandbox.h"

namespace urial::app {
namespace {

class JudgingTest : public ::testing::Test {
protected:
    JudgingTest() {
        callbacks.warning = [this](std::string_view text) { warnings.emplace_back(text); };
        write_file_atomic(folder / "answers.jsonl",
                          R"({"id": "1", "instruction": "Why?", "output": "Because.", "task": ["math"]}
{"id": "2", "instruction": "How?", "error": "too long"}
{"id": "3", "instruction": "Who?", "output": "She.", "generator": "someone"}
)");
        files.answers = {"answers.jsonl", folder / "answers.jsonl"};
    }

    test::TemporaryFolder folder;
    JudgedFiles files;
    Callbacks callbacks;
    std::vector<std::string> warnings;
};

TEST_F(JudgingTest, answers_are_named_after_their_file_and_failed_ones_are_left_out_with_a_warning) {
    const std::vector<eval::JudgeTask> tasks = judge_tasks(Judging::Score, files, callbacks);
    ASSERT_EQ(tasks.size(), 2U);
    EXPECT_EQ(tasks[0].answer.generator, "answers");
    EXPECT_EQ(tasks[1].answer.generator, "someone");
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_TRUE(test::contains(warnings[0], "1 records have an error in the place of an answer; they are left out"));
}

TEST_F(JudgingTest, a_selection_keeps_what_passes_and_stands_in_the_origin) {
    files.items.limit = 1;
    EXPECT_EQ(judge_tasks(Judging::Score, files, {}).size(), 1U);
    files.items.where = {"id=3"};
    EXPECT_EQ(judge_tasks(Judging::Score, files, {}).at(0).item.id, "3");
    const eval::Json origin = origin_of(Judging::Score, files);
    EXPECT_EQ(origin["command"], "score");
    EXPECT_EQ(origin["files"].size(), 1U) << "there is no other side";
    EXPECT_EQ(origin["files"][0]["name"], "answers.jsonl");
    EXPECT_EQ(origin["where"][0], "id=3");
    EXPECT_EQ(origin["limit"], 1);
}

TEST_F(JudgingTest, a_list_of_ids_needs_its_file) {
    EXPECT_ERROR(filter_of({.where = {}, .ids = {}, .subset = "lite"}), ErrorKind::BadInput,
                 "give the file with --ids");
}

TEST_F(JudgingTest, a_rubric_of_another_kind_is_refused_by_name) {
    files.rubric = "pairwise";
    EXPECT_ERROR(judge_tasks(Judging::Score, files, callbacks), ErrorKind::BadInput,
                 "the rubric pairwise is of another kind than `judge score` needs");
}

class JuryTest : public ::testing::Test {
protected:
    test::ScopedEnvironment base_url{"OPENAI_BASE_URL", std::nullopt};
    test::ScopedEnvironment key{"OPENAI_API_KEY", "a-key"};
    test::TemporaryFolder folder;
    JuryChoice choice;
    Callbacks callbacks;
};

TEST_F(JuryTest, a_judge_with_a_price_has_one_and_one_without_has_none) {
    write_file_atomic(folder / "prices.toml", "[[prices]]\nmodel = \"priced\"\nprompt = 1\ncompletion = 2\n");
    choice.prices = (folder / "prices.toml").string();
    choice.judges = {"openai:priced", "openai:unknown"};
    const Jury jury = open_jury(choice, callbacks);
    ASSERT_EQ(jury.options.judges.size(), 2U);
    EXPECT_TRUE(jury.options.judges[0].price.has_value());
    EXPECT_FALSE(jury.options.judges[1].price.has_value());
}

TEST_F(JuryTest, a_key_that_would_travel_in_the_open_is_a_warning) {
    std::string warning;
    callbacks.warning = [&](std::string_view text) { warning = text; };
    choice.judges = {"http://localhost:1/v1#m"};
    open_jury(choice, callbacks);
    EXPECT_EQ(warning, "");
    choice.judges = {"http://example.com/v1#m"};
    open_jury(choice, callbacks);
    EXPECT_EQ(warning, "http://example.com/v1: OPENAI_API_KEY goes there unencrypted");
}

TEST_F(JuryTest, a_name_of_nothing_is_refused_with_the_ways_to_name_a_judge) {
    const test::ScopedEnvironment no_key("OPENAI_API_KEY", std::nullopt);
    choice.judges = {"nobody"};
    EXPECT_ERROR(open_jury(choice, callbacks), ErrorKind::BadInput,
                 "--judge nobody: neither a server nor a local model");
}

}  // namespace
}  // namespace urial::app
