#include "models/cache.h"

#include <chrono>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/hash.h"
#include "support/expect_error.h"
#include "support/sandbox.h"
#include "support/tiny_gguf.h"

namespace urial::models {
namespace {

using test::ScopedEnvironment;
using test::TinyGguf;

class Cache : public ::testing::Test {
protected:
    const Alias& alias() const { return aliases().front(); }
    FetchOptions on_disk_only() const { return {.download = false, .progress = {}, .notice = {}, .cancelled = {}}; }

    test::TemporaryFolder folder_;
    ScopedEnvironment own_{"URIAL_CACHE", (folder_ / "urial").string()};
    ScopedEnvironment hub_{"HF_HOME", (folder_ / "hf").string()};
    ScopedEnvironment hub_cache_{"HF_HUB_CACHE", std::nullopt};
    ScopedEnvironment token_{"HF_TOKEN", std::nullopt};
};

/// The only record in the cache.
fs::path record_file(const fs::path& cache) { return fs::directory_iterator(cache / "hashes")->path(); }

TEST_F(Cache, a_file_that_settled_is_read_once) {
    const fs::path path = folder_ / "file";
    write_file_atomic(path, "one");
    int readings = 0;
    const auto read = [&](const fs::path& file) {
        ++readings;
        return sha256_file(file);
    };
    std::error_code ignored;
    while (fs::is_empty(folder_ / "urial/hashes", ignored) || ignored) {
        EXPECT_EQ(content_hash(path, read), sha256_hex("one"));
        ASSERT_LT(readings, 1'000'000);
    }
    const int before = readings;
    EXPECT_EQ(content_hash(path, read), sha256_hex("one"));
    EXPECT_EQ(readings, before);
}

TEST_F(Cache, another_file_of_equal_size_and_time_is_read) {
    const fs::path path = folder_ / "file";
    write_file_atomic(path, "one");
    const auto time = fs::last_write_time(path);
    remember_content_hash(path, sha256_hex("one"));

    write_file_atomic(path, "two");
    fs::last_write_time(path, time);
    EXPECT_EQ(content_hash(path), sha256_hex("two")) << "put in its place";

    remember_content_hash(path, sha256_hex("two"));
    std::this_thread::sleep_for(std::chrono::milliseconds(60));  // times of files come from a clock with ticks
    std::ofstream(path, std::ios::in) << "six";
    fs::last_write_time(path, time);
    EXPECT_EQ(content_hash(path), sha256_hex("six")) << "written over";
}

TEST_F(Cache, a_record_holds_only_while_all_that_it_says_of_the_file_does) {
    const fs::path path = folder_ / "file";
    write_file_atomic(path, "one");
    const std::string false_hash(64, 'a');
    remember_content_hash(path, false_hash);
    const fs::path record = record_file(folder_ / "urial");
    const auto kept = nlohmann::json::parse(read_file(record));
    for (const char* field : {"path", "bytes", "inode", "modified_ns", "changed_ns"}) {
        ASSERT_TRUE(kept.contains(field)) << field;
        nlohmann::json other = kept;
        if (other[field].is_string()) {
            other[field] = "other";
        } else {
            other[field] = other[field].get<std::int64_t>() + 1;
        }
        write_file_atomic(record, other.dump());
        EXPECT_EQ(content_hash(path), sha256_hex("one")) << field;
    }
    write_file_atomic(record, kept.dump());
    EXPECT_EQ(content_hash(path), false_hash) << "the record as it was";
}

TEST_F(Cache, the_hash_of_a_file_that_changed_while_it_was_read_is_not_kept) {
    const fs::path path = folder_ / "file";
    write_file_atomic(path, "one");
    int readings = 0;
    const auto changed_while_read = [&](int times) {
        return [&readings, times](const fs::path& file) {
            std::string sha256 = sha256_file(file);
            if (readings++ < times) write_file_atomic(file, "two");
            return sha256;
        };
    };
    EXPECT_EQ(content_hash(path, changed_while_read(1)), sha256_hex("two")) << "read again";
    EXPECT_EQ(readings, 2);
    readings = 0;
    EXPECT_ERROR(content_hash(path, changed_while_read(1000)), ErrorKind::Unavailable, "changes while it is read");
    EXPECT_EQ(content_hash(path), sha256_hex("two"));
}

TEST_F(Cache, a_torn_record_or_an_unwritable_cache_only_costs_time) {
    const fs::path path = folder_ / "file";
    write_file_atomic(path, "one");
    remember_content_hash(path, sha256_hex("one"));
    for (const auto& entry : fs::directory_iterator(folder_ / "urial/hashes")) write_file_atomic(entry.path(), "{\"pa");
    EXPECT_EQ(content_hash(path), sha256_hex("one"));
    const ScopedEnvironment unwritable("URIAL_CACHE", "/proc/urial-test");
    EXPECT_EQ(content_hash(path), sha256_hex("one"));
}

TEST_F(Cache, a_link_shares_the_record_of_its_file) {
    write_file_atomic(folder_ / "file", "one");
    fs::create_symlink(folder_ / "file", folder_ / "link");
    remember_content_hash(folder_ / "link", std::string(64, 'a'));
    EXPECT_EQ(content_hash(folder_ / "file"), std::string(64, 'a'));
}

TEST_F(Cache, the_hash_of_a_missing_file_is_an_error) {
    EXPECT_ERROR(content_hash(folder_ / "none"), ErrorKind::NotFound, "no such file");
}

TEST_F(Cache, a_file_on_disk_resolves_to_itself_and_a_missing_one_or_a_folder_does_not) {
    TinyGguf::minimal().write(folder_ / "x.gguf");
    EXPECT_EQ(resolve(parse_model_spec((folder_ / "x.gguf").string())), folder_ / "x.gguf");
    EXPECT_ERROR(resolve(parse_model_spec((folder_ / "y.gguf").string())), ErrorKind::NotFound, "no such file");
    EXPECT_ERROR(resolve(parse_model_spec(folder_.path().string())), ErrorKind::BadInput, "is a directory");
}

TEST_F(Cache, an_alias_that_is_not_there_says_what_to_type) {
    EXPECT_ERROR(resolve(parse_model_spec(alias().name), on_disk_only()), ErrorKind::NotFound,
                 "urial pull " + alias().name);
}

TEST_F(Cache, an_alias_of_other_content_is_not_used) {
    TinyGguf::minimal().write(alias_path(alias()));
    EXPECT_ERROR(resolve(parse_model_spec(alias().name), on_disk_only()), ErrorKind::BadInput, "is damaged");
    fs::resize_file(alias_path(alias()), alias().bytes);
    EXPECT_ERROR(resolve(parse_model_spec(alias().name), on_disk_only()), ErrorKind::BadInput, "is damaged");
}

TEST_F(Cache, a_whole_alias_is_used_as_it_is) {
    write_file_atomic(alias_path(alias()), "");
    fs::resize_file(alias_path(alias()), alias().bytes);
    remember_content_hash(alias_path(alias()), alias().sha256);
    EXPECT_EQ(resolve(parse_model_spec(alias().name), on_disk_only()), alias_path(alias()));
}

TEST_F(Cache, an_alias_is_downloaded_by_one_process_at_a_time) {
    const FileLock lock(alias_path(alias()).string() + ".lock", "it");
    EXPECT_ERROR(resolve(parse_model_spec(alias().name)), ErrorKind::Unavailable, "another process is downloading");
}

TEST_F(Cache, an_unwritable_cache_is_named_with_the_remedy) {
    const ScopedEnvironment unwritable("URIAL_CACHE", "/proc/urial-test");
    EXPECT_ERROR(resolve(parse_model_spec(alias().name)), ErrorKind::Io, "set URIAL_CACHE to a folder");
}

TEST_F(Cache, an_alias_goes_with_its_hash_and_the_remains_of_its_download) {
    const fs::path path = alias_path(alias());
    TinyGguf::minimal().write(path);
    const fs::path remains = path.string() + ".download";
    write_file_atomic(remains / "part1.whl", "12345");
    remember_content_hash(path, std::string(64, 'a'));
    ASSERT_TRUE(fs::exists(content_hash_record(path)));
    const std::uint64_t bytes = fs::file_size(path) + 5;
    const Removal removal = plan_removal(parse_model_spec(alias().name));
    EXPECT_EQ(removal.freed_bytes, bytes);
    EXPECT_TRUE(fs::exists(path)) << "a plan touches nothing";
    remove_model(removal);
    EXPECT_FALSE(fs::exists(path));
    EXPECT_FALSE(fs::exists(remains));
    EXPECT_FALSE(fs::exists(content_hash_record(path)));
    EXPECT_ERROR(plan_removal(parse_model_spec(alias().name)), ErrorKind::NotFound, "is not there");
}

TEST_F(Cache, a_file_is_never_removed_by_its_path) {
    TinyGguf::minimal().write(folder_ / "mine.gguf");
    EXPECT_ERROR(plan_removal(parse_model_spec((folder_ / "mine.gguf").string())), ErrorKind::BadInput, "of your own");
    TinyGguf::minimal().write(alias_path(alias()));
    EXPECT_ERROR(plan_removal(parse_model_spec(alias_path(alias()).string())), ErrorKind::BadInput,
                 "urial models rm " + alias().name);
}

TEST_F(Cache, a_model_that_is_being_downloaded_is_not_removed) {
    TinyGguf::minimal().write(alias_path(alias()));
    const Removal removal = plan_removal(parse_model_spec(alias().name));
    const FileLock lock(alias_path(alias()).string() + ".lock", "it");
    EXPECT_ERROR(remove_model(removal), ErrorKind::Unavailable, "another process is downloading");
    EXPECT_TRUE(fs::exists(alias_path(alias())));
}

TEST_F(Cache, models_on_disk_are_listed_and_damaged_ones_say_why) {
    EXPECT_TRUE(installed_models().empty());
    TinyGguf::minimal().write(alias_path(aliases()[0]));
    write_file_atomic(alias_path(aliases()[1]), "GG");
    const std::vector<InstalledModel> models = installed_models();
    ASSERT_EQ(models.size(), 2U);
    EXPECT_EQ(models[0].spec, aliases()[0].name);
    ASSERT_TRUE(models[0].summary.has_value());
    EXPECT_EQ(models[0].summary->context_length, 256U);
    EXPECT_FALSE(models[1].summary.has_value());
    EXPECT_NE(models[1].problem.find("cut off"), std::string::npos) << models[1].problem;
}

}  // namespace
}  // namespace urial::models
