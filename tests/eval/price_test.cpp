#include "eval/price.h"

#include <thread>

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace urial::eval {
namespace {

using std::chrono::milliseconds;

TEST(Prices, a_table_gives_usd_per_million_tokens_by_model) {
    const PriceTable prices = parse_prices(R"(
        [[prices]]
        model = "small"
        prompt = 0.5
        completion = 2
        [[prices]]
        model = "free"
        prompt = 0
        completion = 0
    )",
                                           "prices.toml");
    ASSERT_EQ(prices.size(), 2u);
    EXPECT_DOUBLE_EQ(cost_of(prices.at("small"), {2'000'000, 1'000'000}), 3.0);
    EXPECT_DOUBLE_EQ(cost_of(prices.at("free"), {2'000'000, 1'000'000}), 0.0);
}

TEST(Prices, what_is_no_price_is_refused_with_its_place) {
    const auto entry = [](const std::string& fields) { return "[[prices]]\n" + fields; };
    EXPECT_ERROR(parse_prices(entry("model = \"m\"\nprompt = -1\ncompletion = 1"), "p"), ErrorKind::BadInput, "p:3:");
    EXPECT_ERROR(parse_prices(entry("model = \"m\"\nprompt = nan\ncompletion = 1"), "p"), ErrorKind::BadInput,
                 "0 or more");
    EXPECT_ERROR(parse_prices(entry("model = \"m\"\nprompt = \"1\"\ncompletion = 1"), "p"), ErrorKind::BadInput,
                 "must be a number");
    EXPECT_ERROR(parse_prices(entry("model = \"m\"\nprompt = 1"), "p"), ErrorKind::BadInput,
                 "\"completion\" is missing");
    EXPECT_ERROR(parse_prices(entry("prompt = 1\ncompletion = 1"), "p"), ErrorKind::BadInput, "\"model\"");
    EXPECT_ERROR(parse_prices(entry("model = \"m\"\nprompt = 1\ncompletions = 1"), "p"), ErrorKind::BadInput,
                 "did you mean completion");
    const std::string once = entry("model = \"m\"\nprompt = 1\ncompletion = 1\n");
    EXPECT_ERROR(parse_prices(once + once, "p"), ErrorKind::BadInput, "occurs twice");
    EXPECT_ERROR(parse_prices("price = 1", "p"), ErrorKind::BadInput, "[[prices]]");
    EXPECT_ERROR(parse_prices("[[prices", "p"), ErrorKind::BadInput, "p:1:");
}

TEST(Budget, what_is_reserved_counts_until_the_true_cost_is_known) {
    Budget budget(1.0, 0.4);
    EXPECT_TRUE(budget.reserve(0.5, {}));
    budget.settle(0.5, 0.1);
    EXPECT_TRUE(budget.reserve(0.5, {})) << "0.4 + 0.1 + 0.5 is 1";
    budget.settle(0.5, 0.5);
    EXPECT_FALSE(budget.reserve(0.01, {}));
    EXPECT_TRUE(budget.reserve(0, {}));
}

TEST(Budget, a_request_waits_for_the_money_that_another_may_give_back) {
    Budget budget(1.0);
    ASSERT_TRUE(budget.reserve(0.9, {}));
    bool fits = false;
    std::thread other([&] { fits = budget.reserve(0.5, {}); });
    std::this_thread::sleep_for(milliseconds(20));
    budget.settle(0.9, 0.2);
    other.join();
    EXPECT_TRUE(fits);
}

TEST(Budget, waiting_ends_when_the_run_is_stopped) {
    Budget budget(1.0);
    ASSERT_TRUE(budget.reserve(0.9, {}));
    std::stop_source stop;
    bool fits = true;
    std::thread other([&] { fits = budget.reserve(0.5, stop.get_token()); });
    stop.request_stop();
    other.join();
    EXPECT_FALSE(fits);
}

TEST(Budget, without_a_limit_everything_fits) {
    Budget budget(std::nullopt, 1e6);
    EXPECT_TRUE(budget.reserve(1e9, {}));
}

}  // namespace
}  // namespace urial::eval
