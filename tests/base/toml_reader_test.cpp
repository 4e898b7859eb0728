#include "base/toml_reader.h"

#include <string>

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace urial {
namespace {

std::string repeated_toml(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

std::string toml_fault(const std::string& text) {
    return test::bad_input_of([&] { parse_toml(text, "urial.toml"); });
}

TEST(TomlReader, it_reads_what_the_library_reads) {
    const std::string text = R"(
# a comment with "a quote and 'another [[[[
a.b."c.d".'e.f' = 1.5
numbers = [1.5, 2.5, 3.5, { x.y = 1 }]  # .....
text = "..........\"..................................."
literal = '\...........................................'
lines = """
[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ " "" \""" """""
more = '''
{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{ ' '' '''''
[table.of.tables]
[[list.of]]
)";
    EXPECT_EQ(toml_fault(text + repeated_toml("k = 1.0\n", 0)), "no error");
    EXPECT_EQ(parse_toml(text, "x"), toml::parse(text));
    EXPECT_EQ(toml_fault("numbers = [" + repeated_toml("1.5, ", 1000) + "]"), "no error");
    EXPECT_EQ(toml_fault("tables = [" + repeated_toml("{ a.b = 1 }, ", 1000) + "]"), "no error");
    EXPECT_EQ(toml_fault(repeated_toml("x", 30) + repeated_toml(".x", 31) + " = 1"), "no error");
}

TEST(TomlReader, what_would_overflow_the_parsers_stack_is_an_error_with_its_line) {
    for (const std::string& key :
         {repeated_toml("a.", 100'000) + "a", repeated_toml("\"a\".", 100'000) + "a", repeated_toml("a . ", 40) + "a",
          repeated_toml("'a'.\"b\" .", 100'000) + "a", repeated_toml("a.", 32) + "a"}) {
        EXPECT_EQ(toml_fault("x = 1\n" + key + " = 1"), "urial.toml:2: a key of more than 32 parts");
        EXPECT_EQ(toml_fault("x = \"\"\"\n\"\"\"\n[" + key + "]"), "urial.toml:3: a key of more than 32 parts");
        EXPECT_EQ(toml_fault("x = '''a''''\n[[" + key + "]]"), "urial.toml:2: a key of more than 32 parts");
        EXPECT_EQ(toml_fault("x = { y = 1, " + key + " = 2 }"), "urial.toml:1: a key of more than 32 parts");
    }
    EXPECT_EQ(toml_fault("x = " + repeated_toml("[", 100'000)), "urial.toml:1: more than 32 brackets in each other");
    EXPECT_EQ(toml_fault("x = " + repeated_toml("{a=", 100'000)), "urial.toml:1: more than 32 brackets in each other");
    EXPECT_EQ(toml_fault("x = " + repeated_toml("[{a=", 100'000)), "urial.toml:1: more than 32 brackets in each other");
}

TEST(TomlReader, a_file_larger_than_any_of_its_kind_is_refused) {
    EXPECT_EQ(toml_fault("x = '" + std::string(5 << 20, 'a') + "'"),
              "urial.toml: is larger than 4.2 MB, the most that such a file may have");
}

TEST(TomlReader, a_fault_is_named_with_line_and_column) {
    EXPECT_EQ(toml_fault("a = 1\nb = \n").substr(0, 15), "urial.toml:2:5:");
}

}  // namespace
}  // namespace urial
