// The gated GELU kernel against its formula in long double precision.

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

#include "engine/gated_gelu.h"

namespace urial::engine {
namespace {

class GatedGeluTest : public ::testing::TestWithParam<CpuLevel> {
protected:
    void SetUp() override {
        if (cpu_level() < GetParam()) GTEST_SKIP() << "this CPU lacks the instructions";
        gated_gelu_ = gated_gelu(GetParam());
        if (gated_gelu_ == nullptr) GTEST_SKIP() << "this build lacks the kernel";
    }

    GatedGelu gated_gelu_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(EveryLevel, GatedGeluTest, ::testing::Values(CpuLevel::Avx2, CpuLevel::Avx512),
                         [](const auto& level) { return level.param == CpuLevel::Avx2 ? "avx2" : "avx512"; });

/// What the exponential gets.
long double exponent(long double x) {
    return -2 * std::sqrt(2 / std::numbers::pi_v<long double>) * (x + 0.044715L * x * x * x);
}

long double gelu(long double x) { return x / (1 + std::exp(exponent(x))); }

TEST_P(GatedGeluTest, is_the_formula_as_far_as_a_float_holds_the_exponent) {
    std::vector<float> gate, up;
    for (float x = -6; x <= 40; x += 0.00137F) {
        gate.push_back(x);
        up.push_back(static_cast<float>(gate.size() % 7) - 3.25F);
    }
    std::vector<float> output(gate.size());
    gated_gelu_(gate.data(), up.data(), output.data(), gate.size());
    std::vector<float> other(gate.size());
    gated_gelu(cpu_level())(gate.data(), up.data(), other.data(), gate.size());
    EXPECT_EQ(output, other) << "every level gives the same bits";
    for (std::size_t i = 0; i < gate.size(); ++i) {
        const long double expected = gelu(gate[i]) * static_cast<long double>(up[i]);
        const double bound = 1e-6 + (gate[i] < 0 ? 2e-7 * static_cast<double>(exponent(gate[i])) : 0);
        ASSERT_NEAR(output[i], static_cast<double>(expected), bound * std::abs(static_cast<double>(expected)))
            << gate[i];
    }
}

TEST_P(GatedGeluTest, vanishes_far_below_zero_and_passes_numbers_far_above) {
    std::vector<float> gate = {-12, -100, -1e20F, 0, 100, 1e20F};
    const std::vector<float> up(gate.size(), 2);
    gated_gelu_(gate.data(), up.data(), gate.data(), gate.size());
    EXPECT_EQ(gate, (std::vector<float>{0, 0, 0, 0, 200, 2e20F}));
}

TEST_P(GatedGeluTest, keeps_what_is_no_number_where_it_is) {
    std::vector<float> gate(40, 1);
    gate[5] = gate[37] = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> up(40, 1);
    std::vector<float> output(40);
    gated_gelu_(gate.data(), up.data(), output.data(), 40);
    for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(std::isnan(output[i]), i == 5 || i == 37) << i;
}

TEST_P(GatedGeluTest, writes_as_many_numbers_as_there_are) {
    const std::vector<float> ones(33, 1);
    for (std::size_t length = 0; length <= 33; ++length) {
        std::vector<float> output(40, -7);
        gated_gelu_(ones.data(), ones.data(), output.data(), length);
        for (std::size_t i = 0; i < 40; ++i) {
            if (i < length) {
                ASSERT_NEAR(output[i], 0.841192, 1e-6) << length;
            } else {
                ASSERT_EQ(output[i], -7) << length;
            }
        }
    }
}

}  // namespace
}  // namespace urial::engine
