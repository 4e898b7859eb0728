#include "base/json_reader.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "base/files.h"
#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial {
namespace {

using nlohmann::ordered_json;

std::string nested(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

/// {"k0":0,"k1":0,...}
std::string with_keys(std::size_t count) {
    std::string text = "{";
    for (std::size_t i = 0; i < count; ++i) text += fmt::format("{}\"k{}\":0", i == 0 ? "" : ",", i);
    return text + "}";
}

std::string fault(std::string_view text, const JsonLimits& limits = {}) {
    EXPECT_EQ(try_parse_json(text, limits).has_value(), false);
    return test::bad_input_of([&] { parse_json(text, limits); });
}

TEST(JsonReader, it_reads_what_the_library_reads) {
    for (const std::string text :
         {"null", "true", "false", "0", "-7", "18446744073709551615", "1.25e-3", R"("")", R"("a\u0000\ud83d\ude00é")",
          "[]", "{}", R"([1,[2,{"a":[]}],{"b":{"c":null,"d":[true]}}])", R"({"z":1,"a":{"y":2,"b":3},"":4})",
          " [ 1 , 2 ] \n"}) {
        EXPECT_EQ(parse_json(text), ordered_json::parse(text)) << text;
        EXPECT_EQ(parse_json(text).dump(), ordered_json::parse(text).dump()) << text << ": the order of keys";
    }
    const std::string many = with_keys(100);
    EXPECT_EQ(parse_json(many).dump(), ordered_json::parse(many).dump());
}

TEST(JsonReader, of_a_key_that_stands_twice_the_last_one_counts_unless_that_is_refused) {
    EXPECT_EQ(parse_json(R"({"a":1,"b":2,"a":[3]})").dump(), R"({"a":[3],"b":2})");
    std::string many = with_keys(40);
    many.insert(many.size() - 1, R"(,"k3":7,"k30":8)");
    EXPECT_EQ(parse_json(many)["k3"], 7);
    EXPECT_EQ(parse_json(many)["k30"], 8);
    EXPECT_EQ(parse_json(many).size(), 40U);
    EXPECT_EQ(fault(many, {.repeated_keys = false}), "has the key \"k3\" twice");
    EXPECT_TRUE(try_parse_json(R"([{"a":1},{"a":1}])", {.repeated_keys = false}));
}

TEST(JsonReader, each_limit_is_an_error_that_names_it) {
    EXPECT_TRUE(try_parse_json(nested(64)));
    EXPECT_EQ(fault(nested(65)), "is nested more than 64 levels deep");
    EXPECT_EQ(fault(std::string(1'000'000, '[')), "is nested more than 64 levels deep");
    EXPECT_TRUE(try_parse_json(with_keys(5), {.keys = 5}));
    EXPECT_EQ(fault(with_keys(6), {.keys = 5}), "has more than 5 keys in one object");
    EXPECT_TRUE(try_parse_json("[1,2,3]", {.values = 4}));
    EXPECT_EQ(fault("[1,2,3,4]", {.values = 4}), "has more than 4 values");
    EXPECT_EQ(fault(R"(["abcdefghijk"])", {.string_bytes = 10}), "has a text longer than 10 B");
    EXPECT_EQ(fault(R"({"abcdefghijk":1})", {.string_bytes = 10}), "has a text longer than 10 B");
    EXPECT_TRUE(try_parse_json("[1234567]", {.bytes = 9}));
    EXPECT_EQ(fault("[12345678]", {.bytes = 9}), "is longer than 9 B");
}

TEST(JsonReader, half_a_surrogate_pair_is_repaired_where_that_is_asked_for) {
    constexpr JsonLimits kRepairs{.repairs_surrogates = true};
    EXPECT_THROW(parse_json(R"("\ud83d")"), Error);
    EXPECT_EQ(parse_json(R"("a\ud83d b\uDC00c")", kRepairs), "a\uFFFD b\uFFFDc");
    EXPECT_EQ(parse_json(R"("\uD83D\uDE00")", kRepairs), "\U0001F600") << "a pair stays";
    EXPECT_EQ(parse_json(R"("\ud83d\ud83d\ude00")", kRepairs), "\uFFFD\U0001F600");
    EXPECT_EQ(parse_json(R"("\\ud83d \\\ud83d")", kRepairs), "\\ud83d \\\uFFFD")
        << "an escaped backslash begins no escape";
    EXPECT_THROW(parse_json(R"("\ud8")", kRepairs), Error);
    EXPECT_THROW(parse_json("\"\\ud83", kRepairs), Error);
}

TEST(JsonReader, what_is_not_json_is_named_by_its_place) {
    EXPECT_EQ(fault(""), "is not JSON (byte 1)");
    EXPECT_EQ(fault("[1,]"), "is not JSON (byte 4)");
    EXPECT_EQ(fault("{} x"), "is not JSON (byte 4)");
    EXPECT_EQ(fault("\"\xFF\""), "is not JSON (byte 2)");
    EXPECT_EQ(fault(std::string_view("\"\0\"", 3)), "is not JSON (byte 2)");
    EXPECT_NE(fault("[1e999]").find("has a number that is too large"), std::string::npos);
}

// The library's own ordered objects look through all keys for each new one: 300,000 of them take minutes.
TEST(JsonReader, the_time_for_an_object_grows_with_the_number_of_its_keys_and_not_with_the_square) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(parse_json(with_keys(300'000), kRecordLimits).size(), 300'000U);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

TEST(JsonReader, a_file_is_named_in_the_error) {
    const test::TemporaryFolder folder;
    write_file_atomic(folder / "a.json", "\xEF\xBB\xBF{\"a\":1}\n");
    EXPECT_EQ(read_json_file(folder / "a.json")["a"], 1);
    write_file_atomic(folder / "b.json", "{\"a\"");
    EXPECT_ERROR(read_json_file(folder / "b.json"), ErrorKind::BadInput, "b.json: is not JSON (byte 5)");
    write_file_atomic(folder / "c.json", "[1,2,3,4,5]");
    EXPECT_ERROR(read_json_file(folder / "c.json", {.bytes = 10}), ErrorKind::BadInput, "c.json: is larger than 10 B");
    EXPECT_ERROR(read_json_file(folder / "none"), ErrorKind::NotFound, "no such file");
}

}  // namespace
}  // namespace urial
