#include "retrieve/pool.h"

#include <fstream>

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial::retrieve {
namespace {

class PoolTest : public ::testing::Test {
protected:
    Pool read(const std::string& text) {
        std::ofstream(path_) << text;
        return read_pool(path_);
    }

    test::TemporaryFolder folder_;
    std::filesystem::path path_ = folder_ / "pool.json";
};

TEST_F(PoolTest, alpacas_input_stands_behind_its_instruction) {
    const Pool pool = read(R"([{"instruction": "Translate.", "input": "Hund", "output": "dog"},
                               {"instruction": "Name a color.", "input": "", "output": "Red"}])");
    ASSERT_EQ(pool.examples.size(), 2U);
    EXPECT_EQ(pool.examples[0].question, "Translate.\n\nHund");
    EXPECT_EQ(pool.examples[0].answer, "dog");
    EXPECT_EQ(pool.examples[1].question, "Name a color.");
    EXPECT_EQ(pool.examples[1].id, "1");
}

TEST_F(PoolTest, of_messages_the_first_question_and_its_answer_count) {
    const Pool pool = read(
        R"({"id": "a", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
{"id": "b", "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "1+1?"},
 {"role": "assistant", "content": "2"}, {"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]}
)");
    ASSERT_EQ(pool.examples.size(), 2U);
    EXPECT_EQ(pool.examples[0].id, "a");
    EXPECT_EQ(pool.examples[1].question, "1+1?");
    EXPECT_EQ(pool.examples[1].answer, "2");
}

TEST_F(PoolTest, own_answers_are_a_pool_without_those_that_failed) {
    const Pool pool = read(R"({"id": 0, "instruction": "Why?", "key": "a", "output": "So.", "finish_reason": "stop"}
{"id": 1, "instruction": "How?", "key": "b", "output": null, "error": "too long"}
{"id": 2, "instruction": " Why?\n", "key": "c", "output": "Again.", "finish_reason": "stop"}
)");
    ASSERT_EQ(pool.examples.size(), 1U);
    EXPECT_EQ(pool.examples[0].answer, "So.");
    EXPECT_EQ(pool.left_out, 2U) << "the failed one, and the same question again";
}

TEST_F(PoolTest, the_hash_tells_pools_apart) {
    const std::string one = read(R"({"instruction": "a", "output": "b"})").content_hash;
    EXPECT_EQ(read(R"([{"output": "b", "instruction": "a"}])").content_hash, one) << "the same in another form";
    EXPECT_NE(read(R"({"instruction": "a", "output": "c"})").content_hash, one);
}

TEST_F(PoolTest, what_is_no_example_is_refused_with_its_place) {
    EXPECT_ERROR(read("{\"instruction\": \"a\", \"output\": \"b\"}\n{\"instruction\": \"a\"}\n"), ErrorKind::BadInput,
                 "pool.json:2: ");
    EXPECT_ERROR(read(R"({"messages": [{"role": "assistant", "content": "a"}]})"), ErrorKind::BadInput,
                 "must begin with a user's message");
    EXPECT_ERROR(read(R"({"messages": 1, "output": "b"})"), ErrorKind::BadInput, "must be a list");
    EXPECT_ERROR(read("[]"), ErrorKind::BadInput, "holds no example");
}

}  // namespace
}  // namespace urial::retrieve
