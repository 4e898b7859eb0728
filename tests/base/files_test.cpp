#include "base/files.h"

#include <fstream>
#include <random>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <nlohmann/json.hpp>

#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial {
namespace {

using nlohmann::ordered_json;
using test::TemporaryFolder;

std::vector<ordered_json> lines_of(const fs::path& path) {
    std::vector<ordered_json> lines;
    for_each_json_line(path, [&](std::size_t, ordered_json&& line) { lines.push_back(std::move(line)); });
    return lines;
}

TEST(Files, a_missing_file_a_directory_and_foreign_bytes_are_named) {
    const TemporaryFolder folder;
    EXPECT_ERROR(read_file(folder / "none"), ErrorKind::NotFound, "none: no such file");
    EXPECT_ERROR(read_file(folder.path()), ErrorKind::BadInput, "is a directory");
    write_file_atomic(folder / "latin1", "caf\xE9");
    EXPECT_ERROR(read_text_file(folder / "latin1"), ErrorKind::BadInput, "not UTF-8 at byte 3");
}

TEST(Files, a_byte_order_mark_is_not_text) {
    const TemporaryFolder folder;
    write_file_atomic(folder / "bom", "\xEF\xBB\xBFhello");
    EXPECT_EQ(read_text_file(folder / "bom"), "hello");
}

TEST(Files, an_atomic_write_leaves_nothing_beside_the_file_and_sets_its_mode) {
    const TemporaryFolder folder;
    write_file_atomic(folder / "below/secret", "one", 0600);
    write_file_atomic(folder / "below/secret", "two", 0600);
    EXPECT_EQ(read_file(folder / "below/secret"), "two");
    struct stat status {};
    ASSERT_EQ(::stat((folder / "below/secret").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder / "below"), fs::directory_iterator()), 1);
}

TEST(Files, a_full_disk_is_an_error_that_names_the_file) {
    if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full on this system";
    JsonLinesWriter writer("/dev/full", JsonLinesWriter::Open::Append);
    EXPECT_ERROR(writer.append({{"a", 1}}), ErrorKind::Io, "/dev/full: cannot write");
}

TEST(JsonLines, a_line_that_its_reader_cannot_take_is_named_too) {
    const TemporaryFolder folder;
    write_file_atomic(folder / "in.jsonl", "{\"id\": \"a\"}\n{\"id\": 7}\n");
    const auto read = [&] {
        for_each_json_line(folder / "in.jsonl",
                           [](std::size_t, ordered_json&& line) { line.at("id").get<std::string>(); });
    };
    EXPECT_ERROR(read(), ErrorKind::BadInput, "in.jsonl:2: ");
}

TEST(JsonLines, a_bad_line_is_named_by_its_number) {
    const TemporaryFolder folder;
    const auto expect = [&](std::string_view content, std::string_view part) {
        write_file_atomic(folder / "in.jsonl", content);
        EXPECT_ERROR(lines_of(folder / "in.jsonl"), ErrorKind::BadInput, std::string(part));
    };
    expect("{\"a\":1}\n\n{\"a\":2}\n", "in.jsonl:2: empty line");
    expect("{\"a\":1}\n{\"a\":\n", "in.jsonl:2: not a JSON value");
    expect("{\"a\":1}\n{\"a\":2}\n{\"a", "in.jsonl:3: not a JSON value, and the line has no end");
    expect("{\"a\":\"\xFF\"}\n", "in.jsonl:1: not UTF-8");
}

TEST(JsonLines, a_last_line_without_newline_is_read_when_it_is_whole) {
    const TemporaryFolder folder;
    write_file_atomic(folder / "in.jsonl", "{\"a\":1}\r\n{\"a\":2}");
    EXPECT_EQ(lines_of(folder / "in.jsonl").size(), 2U);
}

TEST(JsonLines, a_line_longer_than_a_block_is_one_line) {
    const TemporaryFolder folder;
    const std::string text(3'000'000, 'x');
    write_file_atomic(folder / "in.jsonl", ordered_json{{"text", text}}.dump() + "\n{\"b\":1}\n");
    const auto lines = lines_of(folder / "in.jsonl");
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0]["text"], text);
}

TEST(JsonLinesWriter, a_file_cut_at_any_byte_is_repaired_to_whole_records) {
    const TemporaryFolder folder;
    const std::string whole = "{\"n\":1}\n{\"n\":22}\n{\"n\":333}\n";
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
        const fs::path path = folder / "out.jsonl";
        write_file_atomic(path, whole.substr(0, cut));
        JsonLinesWriter writer(path, JsonLinesWriter::Open::Append);
        const std::size_t end = whole.rfind('\n', cut == 0 ? 0 : cut - 1);
        const std::size_t kept = cut == 0 || end == std::string::npos ? 0 : end + 1;
        EXPECT_EQ(writer.repaired_bytes(), cut - kept) << "cut at " << cut;
        writer.append({{"n", 4}});
        EXPECT_EQ(read_file(path), whole.substr(0, kept) + "{\"n\":4}\n") << "cut at " << cut;
    }
}

TEST(JsonLinesWriter, a_second_writer_of_the_same_file_is_refused) {
    const TemporaryFolder folder;
    const JsonLinesWriter first(folder / "out.jsonl", JsonLinesWriter::Open::Append);
    EXPECT_ERROR(JsonLinesWriter(folder / "out.jsonl", JsonLinesWriter::Open::Append), ErrorKind::Unavailable,
                 "is being written by another run");
}

TEST(JsonLinesWriter, a_rewritten_file_stays_locked_and_can_be_appended_to) {
    const TemporaryFolder folder;
    JsonLinesWriter writer(folder / "out.jsonl", JsonLinesWriter::Open::Append);
    writer.append({{"n", 1}});
    writer.replace("{\"n\":2}\n");
    EXPECT_ERROR(JsonLinesWriter(folder / "out.jsonl", JsonLinesWriter::Open::Append), ErrorKind::Unavailable,
                 "another");
    writer.append({{"n", 3}});
    EXPECT_EQ(read_file(folder / "out.jsonl"), "{\"n\":2}\n{\"n\":3}\n");
}

}  // namespace
}  // namespace urial
