#include "generate/instructions.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/gzip.h"
#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial::generate {
namespace {

class InstructionsTest : public ::testing::Test {
protected:
    std::vector<Instruction> read(std::string_view content) {
        write_file_atomic(folder_ / "in.json", content);
        return read_instructions(folder_ / "in.json");
    }
    void expect_refused(std::string_view content, const std::string& part) {
        EXPECT_ERROR(read(content), ErrorKind::BadInput, part);
    }
    test::TemporaryFolder folder_;
};

TEST_F(InstructionsTest, arrays_and_lines_read_alike_and_keep_the_other_fields) {
    for (const char* content : {"{\"id\":7,\"instruction\":\"one\",\"tag\":[1]}\n{\"instruction\":\"two\"}\n",
                                " [{\"id\":7,\"instruction\":\"one\",\"tag\":[1]}, {\"instruction\":\"two\"}]"}) {
        const auto items = read(content);
        ASSERT_EQ(items.size(), 2U);
        EXPECT_EQ(items[0].id, "7");
        EXPECT_EQ(items[0].conversation.query, "one");
        EXPECT_EQ(items[0].fields["tag"][0], 1);
        EXPECT_EQ(items[1].id, "1") << "without an id the position stands for it";
    }
}

TEST_F(InstructionsTest, a_file_packed_with_gzip_is_known_by_its_content) {
    for (const char* content : {"{\"instruction\":\"one\"}\n", "[{\"instruction\":\"one\"}]"}) {
        const auto items = read(gzip(content));
        ASSERT_EQ(items.size(), 1U);
        EXPECT_EQ(items[0].conversation.query, "one");
    }
}

TEST_F(InstructionsTest, a_byte_order_mark_is_passed_over) {
    EXPECT_EQ(read("\xEF\xBB\xBF{\"instruction\":\"one\"}\r\n").at(0).conversation.query, "one");
}

TEST_F(InstructionsTest, an_item_knows_its_line_and_a_fault_in_an_array_its_place_too) {
    EXPECT_EQ(read("\n{\"instruction\":\"one\"}\n\n{\"instruction\":\"two\"}").at(1).line, 4U);
    EXPECT_EQ(read("[{\"instruction\":\"one\"},\n {\"instruction\":\"two\"}]").at(1).line, 2U);
    expect_refused("[{\"instruction\":\"one\"}, {\"text\":\"two\"}]",
                   "in.json: value 1 (line 1): the object has neither");
    expect_refused("{\"instruction\":\"one\"}\n{\"instruction\":}\n", "in.json:2: it is not JSON");
}

TEST_F(InstructionsTest, messages_become_turns_and_the_last_is_the_query) {
    const auto items = read(R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},)"
                            R"({"role":"user","content":"c"}]})");
    ASSERT_EQ(items[0].conversation.turns.size(), 1U);
    EXPECT_EQ(items[0].conversation.turns[0].query, "a");
    EXPECT_EQ(items[0].conversation.turns[0].answer, "b");
    EXPECT_EQ(items[0].conversation.query, "c");
}

TEST_F(InstructionsTest, a_system_message_may_come_first) {
    for (const char* role : {"system", "developer"}) {
        const auto items = read(fmt::format(
            R"({{"messages":[{{"role":"{}","content":"be brief"}},{{"role":"user","content":"a"}}]}})", role));
        EXPECT_EQ(items[0].conversation.system, "be brief");
        EXPECT_EQ(items[0].conversation.query, "a");
        EXPECT_TRUE(items[0].conversation.turns.empty());
    }
}

TEST_F(InstructionsTest, what_is_no_instruction_is_named_by_its_line) {
    expect_refused("{\"instruction\":\"a\"}\n{\"text\":\"b\"}\n", "in.json:2: the object has neither");
    expect_refused("{\"instruction\":\"  \"}\n", "in.json:1: \"instruction\" is empty");
    expect_refused("{\"instruction\":5}\n", "must be a string");
    expect_refused("\"text\"\n", "must be a JSON object");
    expect_refused("{\"id\":1,\"instruction\":\"a\"}\n{\"id\":\"1\",\"instruction\":\"b\"}\n", "id 1 occurs twice");
    expect_refused("{\"id\":1.5,\"instruction\":\"a\"}\n", "\"id\" must be");
    expect_refused("[{\"instruction\":\"a\"}, ", "the closing ] of the array is missing");
    expect_refused("[]", "holds no instruction");
    expect_refused("", "holds no instruction");
}

TEST_F(InstructionsTest, messages_must_alternate_and_end_with_the_user) {
    expect_refused(R"({"messages":[{"role":"system","content":"a"}]})", "the last message must be the user's");
    expect_refused(R"({"messages":[{"role":"system","content":"a"},{"role":"system","content":"b"}]})",
                   "behind at most one system message");
    expect_refused(R"({"messages":[{"role":"user","content":"a"},{"role":"system","content":"b"}]})",
                   "where \"assistant\" is due");
    expect_refused(R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})",
                   "the last message must be the user's");
    expect_refused(R"({"messages":[]})", "\"messages\" must be a list");
    expect_refused(R"({"messages":[{"role":"user"}]})", "each message must be an object");
}

TEST(ShardTest, parses_and_refuses) {
    EXPECT_EQ(parse_shard("2/5").index, 2U);
    EXPECT_EQ(parse_shard("2/5").count, 5U);
    for (const char* bad : {"", "3", "0/4", "5/4", "a/b", "1/4x", "-1/4"}) {
        EXPECT_ERROR(parse_shard(bad), ErrorKind::BadInput, "give I/N");
    }
}

}  // namespace
}  // namespace urial::generate
