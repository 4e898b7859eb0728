#include "retrieve/pool.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial::retrieve {
namespace {

class PoolFile : public ::testing::Test {
protected:
    Pool read(std::string_view content) {
        write_file_atomic(folder_ / "pool.json", content);
        return read_pool(folder_ / "pool.json");
    }
    test::TemporaryFolder folder_;
};

TEST_F(PoolFile, an_array_of_alpaca_has_the_input_behind_the_instruction) {
    const Pool pool = read(R"([{"instruction": "Add.", "input": "1 and 2", "output": "3"},
                               {"instruction": "Say hello.", "input": "", "output": "Hello."}])");
    ASSERT_EQ(pool.examples.size(), 2U);
    EXPECT_EQ(pool.examples[0].instruction, "Add.\n\n1 and 2");
    EXPECT_EQ(pool.examples[0].answer, "3");
    EXPECT_EQ(pool.examples[1].instruction, "Say hello.");
    EXPECT_EQ(pool.left_out, 0U);
}

TEST_F(PoolFile, of_messages_the_first_question_and_its_answer_count) {
    const Pool pool = read(
        R"({"dataset": "x", "id": "x_1", "messages": [{"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Q1"}, {"role": "assistant", "content": "A1"},
            {"role": "user", "content": "Q2"}, {"role": "assistant", "content": "A2"}]})");
    ASSERT_EQ(pool.examples.size(), 1U);
    EXPECT_EQ(pool.examples[0].instruction, "Q1");
    EXPECT_EQ(pool.examples[0].answer, "A1");
}

TEST_F(PoolFile, what_has_no_answer_is_counted_and_left_out) {
    const Pool pool = read(
        "{\"instruction\": \"a\", \"output\": \"b\"}\n"
        "{\"instruction\": \"a\", \"output\": \" \"}\n"
        "{\"instruction\": \"a\", \"output\": null}\n"
        "{\"messages\": [{\"role\": \"user\", \"content\": \"q\"}]}\n"
        "{\"key\": \"k\", \"instruction\": \"a\", \"error\": \"too long\"}\n");
    EXPECT_EQ(pool.examples.size(), 1U);
    EXPECT_EQ(pool.left_out, 4U);
}

TEST_F(PoolFile, other_forms_are_errors_with_their_place) {
    EXPECT_ERROR(read("{\"instruction\": \"a\", \"output\": \"b\"}\n{\"prompt\": \"a\"}\n"), ErrorKind::BadInput,
                 "pool.json:2: the object has neither \"instruction\"");
    EXPECT_ERROR(read(R"({"instruction": 7, "output": "b"})"), ErrorKind::BadInput, "\"instruction\" must be a string");
    EXPECT_ERROR(read(R"({"instruction": "a", "output": ""})"), ErrorKind::BadInput,
                 "holds no answered instruction (1 ");
}

}  // namespace
}  // namespace urial::retrieve
