// Damaged models and adapters on the whole way that a command gives them. The long form, by hand:
//   URIAL_FUZZ_CASES=25000 build/urial_unit_tests --gtest_filter='ModelFuzz.*'
// A case is repeated with URIAL_FUZZ_FIRST=<case> URIAL_FUZZ_CASES=1; URIAL_FUZZ_LOG=<file> names each before it runs.

#include <fstream>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "base/files.h"
#include "support/gguf_mutator.h"
#include "support/model_gauntlet.h"
#include "support/sandbox.h"
#include "support/tiny_gguf.h"

namespace urial {
namespace {

using test::Gauntlet;
using test::TinyGguf;

constexpr std::uint64_t kMostMemory = 1'000'000'000;

class ModelFuzz : public ::testing::Test {
protected:
    /// Mutants of `sound` written to `target`, each taken the whole way with `model` and `adapter`.
    void run(const TinyGguf& sound, const fs::path& target, const fs::path& model, std::optional<fs::path> adapter) {
        const std::string whole = sound.bytes();
        const test::GgufMutator mutator(whole);
        const std::string_view data = std::string_view(whole).substr(mutator.header_size());
        const test::FuzzRange range = test::fuzz_range(100);
        std::map<Gauntlet::End, std::uint64_t> ends;
        for (std::uint64_t seed = range.first; seed < range.first + range.count; ++seed) {
            const auto mutant = mutator.mutant(seed);
            if (log_) log_ << seed << ": " << mutant.changes << std::endl;
            fs::remove(target);
            std::ofstream(target, std::ios::binary) << mutant.header << data;
            const Gauntlet result = test::run_gauntlet(model, adapter);
            ++ends[result.end];
            if (log_) log_ << "  " << static_cast<int>(result.end) << " " << result.reason << std::endl;
            ASSERT_EQ(result.reason.find("was not done after"), std::string::npos)
                << "case " << seed << ": " << mutant.changes;
        }
        if (log_)
            log_ << "refused " << ends[Gauntlet::End::Refused] << ", tried " << ends[Gauntlet::End::Tried] << ", used "
                 << ends[Gauntlet::End::Used] << ", peak " << test::peak_memory() << std::endl;
        EXPECT_LT(test::peak_memory(), kMostMemory);
        if (range.count < 100) return;
        for (const auto end : {Gauntlet::End::Refused, Gauntlet::End::Tried, Gauntlet::End::Used}) {
            EXPECT_GT(ends[end], range.count / 50) << "the mutants are all too harmless or all too harmful";
        }
    }

    test::TemporaryFolder folder_;
    test::ScopedEnvironment patient_threads_{"OMP_WAIT_POLICY", "passive"};
    std::ofstream log_{environment("URIAL_FUZZ_LOG").value_or(""), std::ios::app};
};

TEST_F(ModelFuzz, the_sound_files_are_usable) {
    TinyGguf::language_model().write(folder_ / "model.gguf");
    TinyGguf::fitting_adapter().write(folder_ / "adapter.gguf");
    const Gauntlet result = test::run_gauntlet(folder_ / "model.gguf", folder_ / "adapter.gguf");
    EXPECT_EQ(result.end, Gauntlet::End::Used) << result.reason;
}

TEST_F(ModelFuzz, no_damaged_model_ends_this_process_or_keeps_it_waiting) {
    const fs::path model = folder_ / "model.gguf";
    run(TinyGguf::language_model(), model, model, std::nullopt);
}

TEST_F(ModelFuzz, no_damaged_adapter_ends_this_process_or_keeps_it_waiting) {
    const fs::path model = folder_ / "model.gguf";
    TinyGguf::language_model().write(model);
    const fs::path adapter = folder_ / "adapter.gguf";
    run(TinyGguf::fitting_adapter(), adapter, model, adapter);
}

TEST_F(ModelFuzz, no_flipped_bit_ends_this_process) {
    const std::string whole = TinyGguf::language_model().bytes();
    std::mt19937_64 random(test::fuzz_range(0).first + 20231201);
    const fs::path model = folder_ / "model.gguf";
    int loaded = 0;
    for (std::uint64_t round = 0; round < test::fuzz_range(30).count; ++round) {
        std::string bytes = whole;
        bytes[random() % bytes.size()] ^= static_cast<char>(1U << (random() % 8));
        fs::remove(model);
        std::ofstream(model, std::ios::binary) << bytes;
        if (test::run_gauntlet(model).end == Gauntlet::End::Used) ++loaded;
    }
    EXPECT_GT(loaded, 0) << "most bits are weights and texts, which may be anything";
}

}  // namespace
}  // namespace urial
