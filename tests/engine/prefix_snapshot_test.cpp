#include "engine/prefix_snapshot.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"
#include "support/sandbox.h"

namespace urial::engine {
namespace {

using nlohmann::ordered_json;

std::vector<std::uint8_t> bytes(std::size_t count, std::uint8_t value) {
    return std::vector<std::uint8_t>(count, value);
}

fs::path only_file(const fs::path& folder, std::string_view extension) {
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() == extension) return entry.path();
    }
    return {};
}

TEST(SnapshotStore, gives_back_the_bytes_under_the_same_circumstances_only) {
    const test::TemporaryFolder folder;
    const SnapshotStore store(folder / "snapshots", 1'000'000);
    ASSERT_TRUE(store.write({{"model", "a"}}, bytes(100, 7)));
    EXPECT_EQ(store.read({{"model", "a"}}), bytes(100, 7));
    EXPECT_EQ(store.read({{"model", "b"}}), std::nullopt);
}

TEST(SnapshotStore, files_are_the_owners_alone) {
    const test::TemporaryFolder folder;
    const SnapshotStore store(folder / "snapshots", 1'000'000);
    ASSERT_TRUE(store.write({{"model", "a"}}, bytes(10, 1)));
    struct stat status {};
    ASSERT_EQ(::stat((folder / "snapshots").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0700U);
    for (const char* extension : {".state", ".json"}) {
        ASSERT_EQ(::stat(only_file(folder / "snapshots", extension).c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777U, 0600U) << extension;
    }
}

TEST(SnapshotStore, a_damaged_snapshot_is_not_used) {
    const test::TemporaryFolder folder;
    const SnapshotStore store(folder.path(), 1'000'000);
    ASSERT_TRUE(store.write({{"model", "a"}}, bytes(100, 7)));
    const fs::path state = only_file(folder.path(), ".state");
    write_file_atomic(state, std::string(99, '\x07') + "x");
    EXPECT_EQ(store.read({{"model", "a"}}), std::nullopt) << "a changed byte";
    write_file_atomic(state, std::string(50, '\x07'));
    EXPECT_EQ(store.read({{"model", "a"}}), std::nullopt) << "a file cut short";
    write_file_atomic(only_file(folder.path(), ".json"), "{");
    EXPECT_EQ(store.read({{"model", "a"}}), std::nullopt) << "a torn manifest";
}

TEST(SnapshotStore, the_least_recently_used_go_when_the_limit_is_reached) {
    const test::TemporaryFolder folder;
    const SnapshotStore store(folder.path(), 250);
    const auto age = [&](const ordered_json& circumstances, int hours) {
        for (const auto& entry : fs::directory_iterator(folder.path())) {
            if (entry.path().extension() != ".state") continue;
            if (read_file(entry.path())[0] == static_cast<char>(circumstances["n"].get<int>())) {
                fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::hours(hours));
            }
        }
    };
    store.write({{"n", 1}}, bytes(100, 1));
    age({{"n", 1}}, 3);
    store.write({{"n", 2}}, bytes(100, 2));
    age({{"n", 2}}, 2);
    ASSERT_TRUE(store.read({{"n", 1}})) << "reading makes it the most recently used";
    store.write({{"n", 3}}, bytes(100, 3));
    EXPECT_TRUE(store.read({{"n", 1}}));
    EXPECT_FALSE(store.read({{"n", 2}}));
    EXPECT_TRUE(store.read({{"n", 3}}));
}

TEST(SnapshotStore, a_folder_that_cannot_be_written_costs_nothing_but_the_snapshot) {
    const test::TemporaryFolder folder;
    write_file_atomic(folder / "file", "not a folder");
    const SnapshotStore store(folder / "file/below", 1000);
    EXPECT_FALSE(store.write({{"n", 1}}, bytes(10, 1)));
    EXPECT_FALSE(store.read({{"n", 1}}));
    EXPECT_FALSE(SnapshotStore(folder.path(), 5).write({{"n", 1}}, bytes(10, 1))) << "larger than the limit";
}

TEST(SnapshotStore, a_snapshot_of_other_circumstances_is_not_used_under_a_name_that_is_not_its_own) {
    const test::TemporaryFolder folder;
    const SnapshotStore store(folder.path(), 1'000'000);
    ASSERT_TRUE(store.write({{"model", "a"}}, bytes(100, 7)));
    const fs::path state = only_file(folder.path(), ".state");
    const fs::path manifest = only_file(folder.path(), ".json");
    fs::rename(state, folder / "kept.state");
    fs::rename(manifest, folder / "kept.json");
    ASSERT_TRUE(store.write({{"model", "b"}}, bytes(100, 8)));
    for (const auto& entry : fs::directory_iterator(folder.path())) {
        if (entry.path().stem() == "kept") continue;
        fs::copy_file(folder / ("kept" + entry.path().extension().string()), entry.path(),
                      fs::copy_options::overwrite_existing);
    }
    EXPECT_EQ(store.read({{"model", "b"}}), std::nullopt);
}

TEST(SampleHash, sees_changes_of_size_and_of_each_of_its_blocks) {
    const test::TemporaryFolder folder;
    const fs::path path = folder / "model";
    const std::string bytes(1'000'000, 'a');
    write_file_atomic(path, bytes);
    const std::string hash = sample_hash(path);
    EXPECT_EQ(sample_hash(path), hash);
    for (std::size_t block = 0; block < 64; ++block) {
        std::string changed = bytes;
        changed[(bytes.size() - 4096) * block / 63 + 100] = 'b';
        write_file_atomic(path, changed);
        EXPECT_NE(sample_hash(path), hash) << block;
    }
    write_file_atomic(path, bytes + "a");
    EXPECT_NE(sample_hash(path), hash);
    write_file_atomic(path, "short");
    EXPECT_NE(sample_hash(path), hash);
    write_file_atomic(path, "");
    EXPECT_NO_THROW(sample_hash(path));
}

}  // namespace
}  // namespace urial::engine
