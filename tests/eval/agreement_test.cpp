#include "eval/agreement.h"

#include <cmath>

#include "eval_testing.h"

namespace urial::eval {
namespace {

std::vector<RatingPair> pairs_of(const std::vector<double>& first, const std::vector<double>& second) {
    std::vector<RatingPair> pairs;
    for (std::size_t i = 0; i < first.size(); ++i) pairs.push_back({first[i], second[i], i});
    return pairs;
}

// Anscombe, "Graphs in Statistical Analysis" (1973), first data set: the published correlation is 0.816.
const std::vector<double> kAnscombeX{10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5};
const std::vector<double> kAnscombeY{8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68};

TEST(Correlation, pearson_is_that_of_anscombes_first_data_set) {
    EXPECT_NEAR(*pearson(kAnscombeX, kAnscombeY), 0.816, 0.0005);
    EXPECT_NEAR(*pearson(kAnscombeY, kAnscombeX), 0.816, 0.0005);
}

TEST(Correlation, spearman_is_that_of_the_worked_example_and_shares_ranks) {
    // Intelligence against hours of television, the worked example of Wikipedia's "Spearman's rank correlation
    // coefficient": squared rank differences sum to 194, so 1 - 6 x 194 / (10 x 99) = -29/165.
    const std::vector<double> iq{106, 100, 86, 101, 99, 103, 97, 113, 112, 110};
    const std::vector<double> hours{7, 27, 2, 50, 28, 29, 20, 12, 6, 17};
    EXPECT_NEAR(*spearman(iq, hours), -29.0 / 165, 1e-12);
    // Ranks 1.5, 1.5, 3 against 1, 2.5, 2.5: deviations (-.5, -.5, 1) and (-1, .5, .5), 0.75 / 1.5.
    EXPECT_NEAR(*spearman(std::vector<double>{1, 1, 2}, std::vector<double>{1, 9, 9}), 0.5, 1e-12);
}

TEST(Correlation, is_undefined_where_one_side_never_changes) {
    EXPECT_FALSE(pearson(std::vector<double>{0.1, 0.1, 0.1}, std::vector<double>{1, 2, 3}));
    EXPECT_FALSE(spearman(std::vector<double>{1, 2}, std::vector<double>{5, 5}));
    EXPECT_FALSE(pearson(std::vector<double>{}, std::vector<double>{}));
    EXPECT_FALSE(pearson(std::vector<double>{1}, std::vector<double>{1}));
}

TEST(AgreementOfTwo, counts_by_hand) {
    // Equal: 4 of 8. At most one apart: 7 of 8. Sum of differences: 0+1+0-1+0+0+1-2 = -1.
    const std::vector<double> first{1, 2, 3, 4, 5, 5, 4, 2};
    const std::vector<double> second{1, 1, 3, 5, 5, 5, 3, 4};
    const Agreement found = agreement(pairs_of(first, second), Metric::Interval);
    EXPECT_EQ(found.n, 8U);
    EXPECT_DOUBLE_EQ(found.exact.value, 0.5);
    EXPECT_DOUBLE_EQ(found.within_one.value, 7.0 / 8);
    EXPECT_DOUBLE_EQ(found.mean_difference, -1.0 / 8);
    // Chance of equal ratings from the marginals: first 1,2,1,2,2 of the values 1..5, second 2,0,2,1,3, so
    // (1x2 + 2x0 + 1x2 + 2x1 + 2x3) / 64 = 12/64; kappa = (1/2 - 12/64) / (1 - 12/64) = 20/52.
    EXPECT_NEAR(found.kappa.value, 20.0 / 52, 1e-12);
    // Squared differences: 0+1+0+1+0+0+1+4 = 7 observed over 8 pairs. By chance: mean of (a-b)^2 over all 64 pairs =
    // var(a) + var(b) + (mean a - mean b)^2 = 1.9375 + 2.484375 + 0.015625 = 4.4375.
    EXPECT_NEAR(found.quadratic_kappa.value, 1 - (7.0 / 8) / 4.4375, 1e-12);
    // Interval alpha: 1 - observed / expected, where expected is the mean squared difference of any two of the 16
    // values: 2 x 16/15 x their variance, (1.9375 + 2.484375) / 2 + (1/16)^2.
    const double variance = (1.9375 + 2.484375) / 2 + 1.0 / 256;
    EXPECT_NEAR(found.alpha.value, 1 - (7.0 / 8) / (2 * 16.0 / 15 * variance), 1e-12);
}

TEST(AgreementOfTwo, intervals_hold_the_value_and_shrink_with_more_items) {
    const Agreement few = agreement(pairs_of(kAnscombeX, kAnscombeY), Metric::Interval);
    ASSERT_TRUE(few.pearson.ci95);
    EXPECT_LT(few.pearson.ci95->low, few.pearson.value);
    EXPECT_GT(few.pearson.ci95->high, few.pearson.value);
    std::vector<RatingPair> many;
    for (std::size_t i = 0; i < 1100; ++i) many.push_back({kAnscombeX[i % 11], kAnscombeY[i % 11], i});
    const Agreement more = agreement(many, Metric::Interval, {.draws = 200});
    EXPECT_NEAR(more.pearson.value, few.pearson.value, 1e-9);
    EXPECT_LT(more.pearson.ci95->high - more.pearson.ci95->low, few.pearson.ci95->high - few.pearson.ci95->low);
}

TEST(AgreementOfTwo, nothing_in_common_has_no_value) {
    const Agreement none = agreement({}, Metric::Interval);
    EXPECT_EQ(none.n, 0U);
    EXPECT_TRUE(std::isnan(none.exact.value));
    EXPECT_FALSE(none.exact.ci95);
    EXPECT_EQ(to_json(none)["exact"]["value"], nullptr);
}

EvalRecord judged_by(const std::string& judge, EvalRecord record) {
    record.judge = judge;
    return record;
}

TEST(Calibrate, matches_by_id_or_by_instruction_and_counts_the_rest) {
    const std::vector<EvalRecord> run{scored("1", 4), scored("2", 3), scored("3", 5), scored("4", 1)};
    TemporaryFolder folder;
    const auto file = folder.write("people.jsonl", R"({"id": "1", "scores": {"helpfulness": 4, "clarity": 2}}
{"instruction": "instruction 2", "scores": {"helpfulness": 2}}
{"id": 3, "instruction": "another text under the same id", "scores": {"helpfulness": 5}}
{"id": "4", "generator": "another model", "scores": {"helpfulness": 1}}
{"id": "9", "scores": {"helpfulness": null}}
)");
    const auto found = calibrate(ratings_of(run), load_ratings(file));
    ASSERT_EQ(found.size(), 1U) << "clarity was judged by people only";
    EXPECT_EQ(found[0].judge, "judge");
    EXPECT_EQ(found[0].aspect, "helpfulness");
    EXPECT_EQ(found[0].agreement.n, 2U);
    EXPECT_DOUBLE_EQ(found[0].agreement.mean_difference, 0.5);
    EXPECT_EQ(found[0].unmatched_judge, 2U);
    EXPECT_EQ(found[0].unmatched_human, 2U);
}

TEST(Calibrate, several_people_count_by_their_mean_and_several_judges_each_and_together) {
    const std::vector<EvalRecord> run{judged_by("x", scored("1", 1)), judged_by("y", scored("1", 5))};
    TemporaryFolder folder;
    const auto file = folder.write("people.json", R"([{"id": "1", "rater": "ann", "scores": {"helpfulness": 2}},
                                                      {"id": "1", "rater": "bob", "scores": {"helpfulness": 3}}])");
    const auto found = calibrate(ratings_of(run), load_ratings(file));
    ASSERT_EQ(found.size(), 3U);
    EXPECT_DOUBLE_EQ(found[0].agreement.mean_difference, 1 - 2.5);
    EXPECT_DOUBLE_EQ(found[1].agreement.mean_difference, 5 - 2.5);
    EXPECT_EQ(found[2].judge, "all judges (mean)");
    EXPECT_DOUBLE_EQ(found[2].agreement.mean_difference, 3 - 2.5);
}

TEST(Calibrate, a_pair_means_the_same_in_either_order) {
    const std::vector<EvalRecord> run{preferred("1", "x", "y", Choice::A), preferred("1", "y", "x", Choice::B),
                                      preferred("2", "x", "y", Choice::A), preferred("2", "y", "x", Choice::A)};
    TemporaryFolder folder;
    const auto file =
        folder.write("people.jsonl", R"({"id": "1", "generator": "y", "other": "x", "preferences": {"overall": "B"}}
{"id": "2", "generator": "x", "other": "y", "preferences": {"overall": "tie"}}
)");
    const auto found = calibrate(ratings_of(run), load_ratings(file));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].agreement.n, 2U);
    EXPECT_DOUBLE_EQ(found[0].agreement.exact.value, 1) << "a verdict that flips with the order is a tie";
}

TEST(Ratings, a_wrong_file_is_refused_with_the_place) {
    TemporaryFolder folder;
    const auto message = [&](std::string_view content) {
        const auto file = folder.write("people.json", content);
        return message_of([&] { load_ratings(file); });
    };
    EXPECT_NE(message(R"([{"scores": {"depth": 3}}])").find("value 0 (line 1): it has neither \"id\""),
              std::string::npos);
    EXPECT_NE(message(R"([{"id": 1, "scores": {"depth": "good"}}])").find("score of depth is \"good\""),
              std::string::npos);
    EXPECT_NE(message(R"([{"id": 1, "preferences": {"overall": "x"}}])").find("\"tie\""), std::string::npos);
    EXPECT_NE(message(R"([{"id": 1}])").find("neither \"scores\""), std::string::npos);
    EXPECT_NE(message("[]").find("no rating"), std::string::npos);
    EXPECT_NE(message(R"([{"id": 1, "turn": 0, "scores": {"depth": 3}}])").find("\"turn\""), std::string::npos);
}

TEST(Jury, alpha_is_that_of_the_published_example_with_its_missing_values) {
    // Krippendorff (2011): observers A to D over twelve units, 0 where one did not look.
    const int table[4][12] = {{1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0},
                              {1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3},
                              {0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0},
                              {1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0}};
    std::vector<EvalRecord> records;
    for (int judge = 0; judge < 4; ++judge) {
        for (int unit = 0; unit < 12; ++unit) {
            if (table[judge][unit] == 0) continue;
            records.push_back(judged_by(std::string(1, static_cast<char>('A' + judge)),
                                        scored(std::to_string(unit), table[judge][unit])));
        }
    }
    const auto jury = jury_agreement(ratings_of(records));
    ASSERT_EQ(jury.size(), 1U);
    EXPECT_EQ(jury[0].raters, 4U);
    EXPECT_EQ(jury[0].units, 11U) << "one unit was seen by one observer only";
    EXPECT_NEAR(jury[0].alpha.value, 0.849, 0.0005);
    ASSERT_TRUE(jury[0].alpha.ci95);
    EXPECT_LT(jury[0].alpha.ci95->low, 0.849);
    // Pairs of observers: 3+6+6+6+6+6+6+6+6+3+1 = 55; equal: 3+3+6+6+6+0+6+3+6+3+1 = 43.
    EXPECT_NEAR(jury[0].exact.value, 43.0 / 55, 1e-12);
}

TEST(Jury, one_judge_is_no_jury) {
    EXPECT_TRUE(jury_agreement(ratings_of(std::vector<EvalRecord>{scored("1", 1), scored("2", 2)})).empty());
}

}  // namespace
}  // namespace urial::eval
