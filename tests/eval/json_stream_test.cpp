#include "eval/json_stream.h"

#include <vector>

#include "eval_testing.h"

namespace urial::eval {
namespace {

std::vector<std::string> values_of(const std::filesystem::path& path) {
    std::vector<std::string> values;
    for_each_json_value(path, [&](std::size_t index, Json&& value) {
        EXPECT_EQ(index, values.size());
        values.push_back(value.dump());
    });
    return values;
}

using Values = std::vector<std::string>;

TEST(JsonStream, an_array_gives_its_elements_whatever_they_are) {
    const TemporaryFolder folder;
    const auto path =
        folder.write("a.json", "\xEF\xBB\xBF [ {\"a\": \"}],\\\"{\"} , [1, [2]],\n\"x, ]\" ,3.5,null ] \n");
    EXPECT_EQ(values_of(path), (Values{R"({"a":"}],\"{"})", "[1,[2]]", "\"x, ]\"", "3.5", "null"}));
    EXPECT_EQ(values_of(folder.write("b.json", "[]")), Values{});
}

TEST(JsonStream, anything_else_is_a_sequence_of_values) {
    const TemporaryFolder folder;
    EXPECT_EQ(values_of(folder.write("a.jsonl", "{\"b\":1,\"a\":2}\n{\"c\":3}\r\n")),
              (Values{R"({"b":1,"a":2})", R"({"c":3})"}));
    EXPECT_EQ(values_of(folder.write("one.json", "{\n \"a\": 1\n}")), Values{R"({"a":1})"});
    EXPECT_EQ(values_of(folder.write("number.json", "12")), Values{"12"});
    EXPECT_EQ(values_of(folder.write("empty.json", "")), Values{});
}

TEST(JsonStream, gzip_is_recognised_by_its_content) {
    const TemporaryFolder folder;
    EXPECT_EQ(values_of(folder.write_gzip("packed.json", "[1,{\"a\":[]}]")), (Values{"1", R"({"a":[]})"}));
}

TEST(JsonStream, a_fault_is_named_with_its_place) {
    const TemporaryFolder folder;
    const auto fault = [&](std::string_view text) {
        const auto path = folder.write("bad.json", text);
        return message_of([&] { values_of(path); });
    };
    EXPECT_NE(fault("[{\"a\":1},\n{\"a\":}]").find("value 1 (line 2): it is not JSON"), std::string::npos);
    EXPECT_NE(fault("[{\"a\":1},\n{\"a\":\"x").find("cut off"), std::string::npos);
    EXPECT_NE(fault("[{\"a\":1}").find("closing ]"), std::string::npos);
    EXPECT_NE(fault("[1 2]").find("comma is missing"), std::string::npos);
    EXPECT_NE(fault("[1,,2]").find("missing before a comma"), std::string::npos);
    EXPECT_NE(fault("[1] 2").find("after the closing ]"), std::string::npos);
    EXPECT_NE(fault("{\"a\":1}\n}").find("never opened"), std::string::npos);
    EXPECT_NE(fault("{\"a\":\"\xFF\"}").find("UTF-8"), std::string::npos);
}

TEST(JsonStream, damaged_gzip_a_folder_and_a_missing_file_are_errors) {
    const TemporaryFolder folder;
    const auto whole = folder.write_gzip("whole.gz", std::string(100'000, '1'));
    std::filesystem::resize_file(whole, std::filesystem::file_size(whole) - 12);
    EXPECT_NE(message_of([&] { values_of(whole); }).find("gzip data is damaged"), std::string::npos);
    EXPECT_NE(message_of([&] { values_of(folder.path()); }).find("directory"), std::string::npos);
    EXPECT_NE(message_of([&] { values_of(folder.path() / "none"); }).find("no such file"), std::string::npos);
}

}  // namespace
}  // namespace urial::eval
