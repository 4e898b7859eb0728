#include "logits/row.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "reference/shift_oracle.h"
#include "support/expect_error.h"

namespace urial::logits {
namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();

std::vector<float> row_of(std::size_t size, float spread, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, spread);
    std::vector<float> row(size);
    for (float& logit : row) logit = normal(random);
    return row;
}

void expect_as_the_oracle(const std::vector<float>& row, std::size_t token, std::size_t top) {
    const reference::OracleSide oracle = reference::shift_oracle(row, row, token).aligned;
    const TokenScore score = score_row(row, static_cast<Token>(token), top);
    EXPECT_EQ(score.token, static_cast<Token>(token));
    EXPECT_EQ(score.rank, oracle.rank);
    const auto near = [](long double expected) {
        return std::max(1e-5 * std::abs(static_cast<double>(expected)), 1e-30);
    };
    if (std::isinf(oracle.logp)) {
        EXPECT_EQ(score.logp, -std::numeric_limits<double>::infinity());
    } else {
        EXPECT_NEAR(score.logp, static_cast<double>(oracle.logp), near(oracle.logp));
    }
    ASSERT_EQ(score.top.size(), std::min(top, oracle.order.size()));
    for (std::size_t i = 0; i < score.top.size(); ++i) {
        EXPECT_EQ(static_cast<std::size_t>(score.top[i].token), oracle.order[i]) << "entry " << i;
        const long double logp = oracle.all_logp[oracle.order[i]];
        EXPECT_NEAR(score.top[i].logp, static_cast<double>(logp), near(logp));
        if (score.top[i].token == score.token) {
            EXPECT_EQ(score.top[i].logp, score.logp) << "to the last bit";
        }
    }
}

TEST(RowScore, agrees_with_plain_loops_whatever_the_size_the_spread_and_the_token) {
    for (const std::size_t size : {1U, 2U, 15U, 17U, 2047U, 2048U, 2049U, 5000U}) {
        for (const float spread : {0.1F, 3.0F, 40.0F}) {
            const std::vector<float> row = row_of(size, spread, static_cast<unsigned>(size));
            for (const std::size_t token : {std::size_t{0}, size / 3, size - 1}) {
                for (const std::size_t top : {0U, 1U, 5U, 100U}) expect_as_the_oracle(row, token, top);
            }
        }
    }
}

TEST(RowScore, of_equal_logits_the_smaller_ids_come_first) {
    std::vector<float> row(3000, 1.0F);
    row[2500] = 2;
    for (const std::size_t token : {0U, 1999U, 2048U, 2500U, 2999U}) expect_as_the_oracle(row, token, 4);
}

TEST(RowScore, masked_tokens_have_probability_0_and_are_not_listed) {
    std::vector<float> row(2100, kNothing);
    row[7] = 3;
    row[2090] = 1;
    for (const std::size_t token : {0U, 7U, 8U, 2090U, 2099U}) expect_as_the_oracle(row, token, 5);
    EXPECT_EQ(score_row(row, 7, 5).top.size(), 2U);
}

TEST(RowScore, a_row_that_says_nothing_is_an_error) {
    std::vector<float> row(100, kNothing);
    EXPECT_ERROR(score_row(row, 0, 1), ErrorKind::Model, "probability 0");
    row[40] = std::nanf("");
    EXPECT_ERROR(score_row(row, 0, 1), ErrorKind::Model, "token 40");
    EXPECT_ERROR(score_row(row, 100, 1), ErrorKind::BadInput, "token 100");
    EXPECT_ERROR(score_row(row, -1, 1), ErrorKind::BadInput, "token -1");
}

}  // namespace
}  // namespace urial::logits
