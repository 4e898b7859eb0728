#include <gtest/gtest.h>

#include "base/files.h"
#include "base/gzip.h"
#include "shift/shift.h"
#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial::shift {
namespace {

class AnswersTest : public ::testing::Test {
protected:
    std::vector<ShiftItem> read(std::string_view text) {
        write_file_atomic(folder_ / "answers", text);
        return read_answers(folder_ / "answers").items;
    }
    test::TemporaryFolder folder_;
};

TEST_F(AnswersTest, token_ids_with_both_prompts_need_no_instruction) {
    const auto items = read(R"({"base_prompt_ids": [1, 2], "aligned_prompt_ids": [3], "answer_ids": [4, 5]})");
    ASSERT_EQ(items.size(), 1U);
    EXPECT_EQ(items[0].id, "0");
    EXPECT_EQ(items[0].base_prompt_ids, (std::vector<Token>{1, 2}));
    EXPECT_EQ(items[0].answer_ids, (std::vector<Token>{4, 5}));
    EXPECT_FALSE(items[0].answer_text);
}

TEST_F(AnswersTest, text_stands_in_answer_or_output) {
    const auto items =
        read("{\"instruction\": \"Q\", \"answer\": \"A\"}\n{\"instruction\": \"R\", \"output\": \"B\"}\n");
    EXPECT_EQ(items[0].answer_text, "A");
    EXPECT_EQ(items[1].answer_text, "B");
    EXPECT_EQ(items[1].conversation.query, "R");
    EXPECT_FALSE(items[0].answer_ended);
}

TEST_F(AnswersTest, the_original_authors_raw_answers_end_with_their_mark) {
    const auto items = read(R"([{"id": 7, "pure_input": "Q", "input": "<s>[INST] Q", "output": ["A b.</s>"]}])");
    EXPECT_EQ(items[0].id, "7");
    EXPECT_EQ(items[0].conversation.query, "Q");
    EXPECT_EQ(items[0].answer_text, "A b.");
    EXPECT_TRUE(items[0].answer_ended);
}

TEST_F(AnswersTest, items_that_failed_before_are_left_out_and_counted) {
    write_file_atomic(folder_ / "answers",
                      "{\"instruction\": \"Q\", \"output\": null, \"error\": \"x\"}\n"
                      "{\"instruction\": \"Q\", \"output\": \"A\"}\n");
    const GivenAnswers given = read_answers(folder_ / "answers");
    ASSERT_EQ(given.items.size(), 1U);
    EXPECT_EQ(given.failed, 1U);
    EXPECT_EQ(given.items[0].id, "1") << "its place in the file, whatever became of the others";
}

TEST_F(AnswersTest, an_answer_with_a_field_error_is_an_answer) {
    EXPECT_EQ(read(R"({"instruction": "Q", "output": "A", "error": "of the input"})").size(), 1U);
}

TEST_F(AnswersTest, a_record_that_stands_twice_is_one_answer) {
    const std::string record = R"({"id": 1, "instruction": "Q", "output": "A", "key": "00ff"})";
    write_file_atomic(folder_ / "answers", record + "\n" + record + "\n\n");
    const GivenAnswers given = read_answers(folder_ / "answers");
    EXPECT_EQ(given.items.size(), 1U);
    EXPECT_EQ(given.repeated, 1U);
}

TEST_F(AnswersTest, a_file_packed_with_gzip_is_known_by_its_content) {
    const auto items = read(gzip("{\"instruction\": \"Q\", \"answer\": \"A\"}\n"));
    ASSERT_EQ(items.size(), 1U);
    EXPECT_EQ(items[0].answer_text, "A");
}

TEST_F(AnswersTest, an_empty_answer_is_an_error_with_its_line) {
    EXPECT_ERROR(read(R"({"instruction": "Q", "answer": " "})"), ErrorKind::BadInput, "answers:1: the answer is empty");
    EXPECT_ERROR(read(R"({"instruction": "Q", "output": ["</s>"]})"), ErrorKind::BadInput, "the answer is empty");
    EXPECT_ERROR(read(R"({"instruction": "Q", "answer_ids": []})"), ErrorKind::BadInput, "the answer is empty");
}

TEST_F(AnswersTest, what_is_no_answer_is_said) {
    EXPECT_ERROR(read(R"({"instruction": "Q"})"), ErrorKind::BadInput, "no answer");
    EXPECT_ERROR(read(R"({"answer": "A"})"), ErrorKind::BadInput, "no \"instruction\"");
    EXPECT_ERROR(read(R"({"instruction": "Q", "answer_ids": [1.5]})"), ErrorKind::BadInput, "1.5, not a token id");
    EXPECT_ERROR(read(R"({"instruction": "Q", "answer_ids": [3000000000]})"), ErrorKind::BadInput,
                 "3000000000, not a token id");
    EXPECT_ERROR(read("{\"id\": 1, \"instruction\": \"Q\", \"answer\": \"A\"}\n"
                      "{\"id\": 1, \"instruction\": \"Q\", \"answer\": \"A\"}\n"),
                 ErrorKind::BadInput, "answers:2: id 1 occurs twice");
    EXPECT_ERROR(read("\x1f\x8b junk"), ErrorKind::BadInput, "gzip data is damaged");
    EXPECT_ERROR(read("[]"), ErrorKind::BadInput, "holds no answer");
}

}  // namespace
}  // namespace urial::shift
