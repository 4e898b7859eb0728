// A model whose layers lie in the memory of a device that ggml takes for a GPU (support/test_devices.h).

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include <gtest/gtest.h>

#include "base/files.h"
#include "engine/engine.h"
#include "support/expect_error.h"
#include "support/sandbox.h"
#include "support/test_devices.h"
#include "support/tiny_gguf.h"

namespace urial::engine {
namespace {

constexpr std::uint64_t kPlenty = 4'000'000'000;
/// Of which 318.5 MB may be used: 317.6 are for what any layer needs, and a layer with its part of the caches takes
/// 0.6.
constexpr std::uint64_t kForTwoLayers = 335'250'000;
constexpr int kRows = 8;

class DeviceSession : public ::testing::Test {
protected:
    std::shared_ptr<const Model> load(const std::string& device,
                                      std::function<void(std::string_view)> warning = {}) const {
        ModelOptions options;
        options.path = folder_ / "model.gguf";
        test::TinyGguf::language_model(7).write(options.path);
        options.device = device;
        options.watch.warning = std::move(warning);
        return load_model(options);
    }
    static SessionOptions options(bool greedy = false) {
        SessionOptions session;
        session.sequences = 3;
        session.context_tokens = 512;
        session.batch_rows = 32;
        session.threads = 1;
        session.greedy = greedy;
        return session;
    }
    /// Three sequences of eight rows each, of which the last wants logits.
    static std::vector<Row> rows(const Model& model) {
        const std::vector<Token> tokens = model.tokenize("abcdefgh and some more text, of which a part is taken", {});
        std::vector<Row> made;
        for (int sequence = 0; sequence < 3; ++sequence) {
            for (int i = 0; i < kRows; ++i)
                made.push_back({sequence, tokens.at(static_cast<std::size_t>(sequence + i)), i == kRows - 1});
        }
        return made;
    }
    static std::size_t last_row(int sequence) { return static_cast<std::size_t>(sequence * kRows + kRows - 1); }

    test::TemporaryFolder folder_;
};

TEST_F(DeviceSession, layers_go_to_the_device_and_give_the_numbers_of_the_cpu) {
    const auto on_cpu = load("cpu");
    const test::TestDevices devices({kPlenty});
    const auto model = load("auto");
    ASSERT_EQ(model->info().placement.devices.size(), 1U);
    EXPECT_EQ(model->info().placement.devices[0].name, "TEST0");
    EXPECT_TRUE(model->info().placement.whole());
    EXPECT_GT(devices.allocated(0), 0U);
    const auto session = model->new_session(options());
    const auto cpu_session = on_cpu->new_session(options());
    EXPECT_TRUE(session->computes_elsewhere());
    EXPECT_FALSE(cpu_session->computes_elsewhere());
    EXPECT_EQ(devices.computed(0), 0U);
    session->decode(rows(*model));
    EXPECT_GT(devices.computed(0), 0U);
    cpu_session->decode(rows(*model));
    for (int sequence = 0; sequence < 3; ++sequence) {
        const auto logits = session->logits(last_row(sequence));
        const auto expected = cpu_session->logits(last_row(sequence));
        for (std::size_t i = 0; i < logits.size(); ++i) ASSERT_NEAR(logits[i], expected[i], 1e-4F) << i;
    }
}

TEST_F(DeviceSession, a_greedy_session_gives_the_largest_logit_and_its_lead) {
    const test::TestDevices devices({kPlenty});
    const auto model = load("auto");
    const auto greedy = model->new_session(options(/*greedy=*/true));
    const auto full = model->new_session(options());
    ASSERT_TRUE(greedy->gives_best());
    EXPECT_FALSE(full->gives_best());
    EXPECT_ERROR(full->best(0), ErrorKind::BadInput, "no largest logit");
    for (int step = 0; step < 3; ++step) {
        greedy->decode(rows(*model));
        full->decode(rows(*model));
        for (int sequence = 2; sequence >= 0; --sequence) {  // in any order
            const auto logits = full->logits(last_row(sequence));
            std::vector<float> sorted(logits.begin(), logits.end());
            std::ranges::sort(sorted, std::greater());
            const Best best = greedy->best(last_row(sequence));
            EXPECT_EQ(logits[static_cast<std::size_t>(best.token)], sorted[0]);
            EXPECT_EQ(best.gap, sorted[0] - sorted[1]);
        }
        EXPECT_ERROR(greedy->best(0), ErrorKind::BadInput, "no largest logit");
        EXPECT_ERROR(greedy->logits(last_row(0)), ErrorKind::BadInput, "gives no logits");
        if (step == 1) continue;
        // A batch in between that wants none, and one with fewer rows.
        const Row silent{1, 5, false};
        const Row one{1, 6, true};
        for (const auto& session : {greedy.get(), full.get()}) {
            session->decode({&silent, 1});
            session->decode({&one, 1});
        }
        const auto logits = full->logits(0);
        EXPECT_EQ(greedy->best(0).token, std::ranges::max_element(logits) - logits.begin());
        EXPECT_ERROR(greedy->best(last_row(0)), ErrorKind::BadInput, "no largest logit");  // of an earlier batch
    }
}

TEST_F(DeviceSession, on_the_cpu_a_greedy_session_gives_logits) {
    const auto model = load("cpu");
    const auto session = model->new_session(options(/*greedy=*/true));
    EXPECT_FALSE(session->gives_best());
    session->decode(rows(*model));
    EXPECT_EQ(session->logits(last_row(0)).size(), model->info().vocabulary_size);
}

TEST_F(DeviceSession, cpu_leaves_the_device_alone) {
    const test::TestDevices devices({kPlenty});
    const auto model = load("cpu");
    EXPECT_TRUE(model->info().placement.devices.empty());
    model->new_session(options())->decode(rows(*model));
    EXPECT_EQ(devices.computed(0), 0U);
    EXPECT_EQ(devices.allocated(0), 0U);
}

TEST_F(DeviceSession, layers_that_do_not_fit_are_the_cpus_with_a_warning) {
    const auto on_cpu = load("cpu");
    const test::TestDevices devices({kForTwoLayers});
    std::string warning;
    const auto model = load("auto", [&](std::string_view line) { warning = line; });
    const Placement& placement = model->info().placement;
    EXPECT_GT(placement.layers, 0);
    EXPECT_LT(placement.layers, placement.of);
    EXPECT_NE(warning.find("layers fit on the GPU, the CPU computes the others"), std::string::npos) << warning;
    const auto session = model->new_session(options(/*greedy=*/true));
    EXPECT_FALSE(session->gives_best());
    const auto cpu_session = on_cpu->new_session(options());
    session->decode(rows(*model));
    cpu_session->decode(rows(*model));
    EXPECT_GT(devices.computed(0), 0U);
    for (std::size_t i = 0; i < model->info().vocabulary_size; ++i)
        ASSERT_NEAR(session->logits(last_row(1))[i], cpu_session->logits(last_row(1))[i], 1e-4F) << i;
}

TEST_F(DeviceSession, a_session_that_does_not_fit_is_refused_with_the_flags_that_help) {
    const test::TestDevices devices({700'000'000});
    const auto model = load("auto");
    ASSERT_TRUE(model->info().placement.whole());
    SessionOptions large = options();
    large.context_tokens = 20'000'000;
    EXPECT_ERROR(model->new_session(large), ErrorKind::BadInput, "TEST0 (a device for tests), which has 699.9 MB free");
    EXPECT_ERROR(model->new_session(large), ErrorKind::BadInput, "--gpu-layers");
}

TEST_F(DeviceSession, the_second_model_goes_where_more_is_free) {
    const test::TestDevices devices({kPlenty, kPlenty});
    const auto first = load("auto");
    const auto second = load("auto");
    ASSERT_EQ(first->info().placement.devices.size(), 1U);
    ASSERT_EQ(second->info().placement.devices.size(), 1U);
    EXPECT_EQ(first->info().placement.devices[0].name, "TEST0");
    EXPECT_EQ(second->info().placement.devices[0].name, "TEST1");
}

TEST_F(DeviceSession, a_snapshot_of_the_cpu_is_not_one_of_the_device) {
    const auto on_cpu = load("cpu");
    const test::TestDevices devices({kPlenty});
    const auto model = load("auto");
    SessionOptions session = options();
    session.snapshot_dir = folder_ / "snapshots";
    const std::vector<Token> prefix = model->tokenize(std::string(200, 'a'), {});
    EXPECT_EQ(on_cpu->new_session(session)->pin(prefix), PrefixOrigin::Computed);
    EXPECT_EQ(model->new_session(session)->pin(prefix), PrefixOrigin::Computed);
    EXPECT_EQ(model->new_session(session)->pin(prefix), PrefixOrigin::Restored);
    EXPECT_EQ(on_cpu->new_session(session)->pin(prefix), PrefixOrigin::Restored);
}

TEST_F(DeviceSession, memory_of_what_is_gone_is_free_again) {
    const test::TestDevices devices({kPlenty});
    {
        const auto model = load("auto");
        const std::uint64_t weights = devices.allocated(0);
        const auto session = model->new_session(options());
        EXPECT_GT(devices.allocated(0), weights);
    }
    EXPECT_EQ(devices.allocated(0), 0U);
}

TEST_F(DeviceSession, a_logit_that_is_no_number_is_an_error) {
    const test::TestDevices devices({kPlenty});
    const test::TinyGguf file = test::TinyGguf::language_model(7);
    std::string bytes = file.bytes();
    const float no_number = std::nanf("");  // in the first embedding, which is a row of the output's matrix too
    std::memcpy(bytes.data() + file.header_size(), &no_number, sizeof no_number);
    ModelOptions broken;
    broken.path = folder_ / "broken.gguf";
    write_file_atomic(broken.path, bytes);
    const auto model = load_model(broken);
    const auto session = model->new_session(options(/*greedy=*/true));
    ASSERT_TRUE(session->gives_best());
    session->decode(rows(*model));
    EXPECT_ERROR(session->best(last_row(0)), ErrorKind::Model, "not a number (NaN)");
}

TEST_F(DeviceSession, work_on_a_device_can_be_stopped) {
    const test::TestDevices devices({kPlenty});
    const auto model = load("auto");
    bool stopped = false;
    SessionOptions session = options();
    session.watch.cancelled = [&] { return stopped; };
    const auto made = model->new_session(session);
    made->decode(rows(*model));
    stopped = true;
    EXPECT_THROW(made->decode(rows(*model)), Cancelled);
    EXPECT_EQ(made->length(0), 0U);
}

}  // namespace
}  // namespace urial::engine
