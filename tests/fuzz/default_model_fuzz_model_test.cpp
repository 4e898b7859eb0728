// The default model with a damaged header. Its weights are read as zeros from a hole of the file, which costs no disk.

#include <fstream>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "models/models.h"
#include "support/expect_error.h"
#include "support/gguf_mutator.h"
#include "support/model_gauntlet.h"
#include "support/sandbox.h"
#include "support/test_model.h"

namespace urial {
namespace {

std::string first_bytes(const fs::path& path, std::size_t count) {
    std::string bytes(count, '\0');
    std::ifstream(path, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(count));
    return bytes;
}

constexpr std::size_t kMoreThanTheHeader = 32 << 20;

TEST(DefaultModelFuzz, one_flipped_bit_that_makes_two_tokens_equal_is_refused_with_both) {
    URIAL_NEED_MODEL();
    const test::TemporaryFolder folder;
    std::string bytes = first_bytes(test::default_model_path().value(), kMoreThanTheHeader);
    // The tokens "b" and "c" differ in one bit.
    const std::size_t place = bytes.find(std::string("\x01\0\0\0\0\0\0\0b", 9));
    ASSERT_NE(place, std::string::npos);
    bytes[place + 8] ^= 1;
    write_file_atomic(folder / "model.gguf", bytes);
    fs::resize_file(folder / "model.gguf", fs::file_size(test::default_model_path().value()));
    EXPECT_ERROR(models::check_model(folder / "model.gguf"), ErrorKind::BadInput, "have the same text 'c'");
}

TEST(DefaultModelFuzz, no_damaged_header_ends_this_process_or_keeps_it_waiting) {
    URIAL_NEED_MODEL();
    const fs::path sound = test::default_model_path().value();
    const test::TemporaryFolder folder;
    const test::ScopedEnvironment patient_threads("OMP_WAIT_POLICY", "passive");
    const fs::path model = folder / "model.gguf";
    const test::GgufMutator mutator(first_bytes(sound, kMoreThanTheHeader));
    const std::uint64_t data = fs::file_size(sound) - mutator.header_size();
    const test::FuzzRange range = test::fuzz_range(5);
    for (std::uint64_t seed = range.first; seed < range.first + range.count; ++seed) {
        const auto mutant = mutator.mutant(seed);
        fs::remove(model);
        std::ofstream(model, std::ios::binary) << mutant.header;
        fs::resize_file(model, mutant.header.size() + data);
        const test::Gauntlet result = test::run_gauntlet(model);
        ASSERT_EQ(result.reason.find("was not done after"), std::string::npos)
            << "case " << seed << ": " << mutant.changes;
    }
    EXPECT_LT(test::peak_memory(), 1'500'000'000U) << "the model's own 253 MB count too, and another test's model";
}

}  // namespace
}  // namespace urial
