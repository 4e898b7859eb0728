#include "eval/statistics.h"

#include <cmath>
#include <limits>
#include <random>

#include "eval_testing.h"

namespace urial::eval {
namespace {

ClusteredValues column_of(const std::vector<double>& values) { return {values, std::vector<double>(values.size(), 1)}; }

std::vector<double> normal_values(std::size_t n, double mean, double deviation, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal(mean, deviation);
    std::vector<double> values(n);
    for (double& value : values) value = normal(random);
    return values;
}

TEST(Bootstrap, the_interval_of_a_mean_is_that_of_the_central_limit_theorem) {
    const std::vector<double> values = normal_values(400, 3, 2, 1);
    double sum = 0;
    double squares = 0;
    for (const double value : values) sum += value;
    for (const double value : values) squares += std::pow(value - sum / 400, 2);
    const double half_width = 1.96 * std::sqrt(squares / 400) / std::sqrt(400);
    const ClusteredValues column = column_of(values);
    const auto interval = bootstrap(std::span(&column, 1), {}).front();
    ASSERT_TRUE(interval);
    EXPECT_NEAR(interval->low, sum / 400 - half_width, 0.05 * half_width);
    EXPECT_NEAR(interval->high, sum / 400 + half_width, 0.05 * half_width);
}

TEST(Bootstrap, covers_the_true_mean_about_95_times_in_100) {
    int covered = 0;
    for (unsigned seed = 0; seed < 200; ++seed) {
        const ClusteredValues column = column_of(normal_values(100, 0, 1, seed));
        const auto interval = bootstrap(std::span(&column, 1), {}, {.draws = 500, .seed = seed}).front();
        covered += interval->low <= 0 && 0 <= interval->high ? 1 : 0;
    }
    EXPECT_GE(covered, 180);
    EXPECT_LE(covered, 198);
}

TEST(Bootstrap, a_value_said_twice_by_one_cluster_counts_as_one_draw) {
    const std::vector<double> values = normal_values(100, 0, 1, 5);
    ClusteredValues once = column_of(values);
    ClusteredValues twice = once;
    for (std::size_t i = 0; i < values.size(); ++i) {
        twice.sums[i] *= 2;
        twice.counts[i] *= 2;
    }
    const auto a = bootstrap(std::span(&once, 1), {}).front();
    const auto b = bootstrap(std::span(&twice, 1), {}).front();
    EXPECT_DOUBLE_EQ(a->low, b->low) << "duplicates must not make an interval narrower";
    EXPECT_DOUBLE_EQ(a->high, b->high);
}

TEST(Bootstrap, averages_see_the_correlation_of_their_columns) {
    const std::vector<double> values = normal_values(200, 0, 1, 9);
    std::vector<double> mirrored;
    for (const double value : values) mirrored.push_back(-value);
    const std::vector<ClusteredValues> columns{column_of(values), column_of(mirrored)};
    const std::vector<std::vector<std::size_t>> averages{{0, 1}};
    const auto intervals = bootstrap(columns, averages);
    ASSERT_EQ(intervals.size(), 3U);
    EXPECT_NEAR(intervals[2]->low, 0, 1e-12);
    EXPECT_NEAR(intervals[2]->high, 0, 1e-12);
}

TEST(Bootstrap, the_same_seed_gives_the_same_interval_whatever_stands_beside) {
    const ClusteredValues column = column_of(normal_values(50, 0, 1, 2));
    const std::vector<ClusteredValues> two{column_of(normal_values(50, 5, 1, 3)), column};
    EXPECT_EQ(bootstrap(std::span(&column, 1), {})[0], bootstrap(two, {})[1]);
}

TEST(Bootstrap, one_cluster_has_no_interval_and_nothing_has_no_mean) {
    const ClusteredValues one{{4, 0, 0}, {1, 0, 0}};
    EXPECT_FALSE(bootstrap(std::span(&one, 1), {}).front());
    EXPECT_TRUE(std::isnan(mean({{0, 0}, {0, 0}})));
    EXPECT_TRUE(bootstrap({}, {}).empty());
}

TEST(Quantile, interpolates_between_the_neighbours) {
    std::vector<double> values{4, 1, 3, 2};
    EXPECT_DOUBLE_EQ(quantile(values, 0.5), 2.5);
    EXPECT_DOUBLE_EQ(quantile(values, 0), 1);
    EXPECT_DOUBLE_EQ(quantile(values, 1), 4);
    EXPECT_DOUBLE_EQ(quantile(values, 0.1), 1.3);
}

TEST(SignFlips, agree_with_counting_all_flips) {
    const std::vector<double> sums{1.5, -0.5, 2, 0.25, 1, -0.75, 0.5, 1.25, 3, -1};
    double observed = 0;
    for (const double value : sums) observed += value;
    std::size_t extreme = 0;
    for (unsigned flips = 0; flips < 1024; ++flips) {
        double sum = 0;
        for (std::size_t i = 0; i < sums.size(); ++i) sum += ((flips >> i) & 1) != 0 ? sums[i] : -sums[i];
        extreme += std::abs(sum) >= observed - 1e-9 ? 1 : 0;
    }
    const double exact = static_cast<double>(extreme) / 1024;
    EXPECT_NEAR(sign_flip_p_value(column_of(sums), {.draws = 100'000, .seed = 1}), exact, 0.005);
}

TEST(SignFlips, no_difference_is_no_evidence) {
    EXPECT_DOUBLE_EQ(sign_flip_p_value(column_of(std::vector<double>(30, 0))), 1);
    EXPECT_DOUBLE_EQ(sign_flip_p_value(column_of({})), 1);
    EXPECT_LT(sign_flip_p_value(column_of(std::vector<double>(30, 0.1))), 0.001);
}

// The worked example of Krippendorff's paper of 2011: four observers, twelve units, missing values.
std::vector<std::vector<double>> krippendorff_units() {
    return {{1, 1, 1},    {2, 2, 3, 2}, {3, 3, 3, 3}, {3, 3, 3, 3}, {2, 2, 2, 2}, {1, 2, 3, 4},
            {4, 4, 4, 4}, {1, 1, 2, 1}, {2, 2, 2, 2}, {5, 5, 5},    {1, 1},       {3}};
}

TEST(Agreement, alpha_is_that_of_the_published_example) {
    EXPECT_NEAR(*krippendorff_alpha(krippendorff_units(), Metric::Nominal), 0.743, 0.0005);
    EXPECT_NEAR(*krippendorff_alpha(krippendorff_units(), Metric::Ordinal), 0.815, 0.0005);
    EXPECT_NEAR(*krippendorff_alpha(krippendorff_units(), Metric::Interval), 0.849, 0.0005);
}

TEST(Agreement, alpha_is_undefined_where_nobody_could_disagree) {
    EXPECT_FALSE(krippendorff_alpha(std::vector<std::vector<double>>{{5, 5}, {5, 5}}, Metric::Interval));
    EXPECT_FALSE(krippendorff_alpha(std::vector<std::vector<double>>{{5}, {4}}, Metric::Interval));
    EXPECT_DOUBLE_EQ(*krippendorff_alpha(std::vector<std::vector<double>>{{5, 5}, {4, 4}}, Metric::Ordinal), 1);
}

TEST(Agreement, kappa_of_a_two_by_two_table) {
    // 20 both yes, 5 and 10 apart, 15 both no: observed 0.7, expected 0.5.
    std::vector<double> first;
    std::vector<double> second;
    const auto add = [&](int times, double a, double b) {
        first.insert(first.end(), static_cast<std::size_t>(times), a);
        second.insert(second.end(), static_cast<std::size_t>(times), b);
    };
    add(20, 1, 1);
    add(5, 1, 0);
    add(10, 0, 1);
    add(15, 0, 0);
    EXPECT_NEAR(*cohen_kappa(first, second, Weights::None), 0.4, 1e-12);
    EXPECT_NEAR(*cohen_kappa(first, second, Weights::Quadratic), 0.4, 1e-12) << "two values have one distance";
    const std::vector<double> low{1, 2, 3};
    const std::vector<double> high{2, 3, 4};
    EXPECT_GT(*cohen_kappa(low, high, Weights::Quadratic), *cohen_kappa(low, high, Weights::None));
    EXPECT_FALSE(cohen_kappa(std::vector<double>{1, 1}, std::vector<double>{1, 1}, Weights::None));
}

/// The example of Holm's rule by hand: 0.01 * 4, 0.02 * 3 = 0.06, 0.03 * 2 = 0.06, 0.04 * 1 below the one before it.
TEST(Holm, p_values_are_multiplied_by_the_hypotheses_that_are_left_and_never_fall) {
    const double kNone = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> corrected = holm(std::vector{0.03, 0.01, kNone, 0.04, 0.02});
    ASSERT_EQ(corrected.size(), 5u);
    EXPECT_DOUBLE_EQ(corrected[0], 0.06);
    EXPECT_DOUBLE_EQ(corrected[1], 0.04);
    EXPECT_TRUE(std::isnan(corrected[2]));
    EXPECT_DOUBLE_EQ(corrected[3], 0.06);
    EXPECT_DOUBLE_EQ(corrected[4], 0.06);
    EXPECT_EQ(holm(std::vector{0.4, 0.9}), (std::vector{0.8, 0.9}));
    EXPECT_EQ(holm(std::vector{0.6, 0.9}), (std::vector{1.0, 1.0}));
    EXPECT_TRUE(holm({}).empty());
}

}  // namespace
}  // namespace urial::eval
