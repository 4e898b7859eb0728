#include "models/cache.h"

#include <gtest/gtest.h>

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

TEST_F(Cache, a_hash_is_remembered_until_size_or_time_of_the_file_change) {
    const fs::path path = folder_ / "file";
    write_file_atomic(path, "one");
    const auto time = fs::last_write_time(path);
    EXPECT_EQ(content_hash(path), sha256_hex("one"));

    write_file_atomic(path, "two");
    fs::last_write_time(path, time);
    EXPECT_EQ(content_hash(path), sha256_hex("one")) << "the file was not read again";

    fs::last_write_time(path, time + std::chrono::seconds(1));
    EXPECT_EQ(content_hash(path), sha256_hex("two"));
    write_file_atomic(path, "three");
    fs::last_write_time(path, time + std::chrono::seconds(1));
    EXPECT_EQ(content_hash(path), sha256_hex("three"));
}

TEST_F(Cache, a_torn_record_or_an_unwritable_cache_only_costs_time) {
    const fs::path path = folder_ / "file";
    write_file_atomic(path, "one");
    EXPECT_EQ(content_hash(path), sha256_hex("one"));
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
