#include "report/estimate.h"

#include <gtest/gtest.h>

#include "support/expect_text.h"

namespace urial::report {
namespace {

using test::contains;

TEST(EstimateText, says_what_a_run_may_cost_and_that_it_would_stop_at_the_limit) {
    eval::JudgeEstimate estimate;
    estimate.requests = 12;
    estimate.most_cost = 2.5;
    EXPECT_TRUE(contains(estimate_text(estimate, 100, 3.0), "2.5000 USD"));
    EXPECT_FALSE(contains(estimate_text(estimate, 100, 3.0), "--max-cost"));
    EXPECT_TRUE(contains(estimate_text(estimate, 100, 2.0), "that may be more than --max-cost 2"));
    EXPECT_FALSE(contains(estimate_text(estimate, 100, std::nullopt), "judged already"));
    EXPECT_EQ(estimate_json(estimate)["most_cost_usd"], 2.5);
}

TEST(EstimateText, a_cost_without_all_prices_is_not_a_number) {
    eval::JudgeEstimate estimate;
    estimate.unpriced = {"dear\x1b"};
    EXPECT_TRUE(contains(estimate_text(estimate, 100, std::nullopt), "no price of dear"));
    EXPECT_FALSE(contains(estimate_text(estimate, 100, std::nullopt), "\x1b"));
    EXPECT_TRUE(estimate_json(estimate)["most_cost_usd"].is_null());
}

}  // namespace
}  // namespace urial::report
