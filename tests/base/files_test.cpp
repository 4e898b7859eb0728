#include "base/files.h"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <memory>
#include <thread>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/file_system.h"
#include "base/json_reader.h"
#include "support/expect_error.h"
#include "support/file_systems.h"
#include "support/sandbox.h"

namespace urial {
namespace {

using nlohmann::ordered_json;
using test::FaultyFileSystem;
using test::TemporaryFolder;

std::ptrdiff_t files_in(const fs::path& folder) {
    return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

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

TEST(Files, an_atomic_write_that_fails_at_any_call_leaves_the_old_content_and_nothing_beside_it) {
    for (const std::string_view failing : {"open", "write", "sync", "rename"}) {
        const TemporaryFolder folder;
        write_file_atomic(folder / "file", "old");
        FaultyFileSystem disk;
        disk.fault = [&](std::string_view call) { return call == failing ? ENOSPC : 0; };
        SCOPED_TRACE(failing);
        {
            const ReplacedFileSystem replaced(disk);
            EXPECT_ERROR(write_file_atomic(folder / "file", "new"), ErrorKind::Io, "file: cannot");
        }
        EXPECT_EQ(read_file(folder / "file"), "old") << failing;
        EXPECT_EQ(files_in(folder.path()), 1) << failing;
    }
}

TEST(Files, an_atomic_write_is_on_the_disk_before_it_takes_the_name_and_the_name_after_it) {
    const TemporaryFolder folder;
    std::vector<std::string> calls;
    FaultyFileSystem disk;
    disk.fault = [&](std::string_view call) {
        calls.emplace_back(call);
        return 0;
    };
    const ReplacedFileSystem replaced(disk);
    write_file_atomic(folder / "file", "new");
    std::erase_if(calls, [](const std::string& call) { return call == "open" || call == "lock"; });
    EXPECT_EQ(calls, (std::vector<std::string>{"write", "sync", "rename", "sync"}));
}

TEST(Files, what_a_killed_process_left_beside_a_file_is_removed_by_the_next_write_and_nothing_else_is) {
    const TemporaryFolder folder;
    auto unfinished = std::make_unique<AtomicFile>(folder / "file");
    std::ofstream(folder / ".file.urial-abc123") << "left";
    std::ofstream(folder / ".file.urial-notes") << "somebody's";
    std::ofstream(folder / "file.abc123") << "somebody's";
    write_file_atomic(folder / "file", "new");
    EXPECT_FALSE(fs::exists(folder / ".file.urial-abc123"));
    EXPECT_TRUE(fs::exists(folder / ".file.urial-notes"));
    EXPECT_TRUE(fs::exists(folder / "file.abc123"));
    EXPECT_TRUE(fs::exists(unfinished->temporary())) << "its lock says that it is being written";
    unfinished->write("newer");
    unfinished->commit();
    EXPECT_EQ(read_file(folder / "file"), "newer");
}

TEST(Files, a_link_stays_one_and_a_device_is_written_to) {
    const TemporaryFolder folder;
    write_file_atomic(folder / "real", "old");
    fs::create_symlink("real", folder / "link");
    write_file_atomic(folder / "link", "new");
    EXPECT_TRUE(fs::is_symlink(folder / "link"));
    EXPECT_EQ(read_file(folder / "real"), "new");
    write_file_atomic("/dev/null", "gone");
    EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST(Files, calls_that_a_signal_interrupts_are_made_again) {
    const TemporaryFolder folder;
    FaultyFileSystem disk;
    disk.fault = [&](std::string_view call) { return disk.calls.find(call)->second % 2 == 1 ? EINTR : 0; };
    const ReplacedFileSystem replaced(disk);
    write_file_atomic(folder / "below/file", "new");
    JsonLinesWriter writer(folder / "out.jsonl");
    writer.append({{"n", 1}});
    writer.sync();
    writer.begin_anew();
    writer.append({{"n", 2}});
    writer.replace("{\"n\":3}\n");
    EXPECT_EQ(read_file(folder / "below/file"), "new");
    EXPECT_EQ(read_file(folder / "out.jsonl"), "{\"n\":3}\n");
    for (const char* call : {"open", "write", "truncate", "sync", "sync_data", "lock", "rename", "make_directory"}) {
        EXPECT_GE(disk.calls[call], 2U) << call;
    }
}

TEST(Files, a_folder_that_is_missing_is_named_where_none_is_to_be_made) {
    const TemporaryFolder folder;
    EXPECT_ERROR(check_parent_folder(folder / "none/page.html"), ErrorKind::NotFound, "there is no folder");
    check_parent_folder(folder / "page.html");
    check_parent_folder("page.html");
}

TEST(Files, one_file_under_two_names_is_seen) {
    const TemporaryFolder folder;
    write_file_atomic(folder / "in", "");
    fs::create_symlink("in", folder / "link");
    fs::create_hard_link(folder / "in", folder / "hard");
    EXPECT_ERROR(refuse_same_file(folder / "in", folder / "link"), ErrorKind::BadInput, "are the same file");
    EXPECT_ERROR(refuse_same_file(folder / "in", folder / "hard"), ErrorKind::BadInput, "are the same file");
    refuse_same_file(folder / "in", folder / "none");
    refuse_same_file(folder / "none", folder / "none");
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
    expect("{\"a\":1}\n\n{\"a\":\n", "in.jsonl:3: is not JSON (byte 6)");
    expect("{\"a\":1}\n{\"a\":\n", "in.jsonl:2: is not JSON (byte 6)");
    expect("{\"a\":1}\n{\"a\":2}\n{\"a", "in.jsonl:3: is not JSON (byte 4), and the line has no end");
    expect("{\"a\":\"\xFF\"}\n", "in.jsonl:1: not UTF-8");
}

TEST(JsonLines, blank_lines_are_passed_over) {
    const TemporaryFolder folder;
    write_file_atomic(folder / "in.jsonl", "{\"a\":1}\n\n{\"a\":2}\r\n\r\n \n\n");
    EXPECT_EQ(lines_of(folder / "in.jsonl").size(), 2U);
    EXPECT_TRUE(for_each_written_line(folder / "in.jsonl", [](std::size_t, ordered_json&&) {}).empty());
}

TEST(JsonLines, a_line_and_a_file_beyond_the_limits_are_errors_that_name_them) {
    const TemporaryFolder folder;
    InputLimits limits;
    limits.value.bytes = 1000;
    limits.bytes = 2000;
    limits.values = 3;
    const auto fault = [&](std::string_view content) {
        write_file_atomic(folder / "in.jsonl", content);
        return test::bad_input_of([&] {
            for_each_json_line(
                folder / "in.jsonl", [](auto, auto&&) {}, limits);
        });
    };
    EXPECT_EQ(fault("1\n2\n3\n"), "no error");
    EXPECT_NE(fault("1\n2\n3\n4\n").find("in.jsonl:4: more than 3 lines"), std::string::npos);
    EXPECT_NE(fault("1\n" + std::string(1001, '1')).find("in.jsonl:2: the line is longer than 1.0 kB"),
              std::string::npos);
    EXPECT_NE(fault(std::string(2001, '\n')).find("more than 2.0 kB in all"), std::string::npos);
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

TEST(JsonLines, damaged_lines_are_numbered_and_can_be_set_aside_under_a_new_name) {
    const TemporaryFolder folder;
    const std::string zeros(10, '\0');
    const std::string text = "{\"n\":1}\n" + zeros + "\":2}\n{\"n\":3}\n{\"n\"{\"n\":4}\n{\"n\":5";
    write_file_atomic(folder / "out.jsonl", text);
    std::vector<int> read;
    const auto damaged = for_each_written_line(folder / "out.jsonl",
                                               [&](std::size_t, ordered_json&& line) { read.push_back(line["n"]); });
    EXPECT_EQ(read, (std::vector{1, 3}));
    EXPECT_EQ(damaged, (std::vector<std::size_t>{2, 4}));
    EXPECT_EQ(select_lines(folder / "out.jsonl", [](std::size_t line) { return line == 2; }), zeros + "\":2}\n");
    write_file_atomic(folder / "out.jsonl.damaged", "somebody's");
    EXPECT_EQ(set_aside(folder / "out.jsonl", "x\n"), folder / "out.jsonl.damaged-2");
    EXPECT_EQ(read_file(folder / "out.jsonl.damaged"), "somebody's");
}

TEST(JsonLines, lines_are_read_on_several_threads_and_taken_in_their_order) {
    const TemporaryFolder folder;
    std::string text;
    for (int i = 0; i < 5000; ++i) text += fmt::format("{:>4000}\n{}", i, i % 7 == 0 ? " \n" : "");
    write_file_atomic(folder / "in.jsonl", text + "torn");
    const std::thread::id here = std::this_thread::get_id();
    std::vector<int> taken;
    for_each_line_parallel(folder / "in.jsonl", [&](std::size_t, std::string_view line) -> std::function<void()> {
        const int value = std::stoi(std::string(line));
        if (value % 2 == 1) return {};
        return [&, value] {
            EXPECT_EQ(std::this_thread::get_id(), here);
            taken.push_back(value);
        };
    });
    ASSERT_EQ(taken.size(), 2500U);
    for (int i = 0; i < 2500; ++i) ASSERT_EQ(taken[static_cast<std::size_t>(i)], 2 * i);

    const auto refuse = [](std::size_t number, std::string_view line) -> std::function<void()> {
        if (line.back() == '9') throw error(ErrorKind::BadInput, "line {}", number);
        return {};
    };
    EXPECT_ERROR(for_each_line_parallel(folder / "in.jsonl", refuse), ErrorKind::BadInput, "line 12");
}

TEST(JsonLinesWriter, opening_changes_nothing_that_is_there) {
    const TemporaryFolder folder;
    for (const std::string content : {"a diary", "{\"n\":1}\n{\"n\"", "\n\n"}) {
        write_file_atomic(folder / "out.jsonl", content);
        EXPECT_EQ(JsonLinesWriter(folder / "out.jsonl").size(), content.size());
        EXPECT_EQ(read_file(folder / "out.jsonl"), content);
    }
}

TEST(JsonLinesWriter, a_new_file_without_a_line_goes_with_its_writer) {
    const TemporaryFolder folder;
    { const JsonLinesWriter writer(folder / "out.jsonl"); }
    EXPECT_FALSE(fs::exists(folder / "out.jsonl"));
    write_file_atomic(folder / "empty.jsonl", "");
    { const JsonLinesWriter writer(folder / "empty.jsonl"); }
    EXPECT_TRUE(fs::exists(folder / "empty.jsonl")) << "somebody else made it";
}

TEST(JsonLinesWriter, a_file_cut_at_any_byte_is_repaired_to_whole_records) {
    const TemporaryFolder folder;
    const std::string whole = "{\"n\":1}\n{\"n\":22}\n{\"n\":333}\n";
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
        const fs::path path = folder / "out.jsonl";
        write_file_atomic(path, whole.substr(0, cut));
        JsonLinesWriter writer(path);
        const std::size_t end = whole.rfind('\n', cut == 0 ? 0 : cut - 1);
        const std::size_t kept = cut == 0 || end == std::string::npos ? 0 : end + 1;
        EXPECT_EQ(writer.repair(), cut - kept) << "cut at " << cut;
        writer.append({{"n", 4}});
        EXPECT_EQ(read_file(path), whole.substr(0, kept) + "{\"n\":4}\n") << "cut at " << cut;
    }
}

TEST(JsonLinesWriter, a_torn_tail_longer_than_a_block_is_cut_off) {
    const TemporaryFolder folder;
    write_file_atomic(folder / "out.jsonl", "{\"n\":1}\n" + std::string(200'000, 'x'));
    JsonLinesWriter writer(folder / "out.jsonl");
    EXPECT_EQ(writer.repair(), 200'000U);
    EXPECT_EQ(read_file(folder / "out.jsonl"), "{\"n\":1}\n");
}

TEST(JsonLinesWriter, a_write_that_takes_a_part_is_continued) {
    const TemporaryFolder folder;
    FaultyFileSystem disk;
    disk.longest_write = 3;
    const ReplacedFileSystem replaced(disk);
    JsonLinesWriter writer(folder / "out.jsonl");
    writer.append({{"n", 12345}});
    EXPECT_EQ(read_file(folder / "out.jsonl"), "{\"n\":12345}\n");
}

TEST(JsonLinesWriter, half_a_record_on_a_full_disk_is_cut_off_and_later_records_are_whole) {
    const TemporaryFolder folder;
    FaultyFileSystem disk;
    disk.longest_write = 5;
    const ReplacedFileSystem replaced(disk);
    JsonLinesWriter writer(folder / "out.jsonl");
    writer.append({{"n", 1}});
    disk.calls.clear();
    disk.fault = [&](std::string_view call) { return call == "write" && disk.calls["write"] == 2 ? ENOSPC : 0; };
    EXPECT_ERROR(writer.append({{"n", 2}}), ErrorKind::Io, "out.jsonl: cannot write: No space left");
    EXPECT_EQ(read_file(folder / "out.jsonl"), "{\"n\":1}\n");
    writer.append({{"n", 3}});
    EXPECT_EQ(read_file(folder / "out.jsonl"), "{\"n\":1}\n{\"n\":3}\n");
}

TEST(JsonLinesWriter, half_a_record_that_cannot_be_cut_off_is_the_last_thing_in_the_file) {
    const TemporaryFolder folder;
    FaultyFileSystem disk;
    disk.longest_write = 5;
    const ReplacedFileSystem replaced(disk);
    JsonLinesWriter writer(folder / "out.jsonl");
    writer.append({{"n", 1}});
    disk.calls.clear();
    disk.fault = [&](std::string_view call) {
        return call == "truncate" || (call == "write" && disk.calls["write"] == 2) ? EIO : 0;
    };
    EXPECT_ERROR(writer.append({{"n", 2}}), ErrorKind::Io, "cannot write");
    EXPECT_ERROR(writer.append({{"n", 3}}), ErrorKind::Io, "nothing more is taken");
    EXPECT_EQ(read_file(folder / "out.jsonl"), "{\"n\":1}\n{\"n\":");
}

// The limit of file sizes cuts a write as a full disk does, in the operating system itself.
TEST(JsonLinesWriter, a_file_that_may_not_grow_keeps_its_whole_records) {
    const TemporaryFolder folder;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{20, 20};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        int refused = 0;
        try {
            JsonLinesWriter writer(folder / "out.jsonl");
            for (int i = 0; i < 5; ++i) {
                try {
                    writer.append({{"n", i}});
                } catch (const Error&) {
                    ++refused;
                }
            }
        } catch (...) {
            ::_exit(99);
        }
        ::_exit(refused);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 3);
    EXPECT_EQ(read_file(folder / "out.jsonl"), "{\"n\":0}\n{\"n\":1}\n");
}

TEST(JsonLinesWriter, a_full_disk_is_an_error_that_names_the_file) {
    if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full on this system";
    JsonLinesWriter writer("/dev/full");
    EXPECT_ERROR(writer.append({{"a", 1}}), ErrorKind::Io, "/dev/full: cannot write");
}

TEST(JsonLinesWriter, a_sync_reaches_the_file_and_the_folder_with_its_name) {
    const TemporaryFolder folder;
    FaultyFileSystem disk;
    const ReplacedFileSystem replaced(disk);
    JsonLinesWriter writer(folder / "out.jsonl");
    writer.append({{"n", 1}});
    EXPECT_EQ(disk.calls["sync_data"], 0U);
    writer.sync();
    EXPECT_EQ(disk.calls["sync_data"], 1U);
    EXPECT_EQ(disk.calls["sync"], 1U);
    disk.fault = [](std::string_view call) { return call == "sync_data" ? EIO : 0; };
    EXPECT_ERROR(writer.sync(), ErrorKind::Io, "out.jsonl: cannot write");
}

TEST(JsonLinesWriter, a_second_writer_of_the_same_file_is_refused) {
    const TemporaryFolder folder;
    const JsonLinesWriter first(folder / "out.jsonl");
    EXPECT_ERROR(JsonLinesWriter(folder / "out.jsonl"), ErrorKind::Unavailable, "is being written by another run");
}

TEST(JsonLinesWriter, a_rewritten_file_stays_locked_and_can_be_appended_to) {
    const TemporaryFolder folder;
    JsonLinesWriter writer(folder / "out.jsonl");
    writer.append({{"n", 1}});
    writer.replace("{\"n\":2}\n");
    EXPECT_ERROR(JsonLinesWriter(folder / "out.jsonl"), ErrorKind::Unavailable, "another");
    writer.append({{"n", 3}});
    EXPECT_EQ(read_file(folder / "out.jsonl"), "{\"n\":2}\n{\"n\":3}\n");
    EXPECT_EQ(files_in(folder.path()), 1);
}

}  // namespace
}  // namespace urial
