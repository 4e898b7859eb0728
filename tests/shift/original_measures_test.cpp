#include "shift/original_measures.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"

namespace urial::shift {
namespace {

using List = std::vector<ListedToken>;

struct Printed {
    const char* text;
    double percent;
};

/// Five of the thirty entries are printed, in percent. The rest of the mass goes to tokens that only this list has,
/// each less likely than the last printed one.
List published_list(const std::vector<Printed>& printed, const char* rest_name) {
    constexpr int kRestTokens = 25;
    List list;
    double rest = 100;
    for (const Printed& entry : printed) {
        list.push_back({static_cast<engine::Token>(std::hash<std::string>{}(entry.text) % 100'000), entry.text,
                        std::log(entry.percent)});
        rest -= entry.percent;
    }
    for (int i = 0; i < kRestTokens; ++i) list.push_back({200'000 + i, rest_name, std::log(rest / kRestTokens)});
    return list;
}

// arXiv 2312.01552, Figure 8. The expected numbers are sums by hand over the printed, rounded percentages.
TEST(OriginalMeasures, the_published_position_comes_out_as_documented) {
    const List base = published_list(
        {{"writers", 58.21}, {"cre", 16.42}, {"artists", 13.19}, {"authors", 5.95}, {"fans", 4.56}}, "base rest");
    const List aligned = published_list(
        {{"artists", 48.35}, {"writers", 45.42}, {"cre", 3.29}, {"authors", 2.77}, {"writ", 0.08}}, "aligned rest");
    const OriginalMeasures measures = original_measures(base, aligned, 5);
    EXPECT_EQ(measures.base_rank, 2U) << "third, counted from 0";
    EXPECT_EQ(measures.label, ShiftClass::Marginal);
    EXPECT_NEAR(measures.kl, 0.282543, 1e-6);
    EXPECT_NEAR(measures.jaccard, 4.0 / 6, 1e-6);
    EXPECT_NEAR(measures.weighted_sum, 0.335214, 1e-6);
}

/// Probabilities base: x 1/2, y 1/4, z 1/4; aligned: y 1/2, w 1/4, x 1/4.
const List kBase = {{1, "x", std::log(2)}, {2, "y", 0}, {3, "z", 0}};
const List kAligned = {{2, "y", 7 + std::log(2)}, {4, "w", 7}, {1, "x", 7}};

TEST(OriginalMeasures, a_small_case_agrees_with_the_sum_by_hand) {
    const OriginalMeasures measures = original_measures(kBase, kAligned, 10);
    EXPECT_EQ(measures.base_rank, 1U);
    EXPECT_EQ(measures.label, ShiftClass::Marginal);
    // x: 1/2 ln 2; y: 1/4 ln 1/2.
    EXPECT_NEAR(measures.kl, 0.25 * std::log(2.0), 1e-12);
    EXPECT_NEAR(measures.jaccard, 2.0 / 4, 1e-12);
    EXPECT_NEAR(measures.weighted_sum, 0.5 * 0.25 + 0.25 * 0.5, 1e-12);
    EXPECT_NEAR(measures.base_prob, 0.25, 1e-12);
    EXPECT_NEAR(measures.two_sided_prob, 0.25, 1e-12);
    // Discounts 1, 1/log2(3), 1/2. Base order: x has relevance 1/2, y has 1, z none.
    const double second = 1 / std::log2(3.0);
    EXPECT_NEAR(measures.ndcg, (0.5 + second) / (1 + second * second + 0.25), 1e-12);
}

TEST(OriginalMeasures, only_the_first_k_count_but_for_ndcg) {
    const OriginalMeasures measures = original_measures(kBase, kAligned, 1);
    EXPECT_FALSE(measures.base_rank.has_value());
    EXPECT_EQ(measures.label, ShiftClass::Shifted) << "an absent token is shifted, however small k is";
    EXPECT_EQ(measures.kl, 0);
    EXPECT_EQ(measures.jaccard, 0);
    EXPECT_EQ(measures.base_prob, 0);
    EXPECT_EQ(measures.two_sided_prob, 0);
    EXPECT_EQ(measures.ndcg, original_measures(kBase, kAligned, 10).ndcg);
}

TEST(OriginalMeasures, one_sided_tokens_are_ignored_so_that_kl_can_be_negative) {
    const List base = {{1, "a", std::log(3)}, {2, "b", 0}};     // a 3/4, b 1/4
    const List aligned = {{2, "b", std::log(3)}, {3, "c", 0}};  // b 3/4, c 1/4
    EXPECT_NEAR(original_measures(base, aligned, 10).kl, 0.25 * std::log(1.0 / 3), 1e-12);
}

TEST(OriginalMeasures, the_label_follows_the_rank) {
    const List base = {{1, "a", 4}, {2, "b", 3}, {3, "c", 2}, {4, "d", 1}};
    const auto label = [&](const char* text) { return original_measures(base, List{{9, text, 0}}, 10).label; };
    EXPECT_EQ(label("a"), ShiftClass::Unshifted);
    EXPECT_EQ(label("b"), ShiftClass::Marginal);
    EXPECT_EQ(label("c"), ShiftClass::Marginal);
    EXPECT_EQ(label("d"), ShiftClass::Shifted);
    EXPECT_EQ(label("e"), ShiftClass::Shifted);
}

TEST(OriginalMeasures, tokens_are_compared_by_text_and_a_repeated_text_stands_first) {
    const List base = {{1, "\xEF\xBF\xBD", std::log(4)}, {2, "\xEF\xBF\xBD", std::log(3)}, {3, "a", 0}};
    const List aligned = {{2, "\xEF\xBF\xBD", 0}};
    const OriginalMeasures measures = original_measures(base, aligned, 10);
    EXPECT_EQ(measures.base_rank, 0U) << "token 2 is read as token 1, which has its text";
    EXPECT_NEAR(measures.base_prob, 0.5, 1e-12);
    EXPECT_NEAR(measures.jaccard, 0.5, 1e-12);
    EXPECT_NEAR(measures.ndcg, 1 / std::log2(3.0), 1e-12) << "ndcg goes by token id";
}

TEST(OriginalMeasures, equal_lists_agree_wholly) {
    const OriginalMeasures measures = original_measures(kBase, kBase, 3);
    EXPECT_EQ(measures.label, ShiftClass::Unshifted);
    EXPECT_EQ(measures.kl, 0);
    EXPECT_EQ(measures.jaccard, 1);
    EXPECT_DOUBLE_EQ(measures.ndcg, 1);
}

TEST(OriginalMeasures, lists_that_cannot_be_measured_are_refused) {
    const auto refused = [](const List& base, const List& aligned, std::size_t k) {
        try {
            original_measures(base, aligned, k);
        } catch (const Error& caught) {
            return caught.kind() == ErrorKind::BadInput;
        }
        return false;
    };
    EXPECT_TRUE(refused({}, kAligned, 10));
    EXPECT_TRUE(refused(kBase, {}, 10));
    EXPECT_TRUE(refused(kBase, kAligned, 0));
    EXPECT_TRUE(refused({{1, "a", 0}, {2, "b", 1}}, kAligned, 10));
    EXPECT_TRUE(refused(kBase, {{1, "a", 0}, {2, "b", -std::numeric_limits<double>::infinity()}}, 10));
}

}  // namespace
}  // namespace urial::shift
