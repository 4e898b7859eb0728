#include "base/unpacked_file.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/files.h"
#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial {
namespace {

struct ReadLine {
    std::string text;
    std::size_t number;
    bool is_whole;
    bool is_too_long;
    bool operator==(const ReadLine&) const = default;
};

std::vector<ReadLine> lines_read(const fs::path& path, std::size_t longest) {
    LineReader reader(path, longest);
    std::vector<ReadLine> lines;
    while (const auto line = reader.next()) {
        lines.push_back({std::string(line->text), line->number, line->is_whole, line->is_too_long});
    }
    return lines;
}

TEST(UnpackedFile, lines_are_given_one_at_a_time_and_the_last_one_may_be_torn) {
    const test::TemporaryFolder folder;
    const fs::path path = folder / "lines";
    write_file_atomic(path, "one\n\ntwo\nthr");
    const std::vector<ReadLine> expected{
        {"one", 1, true, false}, {"", 2, true, false}, {"two", 3, true, false}, {"thr", 4, false, false}};
    EXPECT_EQ(lines_read(path, 10), expected);
    write_file_atomic(path, "");
    EXPECT_TRUE(lines_read(path, 10).empty());
}

/// Both packed and not.
std::vector<fs::path> both_forms(const test::TemporaryFolder& folder, const std::string& content) {
    write_file_atomic(folder / "plain", content);
    gzFile file = gzopen((folder / "packed.gz").c_str(), "wb");
    EXPECT_EQ(gzwrite(file, content.data(), static_cast<unsigned>(content.size())), static_cast<int>(content.size()));
    gzclose(file);
    return {folder / "plain", folder / "packed.gz"};
}

TEST(UnpackedFile, a_line_is_read_once_more_from_its_place) {
    const test::TemporaryFolder folder;
    std::string content;
    for (int i = 0; i < 100'000; ++i)
        content += std::string(static_cast<std::size_t>(i % 13), 'x') + std::to_string(i) + "\n";
    content += "torn";
    for (const fs::path& path : both_forms(folder, content)) {
        LineReader reader(path, 100);
        std::vector<std::pair<std::size_t, std::string>> places;
        while (const auto line = reader.next()) {
            if (line->number % 9'973 == 1 || !line->is_whole) places.emplace_back(line->begin, line->text);
        }
        ASSERT_EQ(places.size(), 12U);
        UnpackedFile file(path, content.size());
        for (const std::size_t each : {0U, 5U, 5U, 11U, 2U, 10U}) {
            const auto& [begin, text] = places[each];
            file.seek(begin);
            EXPECT_EQ(file.next().substr(0, text.size()), text) << path << ", byte " << begin;
        }
    }
}

TEST(UnpackedFile, of_a_line_that_is_too_long_only_the_beginning_is_held) {
    const test::TemporaryFolder folder;
    const fs::path path = folder / "lines";
    write_file_atomic(path, "12345\n" + std::string(3'000'000, 'x') + "\n123456\nend\n");
    const std::vector<ReadLine> expected{
        {"12345", 1, true, false}, {"xxxxx", 2, true, true}, {"12345", 3, true, true}, {"end", 4, true, false}};
    EXPECT_EQ(lines_read(path, 5), expected);
}

TEST(UnpackedFile, a_line_may_be_longer_than_what_is_read_at_once_and_packed) {
    const test::TemporaryFolder folder;
    const fs::path path = folder / "lines.gz";
    std::string text;
    for (int i = 0; i < 200'000; ++i) text += std::to_string(i * 7919 % 10'007);
    gzFile file = gzopen(path.c_str(), "wb");
    const std::string content = "a\n" + text + "\nb";
    ASSERT_EQ(gzwrite(file, content.data(), static_cast<unsigned>(content.size())), static_cast<int>(content.size()));
    gzclose(file);
    const std::vector<ReadLine> expected{{"a", 1, true, false}, {text, 2, true, false}, {"b", 3, false, false}};
    EXPECT_EQ(lines_read(path, 10'000'000), expected);
}

TEST(UnpackedFile, damaged_gzip_data_is_an_error) {
    const test::TemporaryFolder folder;
    const fs::path path = folder / "lines.gz";
    gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, "some text\nand more\n", 19);
    gzclose(file);
    const std::string packed = read_file(path);
    write_file_atomic(path, packed.substr(0, packed.size() - 10));
    EXPECT_ERROR(lines_read(path, 100), ErrorKind::BadInput, "damaged or cut off");
    EXPECT_ERROR(lines_read(folder / "none", 100), ErrorKind::NotFound, "none");
}

}  // namespace
}  // namespace urial
