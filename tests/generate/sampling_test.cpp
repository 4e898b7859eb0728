#include "generate/sampling.h"

#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace urial::generate {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

TEST(ArgMaxTest, agrees_with_a_plain_loop_on_every_length_and_place) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (std::size_t size = 1; size < 200; ++size) {
        std::vector<float> row(size);
        for (float& value : row) value = normal(random);
        std::size_t best = 0;
        for (std::size_t i = 1; i < size; ++i) {
            if (row[i] > row[best]) best = i;
        }
        float second = kMinusInfinity;
        for (std::size_t i = 0; i < size; ++i) {
            if (i != best) second = std::max(second, row[i]);
        }
        const ArgMax found = arg_max(row);
        EXPECT_EQ(found.token, static_cast<Token>(best)) << "size " << size;
        EXPECT_EQ(found.value, row[best]);
        EXPECT_EQ(found.gap, row[best] - second);
    }
}

TEST(ArgMaxTest, of_equal_values_the_smallest_index_wins_with_no_lead) {
    std::vector<float> row(100, 1.0F);
    EXPECT_EQ(arg_max(row).token, 0);
    EXPECT_EQ(arg_max(row).gap, 0.0F);
    row[77] = row[33] = 2.0F;
    EXPECT_EQ(arg_max(row).token, 33);
    EXPECT_EQ(arg_max(row).gap, 0.0F);
}

TEST(ArgMaxTest, forbidden_tokens_are_never_chosen_and_a_row_of_them_has_no_lead) {
    std::vector<float> row(40, kMinusInfinity);
    row[39] = -1e30F;
    EXPECT_EQ(arg_max(row).token, 39);
    row[39] = kMinusInfinity;
    EXPECT_EQ(arg_max(row).gap, 0.0F);
}

TEST(ArgMaxTest, a_logit_that_is_not_a_number_is_an_error_wherever_it_stands) {
    for (const std::size_t place : {0U, 15U, 16U, 63U, 66U}) {
        std::vector<float> row(67, 1.0F);
        row[place] = std::nanf("");
        EXPECT_ERROR(arg_max(row), ErrorKind::Model, "not a number");
    }
}

TEST(SamplerTest, the_repetition_penalty_counts_every_token_of_prompt_and_output_once) {
    SamplingOptions options;
    options.repetition_penalty = 2;
    const std::vector<Token> prompt{1, 1, 1, 3};
    Sampler sampler(options, 0, prompt, 5);
    // 4 / 2 = 2 for token 1, however often it occurs; -1 * 2 = -2 for token 3; token 2 wins with 3.
    const std::vector<float> row{0, 4, 3, -1, 1};
    EXPECT_EQ(sampler.choose(row).token, 2);
    // Token 2 was chosen and counts from now on: 1.5 against 2.
    EXPECT_EQ(sampler.choose(row).token, 1);
}

TEST(SamplerTest, drawing_follows_the_softmax_at_the_temperature) {
    SamplingOptions options;
    options.temperature = 2;
    options.seed = 7;
    Sampler sampler(options, 1, {}, 3);
    const std::vector<float> row{0, 2, 4};
    // Probabilities exp(0), exp(1), exp(2), normalised.
    const double total = 1 + std::exp(1) + std::exp(2);
    std::array<int, 3> counts{};
    constexpr int kDraws = 20000;
    for (int i = 0; i < kDraws; ++i) ++counts[static_cast<std::size_t>(sampler.choose(row).token)];
    for (std::size_t token = 0; token < 3; ++token) {
        const double expected = std::exp(static_cast<double>(token)) / total;
        const double deviation = std::sqrt(expected * (1 - expected) / kDraws);
        EXPECT_NEAR(counts[token] / static_cast<double>(kDraws), expected, 5 * deviation) << "token " << token;
    }
}

/// The set of tokens that 500 draws give.
std::vector<Token> drawn(const SamplingOptions& options, const std::vector<float>& row) {
    Sampler sampler(options, 1, {}, row.size());
    std::vector<bool> seen(row.size());
    for (int i = 0; i < 500; ++i) seen[static_cast<std::size_t>(sampler.choose(row).token)] = true;
    std::vector<Token> tokens;
    for (std::size_t token = 0; token < seen.size(); ++token) {
        if (seen[token]) tokens.push_back(static_cast<Token>(token));
    }
    return tokens;
}

TEST(SamplerTest, top_k_top_p_and_min_p_cut_where_they_say) {
    // Probabilities 0.4, 0.3, 0.2, 0.1.
    const std::vector<float> row{std::log(0.4F), std::log(0.3F), std::log(0.2F), std::log(0.1F)};
    SamplingOptions options;
    options.temperature = 1;
    EXPECT_EQ(drawn(options, row), (std::vector<Token>{0, 1, 2, 3}));
    options.top_k = 2;
    EXPECT_EQ(drawn(options, row), (std::vector<Token>{0, 1}));
    options.top_k = 0;
    options.top_p = 0.65;  // 0.4 does not reach it, 0.4 + 0.3 does
    EXPECT_EQ(drawn(options, row), (std::vector<Token>{0, 1}));
    options.top_p = 0.01;
    EXPECT_EQ(drawn(options, row), (std::vector<Token>{0}));
    options.top_p = 1;
    options.min_p = 0.45;  // at least 0.18
    EXPECT_EQ(drawn(options, row), (std::vector<Token>{0, 1, 2}));
}

TEST(SamplerTest, the_same_seed_and_request_give_the_same_draws_and_another_request_others) {
    SamplingOptions options;
    options.temperature = 1;
    const std::vector<float> row(1000, 0.0F);
    const auto draws = [&](std::uint64_t seed, std::uint64_t id) {
        options.seed = seed;
        Sampler sampler(options, id, {}, row.size());
        std::vector<Token> tokens;
        for (int i = 0; i < 8; ++i) tokens.push_back(sampler.choose(row).token);
        return tokens;
    };
    EXPECT_EQ(draws(1, 1), draws(1, 1));
    EXPECT_NE(draws(1, 1), draws(1, 2));
    EXPECT_NE(draws(1, 1), draws(2, 1));
}

TEST(SamplingOptionsTest, a_value_out_of_range_is_named_with_its_range) {
    const auto refused = [](auto change, std::string_view part) {
        SamplingOptions options;
        change(options);
        EXPECT_ERROR(check(options), ErrorKind::BadInput, std::string(part));
    };
    refused([](auto& o) { o.temperature = -1; }, "temperature is -1");
    refused([](auto& o) { o.top_p = 0; }, "top-p is 0");
    refused([](auto& o) { o.top_k = -3; }, "top-k is -3");
    refused([](auto& o) { o.min_p = 1; }, "min-p is 1");
    refused([](auto& o) { o.repetition_penalty = 0; }, "repetition-penalty is 0");
    refused([](auto& o) { o.max_tokens = 0; }, "max-tokens is 0");
    refused([](auto& o) { o.stop = {""}; }, "stop is an empty string");
    EXPECT_NO_THROW(check(SamplingOptions{}));
}

/// Allows multiples of a number.
class Multiples final : public engine::TokenConstraint {
public:
    explicit Multiples(Token number) : number_(number) {}
    void keep_allowed(std::vector<Token>& tokens) const override {
        std::erase_if(tokens, [&](Token token) { return token == 0 || token % number_ != 0; });
    }
    void accept(Token) override {}

private:
    Token number_;
};

TEST(ConstrainedArgMax, is_the_largest_of_the_allowed_wherever_it_stands) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    for (const Token number : {1, 2, 50, 3000, 20'000}) {
        std::vector<float> row(30'000);
        for (float& value : row) value = normal(random);
        Token best = number;
        for (Token token = number; token < 30'000; token += number) {
            if (row[static_cast<std::size_t>(token)] > row[static_cast<std::size_t>(best)]) best = token;
        }
        EXPECT_EQ(constrained_arg_max(row, Multiples(number)).token, best) << number;
    }
}

TEST(ConstrainedArgMax, the_gap_is_the_lead_over_the_next_allowed_token) {
    const std::vector<float> row{9, 1, 4, 8, 2.5};
    const ArgMax found = constrained_arg_max(row, Multiples(2));
    EXPECT_EQ(found.token, 2);
    EXPECT_FLOAT_EQ(found.gap, 1.5F);
    EXPECT_ERROR(constrained_arg_max(row, Multiples(7)), ErrorKind::Model, "allows no token");
}

TEST(SamplerTest, draws_only_what_the_constraint_allows) {
    Sampler sampler({.temperature = 2, .seed = 3}, 1, {}, 100);
    const std::vector<float> row(100, 0.0F);
    const Multiples constraint(33);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(sampler.choose(row, &constraint).token % 33, 0);
}

TEST(Steering, a_token_loses_with_each_time_that_the_answer_has_it_and_once_for_being_there) {
    const std::vector<float> row{3.0F, 2.9F, 2.0F};
    // 3, then 2.9 against 3 - 0.5 - 0.25, then 2.25 against 2.9 - 0.75, then 2.15 against 3 - 2 * 0.5 - 0.25 and 2.
    Sampler sampler({}, 0, {}, 3, {.frequency_penalty = 0.5, .presence_penalty = 0.25});
    std::vector<Token> chosen;
    for (int i = 0; i < 5; ++i) chosen.push_back(sampler.choose(row).token);
    EXPECT_EQ(chosen, (std::vector<Token>{0, 1, 0, 1, 2}));
}

TEST(Steering, the_prompt_counts_for_the_repetition_penalty_alone) {
    const std::vector<Token> prompt{0, 0, 0};
    Sampler sampler({}, 0, prompt, 2, {.frequency_penalty = 2, .presence_penalty = 2});
    EXPECT_EQ(sampler.choose(std::vector<float>{1.0F, 0.5F}).token, 0);
}

TEST(Steering, a_bias_is_added_before_the_repetition_penalty_divides) {
    const std::vector<Token> prompt{0};
    // (1 + 4) / 2 = 2.5 loses against 2.6, and 1 / 2 + 4 would not.
    Sampler sampler({.repetition_penalty = 2}, 0, prompt, 2, {.logit_bias = {{0, 4.0F}}});
    EXPECT_EQ(sampler.choose(std::vector<float>{1.0F, 2.6F}).token, 1);
    Sampler forbids({}, 0, {}, 2, {.logit_bias = {{1, -100.0F}}});
    EXPECT_EQ(forbids.choose(std::vector<float>{1.0F, 2.6F}).token, 0);
}

TEST(Steering, ends_are_not_chosen_before_min_tokens_drawn_or_not) {
    const std::vector<float> row{0.0F, 9.0F, 8.0F};
    for (const double temperature : {0.0, 1.0}) {
        Sampler sampler({.temperature = temperature}, 0, {}, 3, {.min_tokens = 3}, {1, 2});
        for (int i = 0; i < 3; ++i) EXPECT_EQ(sampler.choose(row).token, 0);
        EXPECT_NE(sampler.choose(row).token, 0) << "exp(-8) of a chance";
    }
}

}  // namespace
}  // namespace urial::generate
