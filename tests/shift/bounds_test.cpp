// The bounds against the divergences that they bound, by their definitions, over random distributions; and by hand.

#include "shift/bounds.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "reference/shift_oracle.h"

namespace urial::shift {
namespace {

constexpr double kRoundingOfBounds = 2e-6;

std::vector<TopToken> best(const reference::OracleSide& side, std::size_t count) {
    std::vector<TopToken> top;
    for (std::size_t i = 0; i < std::min(count, side.order.size()); ++i) {
        top.push_back({static_cast<Token>(side.order[i]), static_cast<double>(side.all_logp[side.order[i]])});
    }
    return top;
}

TopToken of_token(const reference::OracleSide& side, std::size_t token) {
    return {static_cast<Token>(token), static_cast<double>(side.logp)};
}

DivergenceBounds bounds_of(const reference::OracleStats& exact, std::size_t token, std::size_t count) {
    return bound_divergence(best(exact.aligned, count), best(exact.base, count), of_token(exact.aligned, token),
                            of_token(exact.base, token));
}

/// Rows of logits that differ by `distance`, peaked by `scale`.
std::vector<float> random_row(std::mt19937& random, std::size_t size, float scale) {
    std::normal_distribution<float> normal(0, scale);
    std::vector<float> row(size);
    for (float& value : row) value = normal(random);
    return row;
}

TEST(Bounds, hold_for_random_distributions_whatever_is_listed) {
    std::mt19937 random(7);
    std::size_t wide = 0;  // cases in which the list says little
    for (int round = 0; round < 4000; ++round) {
        const std::size_t size = 2 + random() % 60;
        const float scale = 0.1F * static_cast<float>(1 + random() % 80);
        const std::vector<float> aligned = random_row(random, size, scale);
        std::vector<float> base = random_row(random, size, scale);
        const float alike = static_cast<float>(random() % 5) / 4;  // 1: the same distribution
        for (std::size_t i = 0; i < size; ++i) base[i] = alike * aligned[i] + (1 - alike) * base[i];
        const std::size_t token = random() % size;
        const reference::OracleStats exact = reference::shift_oracle(aligned, base, token);
        for (const std::size_t count : {1, 2, 3, 5, 10, 100}) {
            const DivergenceBounds bounds = bounds_of(exact, token, count);
            ASSERT_LE(bounds.kl_ab_lower, static_cast<double>(exact.kl_ab) + kRoundingOfBounds)
                << round << " " << count;
            ASSERT_GE(bounds.kl_ab_lower, 0);
            ASSERT_LE(bounds.tv_lower, static_cast<double>(exact.tv) + kRoundingOfBounds) << round << " " << count;
            ASSERT_GE(bounds.tv_upper, static_cast<double>(exact.tv) - kRoundingOfBounds) << round << " " << count;
            ASSERT_LE(bounds.tv_lower, bounds.tv_upper);
            if (bounds.tv_upper - bounds.tv_lower > 0.1) ++wide;
        }
    }
    EXPECT_GT(wide, 1000U) << "the cases are too easy";
}

TEST(Bounds, are_the_divergences_where_every_token_is_listed) {
    std::mt19937 random(11);
    for (int round = 0; round < 200; ++round) {
        const std::vector<float> aligned = random_row(random, 20, 3);
        const std::vector<float> base = random_row(random, 20, 3);
        const reference::OracleStats exact = reference::shift_oracle(aligned, base, 4);
        const DivergenceBounds bounds = bounds_of(exact, 4, 20);
        EXPECT_NEAR(bounds.kl_ab_lower, static_cast<double>(exact.kl_ab), 1e-4);
        EXPECT_NEAR(bounds.tv_lower, static_cast<double>(exact.tv), 1e-6);
        EXPECT_NEAR(bounds.tv_upper, static_cast<double>(exact.tv), 1e-6);
    }
}

TEST(Bounds, grow_tighter_with_longer_lists) {
    std::mt19937 random(13);
    for (int round = 0; round < 300; ++round) {
        const std::vector<float> aligned = random_row(random, 50, 2);
        const std::vector<float> base = random_row(random, 50, 2);
        const reference::OracleStats exact = reference::shift_oracle(aligned, base, 7);
        DivergenceBounds before = bounds_of(exact, 7, 1);
        for (const std::size_t count : {3, 10, 30, 50}) {
            const DivergenceBounds now = bounds_of(exact, 7, count);
            EXPECT_GE(now.kl_ab_lower, before.kl_ab_lower - kRoundingOfBounds);
            EXPECT_LE(now.tv_upper, before.tv_upper + kRoundingOfBounds);
            before = now;
        }
    }
}

// p = (1/2, 1/4, rest 1/4), q = (1/4, 1/2, rest 1/4): the rest cancels.
TEST(Bounds, of_two_known_tokens_and_a_tail_are_what_paper_and_pencil_give) {
    const std::vector<TopToken> aligned{{0, std::log(0.5)}, {1, std::log(0.25)}};
    const std::vector<TopToken> base{{1, std::log(0.5)}, {0, std::log(0.25)}};
    const DivergenceBounds bounds = bound_divergence(aligned, base, aligned[0], base[1]);
    EXPECT_NEAR(bounds.kl_ab_lower, 0.5 * std::log(2) - 0.25 * std::log(2), 1e-5);
    EXPECT_NEAR(bounds.tv_lower, 0.25, 1e-12);
    EXPECT_NEAR(bounds.tv_upper, 1 - 0.5, 1e-12);
}

// Token 2 is in the aligned list alone: its q is at most the last of the base list, 0.1, and R = 1 - 0.6 = 0.4. Its
// share of R in proportion is 0.3 * 0.4 / 0.6 = 0.2, which is cut to 0.1; the tail of 0.3 gets the other 0.3.
TEST(Bounds, a_token_that_the_base_model_does_not_list_has_at_most_the_last_listed_probability) {
    const std::vector<TopToken> aligned{{0, std::log(0.4)}, {2, std::log(0.3)}};
    const std::vector<TopToken> base{{0, std::log(0.6)}, {3, std::log(0.1)}};
    const DivergenceBounds bounds = bound_divergence(aligned, base, aligned[0], base[0]);
    EXPECT_NEAR(bounds.kl_ab_lower, 0.4 * std::log(0.4 / 0.6) + 0.3 * std::log(3), 1e-5);
    EXPECT_NEAR(bounds.tv_lower, 0.3 - 0.1, 1e-12) << "what token 2 exceeds 0.1 by, or the 0.2 that token 0 lacks";
    EXPECT_NEAR(bounds.tv_upper, 1 - 0.4, 1e-12);
}

TEST(Bounds, a_token_that_the_base_model_cannot_say_makes_the_divergence_infinite) {
    const std::vector<TopToken> aligned{{0, std::log(0.5)}, {1, std::log(0.5)}};
    const std::vector<TopToken> base{{1, 0}};
    const DivergenceBounds bounds = bound_divergence(aligned, base, aligned[0], {0, -HUGE_VAL});
    EXPECT_TRUE(std::isinf(bounds.kl_ab_lower));
    EXPECT_NEAR(bounds.tv_lower, 0.5, 1e-12);
    EXPECT_NEAR(bounds.tv_upper, 0.5, 1e-12);
}

}  // namespace
}  // namespace urial::shift
