#include "engine/memory_need.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "support/sandbox.h"

namespace urial::engine {
namespace {

MemoryShape small_model() {
    MemoryShape shape;
    shape.weight_bytes = 1'000'000;
    shape.cells = 1000;
    shape.cell_numbers = 200;
    shape.rows = 10;
    shape.logit_rows = 2;
    shape.vocabulary = 5000;
    shape.embedding = 100;
    shape.feed_forward = 300;
    shape.heads = 4;
    return shape;
}

TEST(MemoryNeed, the_cache_has_keys_and_values_of_every_token) {
    EXPECT_EQ(estimate_memory(small_model()).cache, 1000U * 200 * 2);
    MemoryShape wide = small_model();
    wide.number_bytes = 4;
    EXPECT_EQ(estimate_memory(wide).cache, 1000U * 200 * 4);
}

TEST(MemoryNeed, buffers_have_logits_layers_and_the_mask) {
    const std::uint64_t logits = 2 * 2 * 5000 * 4;
    const std::uint64_t layers = 10 * (6 * 100 + 2 * 300) * 4;
    const std::uint64_t mask = 10 * 1000 * 4;
    EXPECT_EQ(estimate_memory(small_model()).buffers, logits + layers + mask);
    MemoryShape without_flash = small_model();
    without_flash.flash_attention = false;
    EXPECT_EQ(estimate_memory(without_flash).buffers, logits + layers + mask + 4 * mask);
}

TEST(MemoryNeed, sizes_beyond_64_bits_are_very_large_and_not_small) {
    MemoryShape shape = small_model();
    shape.cells = 1'000'000'000'000'000'000;
    shape.flash_attention = false;
    EXPECT_GT(estimate_memory(shape).total(), 1'000'000'000'000'000'000U);
}

TEST(MemoryNeed, its_parts_are_named) {
    EXPECT_EQ(describe({241'000'000, 75'000'000, 40'000'000}, 4096),
              "356.0 MB (241.0 MB weights, 75.0 MB cache of 4096 tokens, 40.0 MB buffers)");
}

class AvailableMemory : public ::testing::Test {
protected:
    void write(const std::string& path, const std::string& text) {
        make_directories((folder_ / path).parent_path());
        write_file_atomic(folder_ / path, text);
    }
    test::TemporaryFolder folder_;
};

TEST_F(AvailableMemory, is_what_the_system_says) {
    EXPECT_EQ(available_memory(folder_.path()), std::nullopt);
    write("proc/meminfo", "MemTotal:  8000 kB\nMemFree:  10 kB\nMemAvailable:    3000 kB\n");
    EXPECT_EQ(available_memory(folder_.path()), 3000U * 1024);
    EXPECT_GT(available_memory().value_or(0), 0U) << "this machine";
}

TEST_F(AvailableMemory, is_less_where_a_control_group_or_one_of_its_parents_has_a_limit) {
    write("proc/meminfo", "MemAvailable:    3000 kB\n");
    write("proc/self/cgroup", "1:name=old:/x\n0::/a/b\n");
    write("sys/fs/cgroup/a/b/memory.max", "max\n");
    write("sys/fs/cgroup/a/b/memory.current", "900000\n");
    EXPECT_EQ(available_memory(folder_.path()), 3000U * 1024);
    write("sys/fs/cgroup/a/memory.max", "2000000\n");
    write("sys/fs/cgroup/a/memory.current", "1500000\n");
    EXPECT_EQ(available_memory(folder_.path()), 500'000U);
    write("sys/fs/cgroup/a/memory.stat", "anon 700000\nfile 800000\ninactive_file 500000\nactive_file 300000\n");
    EXPECT_EQ(available_memory(folder_.path()), 1'300'000U) << "the file cache can be dropped";
    write("sys/fs/cgroup/a/b/memory.max", "1000000\n");
    EXPECT_EQ(available_memory(folder_.path()), 100'000U);
    write("sys/fs/cgroup/a/b/memory.current", "1100000\n");
    EXPECT_EQ(available_memory(folder_.path()), 0U);
}

TEST_F(AvailableMemory, is_limited_by_the_group_at_the_root_of_a_container) {
    write("proc/meminfo", "MemAvailable:    3000 kB\n");
    write("proc/self/cgroup", "0::/\n");
    write("sys/fs/cgroup/memory.max", "1000\n");
    write("sys/fs/cgroup/memory.current", "400\n");
    EXPECT_EQ(available_memory(folder_.path()), 600U);
}

}  // namespace
}  // namespace urial::engine
