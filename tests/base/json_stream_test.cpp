#include "base/json_stream.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/files.h"
#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial {
namespace {

using nlohmann::ordered_json;

class Folder : public test::TemporaryFolder {
public:
    std::filesystem::path write(const std::string& name, std::string_view content) const {
        write_file_atomic(path() / name, content);
        return path() / name;
    }
    /// `content` so many times.
    std::filesystem::path write_gzip(const std::string& name, std::string_view content, int times = 1) const {
        gzFile file = gzopen((path() / name).c_str(), "wb");
        for (int i = 0; i < times; ++i) gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
        gzclose(file);
        return path() / name;
    }
};

std::vector<std::string> values_of(const std::filesystem::path& path) {
    std::vector<std::string> values;
    for_each_json_value(path, [&](std::size_t index, ordered_json&& value) {
        EXPECT_EQ(index, values.size());
        values.push_back(value.dump());
    });
    return values;
}

using Values = std::vector<std::string>;

TEST(JsonStream, an_array_gives_its_elements_whatever_they_are) {
    const Folder folder;
    const auto path =
        folder.write("a.json", "\xEF\xBB\xBF [ {\"a\": \"}],\\\"{\"} , [1, [2]],\n\"x, ]\" ,3.5,null ] \n");
    EXPECT_EQ(values_of(path), (Values{R"({"a":"}],\"{"})", "[1,[2]]", "\"x, ]\"", "3.5", "null"}));
    EXPECT_EQ(values_of(folder.write("b.json", "[]")), Values{});
}

TEST(JsonStream, anything_else_is_a_sequence_of_values) {
    const Folder folder;
    EXPECT_EQ(values_of(folder.write("a.jsonl", "{\"b\":1,\"a\":2}\n{\"c\":3}\r\n")),
              (Values{R"({"b":1,"a":2})", R"({"c":3})"}));
    EXPECT_EQ(values_of(folder.write("one.json", "{\n \"a\": 1\n}")), Values{R"({"a":1})"});
    EXPECT_EQ(values_of(folder.write("number.json", "12")), Values{"12"});
    EXPECT_EQ(values_of(folder.write("empty.json", "")), Values{});
}

TEST(JsonStream, gzip_is_recognised_by_its_content) {
    const Folder folder;
    EXPECT_EQ(values_of(folder.write_gzip("packed.json", "[1,{\"a\":[]}]")), (Values{"1", R"({"a":[]})"}));
}

TEST(JsonStream, a_fault_is_named_with_its_place) {
    const Folder folder;
    const auto fault = [&](std::string_view text) {
        const auto path = folder.write("bad.json", text);
        return test::bad_input_of([&] { values_of(path); });
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
    const Folder folder;
    const auto whole = folder.write_gzip("whole.gz", std::string(100'000, '1'));
    std::filesystem::resize_file(whole, std::filesystem::file_size(whole) - 12);
    EXPECT_NE(test::bad_input_of([&] { values_of(whole); }).find("gzip data is damaged"), std::string::npos);
    EXPECT_NE(test::bad_input_of([&] { values_of(folder.path()); }).find("directory"), std::string::npos);
    EXPECT_ERROR(values_of(folder.path() / "none"), ErrorKind::NotFound, "no such file");
}

TEST(JsonStream, a_value_a_file_and_a_number_of_values_beyond_the_limit_are_errors_that_name_it) {
    const Folder folder;
    InputLimits limits;
    limits.value.bytes = 1000;
    limits.bytes = 100'000;
    limits.values = 50;
    const auto fault = [&](std::string_view text) {
        const auto path = folder.write("in.json", text);
        return test::bad_input_of([&] {
            for_each_json_value(
                path, [](std::size_t, ordered_json&&) {}, limits);
        });
    };
    const auto repeated = [](std::string_view text, int times) {
        std::string all;
        for (int i = 0; i < times; ++i) all += text;
        return all;
    };
    EXPECT_EQ(fault(repeated("1\n", 50)), "no error");
    EXPECT_NE(fault(repeated("1\n", 51)).find("more than 50 values"), std::string::npos);
    EXPECT_EQ(fault("\"" + std::string(998, 'a') + "\""), "no error");
    EXPECT_NE(fault("[\n\"" + std::string(999, 'a') + "\"]").find("value 0 (line 2): it is longer than 1.0 kB"),
              std::string::npos);
    EXPECT_NE(fault(std::string(100'001, ' ')).find("more than 100.0 kB of JSON"), std::string::npos);
    EXPECT_NE(fault("[" + std::string(70, '[')).find("cut off"), std::string::npos);
    EXPECT_NE(fault(std::string(70, '[') + std::string(70, ']')).find("it is nested more than 64 levels deep"),
              std::string::npos);
}

TEST(JsonStream, a_gzip_bomb_is_refused_before_it_has_unpacked) {
    const Folder folder;
    const std::string spaces(1 << 20, ' ');
    EXPECT_NE(test::bad_input_of([&] { values_of(folder.write_gzip("bomb.gz", spaces, 100)); }).find("400 times"),
              std::string::npos);
}

TEST(JsonStream, a_device_is_no_file) {
    EXPECT_ERROR(values_of("/dev/zero"), ErrorKind::BadInput, "/dev/zero: is a device");
    EXPECT_ERROR(read_file("/dev/zero"), ErrorKind::BadInput, "is a device");
    EXPECT_ERROR(for_each_json_line("/dev/zero", [](std::size_t, ordered_json&&) {}), ErrorKind::BadInput, "device");
}

}  // namespace
}  // namespace urial
