#include "shift/kernel.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "base/error.h"
#include "reference/shift_oracle.h"

namespace urial::shift {
namespace {

using Row = std::vector<float>;

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Row normal_row(std::size_t size, float spread, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, spread);
    Row row(size);
    for (float& logit : row) logit = normal(random);
    return row;
}

Row plus_noise(Row row, float noise, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, noise);
    for (float& logit : row) logit += normal(random);
    return row;
}

Row one_hot(std::size_t size, std::size_t at, float high, float low) {
    Row row(size, low);
    row[at] = high;
    return row;
}

PositionStats score(const Row& aligned, const Row& base, std::size_t token, KernelPath path = KernelPath::Automatic,
                    std::size_t top_k = 10) {
    const RowPair pair = {aligned.data(), base.data(), static_cast<Token>(token), 0};
    PositionStats stats;
    score_positions({&pair, 1}, {.vocabulary_size = aligned.size(), .top_k = top_k, .threads = 1, .path = path},
                    {&stats, 1});
    return stats;
}

/// 1e-5 relative, or `absolute` where that is more; infinities must be equal.
void expect_close(double actual, long double expected, double absolute, const char* what) {
    if (std::isinf(expected)) {
        EXPECT_EQ(actual, static_cast<double>(expected)) << what;
        return;
    }
    EXPECT_NEAR(actual, static_cast<double>(expected),
                std::max(1e-5 * std::abs(static_cast<double>(expected)), absolute))
        << what;
}

void expect_side(const SideStats& side, const reference::OracleSide& oracle, std::size_t top_k) {
    EXPECT_EQ(side.rank, oracle.rank);
    expect_close(side.logp, oracle.logp, 1e-30, "logp");
    expect_close(side.entropy, oracle.entropy, 1e-30, "entropy");
    EXPECT_EQ(static_cast<std::size_t>(side.argmax), oracle.order[0]);
    if (oracle.order.size() > 1) {
        expect_close(side.margin, oracle.all_logp[oracle.order[0]] - oracle.all_logp[oracle.order[1]], 1e-12, "margin");
    } else {
        EXPECT_TRUE(std::isinf(side.margin));
    }
    ASSERT_EQ(side.top.size(), std::min(top_k, oracle.order.size()));
    for (std::size_t i = 0; i < side.top.size(); ++i) {
        EXPECT_EQ(static_cast<std::size_t>(side.top[i].token), oracle.order[i]) << "entry " << i;
        expect_close(side.top[i].logp, oracle.all_logp[oracle.order[i]], 1e-30, "logp of a top token");
    }
}

/// Every path of this machine against the oracle, both ways round.
void expect_oracle(const Row& aligned, const Row& base, std::size_t token) {
    const reference::OracleStats oracle = reference::shift_oracle(aligned, base, token);
    for (const KernelPath path : available_paths()) {
        SCOPED_TRACE(std::string(path_name(path)) + ", vocabulary " + std::to_string(aligned.size()));
        const PositionStats stats = score(aligned, base, token, path);
        expect_side(stats.aligned, oracle.aligned, 10);
        expect_side(stats.base, oracle.base, 10);
        expect_close(stats.kl_ab, oracle.kl_ab, 1e-17, "KL(aligned||base)");
        expect_close(stats.kl_ba, oracle.kl_ba, 1e-17, "KL(base||aligned)");
        expect_close(stats.js, oracle.js, 1e-17, "JS");
        expect_close(stats.tv, oracle.tv, 1e-12, "TV");
        const PositionStats swapped = score(base, aligned, token, path);
        EXPECT_NEAR(swapped.js, stats.js, 1e-12 * stats.js + 1e-17);
        expect_close(swapped.kl_ba, stats.kl_ab, 1e-17, "KL of the swapped pair");
        expect_close(swapped.kl_ab, stats.kl_ba, 1e-17, "KL of the swapped pair");
    }
}

const std::size_t kSizes[] = {2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 100, 511, 512, 513, 2047, 2048, 2049, 4097, 32003};

TEST(Kernel, random_rows_of_every_size_agree_with_the_oracle) {
    for (const std::size_t size : kSizes) {
        for (const float spread : {0.1F, 3.0F, 20.0F}) {
            const auto seed = static_cast<unsigned>(size);
            expect_oracle(normal_row(size, spread, seed), normal_row(size, spread, seed + 1), size * 2 / 3);
        }
    }
}

TEST(Kernel, the_largest_vocabularies_agree_with_the_oracle) {
    const Row aligned = normal_row(300'000, 4, 1);
    expect_oracle(aligned, plus_noise(aligned, 2, 2), 299'999);
    expect_oracle(normal_row(262'144, 4, 3), normal_row(262'144, 4, 4), 0);
}

TEST(Kernel, flat_rows_agree_with_the_oracle) {
    for (const std::size_t size : kSizes) {
        expect_oracle(Row(size, 0), Row(size, 0), size - 1);
        expect_oracle(Row(size, -3.7F), normal_row(size, 1, 5), 0);
    }
    expect_oracle(Row(300'000, 12.3F), Row(300'000, -0.1F), 77);
}

TEST(Kernel, one_hot_rows_agree_with_the_oracle) {
    for (const std::size_t size : kSizes) {
        for (const float low : {0.0F, -5.0F, -20.0F, -60.0F, -200.0F, -1e4F}) {
            const Row first = one_hot(size, 0, 1, low), last = one_hot(size, size - 1, 2, low);
            expect_oracle(first, last, 0);
            expect_oracle(first, first, size / 2);
            expect_oracle(first, Row(size, 0), size - 1);
        }
    }
}

TEST(Kernel, tied_rows_agree_with_the_oracle) {
    for (const std::size_t size : kSizes) {
        std::mt19937 random(static_cast<unsigned>(size));
        Row aligned(size), base(size);
        for (std::size_t i = 0; i < size; ++i) {
            aligned[i] = static_cast<float>(random() % 4);
            base[i] = static_cast<float>(random() % 3) - 1;
        }
        for (const std::size_t token : {std::size_t{0}, size / 2, size - 1}) expect_oracle(aligned, base, token);
    }
}

TEST(Kernel, extreme_logits_agree_with_the_oracle) {
    for (const std::size_t size : kSizes) {
        std::mt19937 random(static_cast<unsigned>(size));
        Row aligned(size), base(size);
        for (std::size_t i = 0; i < size; ++i) {
            aligned[i] = random() % 2 == 0 ? 1e4F : -1e4F;
            base[i] = random() % 2 == 0 ? 1e4F : -1e4F;
        }
        expect_oracle(aligned, base, size / 3);
        expect_oracle(plus_noise(aligned, 1, 6), plus_noise(aligned, 1, 7), size / 3);
        expect_oracle(normal_row(size, 5e3F, 8), normal_row(size, 5e3F, 9), size - 1);
    }
}

TEST(Kernel, rising_and_falling_rows_agree_with_the_oracle) {
    Row rising(5000);
    for (std::size_t i = 0; i < rising.size(); ++i) rising[i] = static_cast<float>(i) * 0.01F - 20;
    const Row falling(rising.rbegin(), rising.rend());
    expect_oracle(rising, falling, 2500);
    expect_oracle(falling, normal_row(5000, 1, 10), 4999);
}

TEST(Kernel, nearly_identical_rows_keep_their_digits) {
    for (const std::size_t size : {std::size_t{2}, std::size_t{50}, std::size_t{32003}}) {
        for (const float spread : {0.5F, 5.0F}) {
            for (const float noise : {1e-2F, 1e-3F, 3e-5F, 1e-6F}) {
                const Row aligned = normal_row(size, spread, 11);
                expect_oracle(aligned, plus_noise(aligned, noise, 12), size / 2);
            }
        }
    }
    const Row large = normal_row(300'000, 5, 13);
    expect_oracle(large, plus_noise(large, 3e-5F, 14), 17);
    EXPECT_LT(reference::shift_oracle(large, plus_noise(large, 3e-5F, 14), 17).kl_ab, 2e-9L)
        << "the case tests nothing";
}

TEST(Kernel, a_constant_added_to_all_logits_of_one_model_changes_nothing) {
    for (const float constant : {5.0F, -37.7F, 1000.0F}) {
        const Row aligned = normal_row(32003, 3, 15);
        Row base = plus_noise(aligned, 1e-3F, 16);
        for (float& logit : base) logit += constant;
        expect_oracle(aligned, base, 123);
    }
}

TEST(Kernel, a_difference_far_down_in_the_tail_is_seen) {
    Row aligned = one_hot(1000, 3, 30, 0), base = aligned;
    base[500] = 1;
    expect_oracle(aligned, base, 3);
}

TEST(Kernel, masked_tokens_have_no_probability) {
    for (const std::size_t size : kSizes) {
        Row aligned = normal_row(size, 2, 17), base = normal_row(size, 2, 18);
        std::mt19937 random(static_cast<unsigned>(size));
        const auto mask_both = [&](unsigned one_in) {
            for (std::size_t i = 1; i < size; ++i) {
                if (random() % one_in == 0) aligned[i] = base[i] = kMinusInfinity;
            }
        };
        mask_both(3);
        expect_oracle(aligned, base, size - 1);
        expect_oracle(aligned, base, 0);
        aligned[size - 1] = kMinusInfinity;
        base[size - 1] = 0.5F;
        expect_oracle(aligned, base, size - 1);
    }
    expect_oracle({0, kMinusInfinity, kMinusInfinity}, {kMinusInfinity, 0, kMinusInfinity}, 2);
    expect_oracle({0, kMinusInfinity}, {0, kMinusInfinity}, 0);
}

TEST(Kernel, a_masked_block_at_the_start_is_no_hindrance) {
    Row aligned = normal_row(9000, 2, 19), base = normal_row(9000, 2, 20);
    std::fill_n(aligned.begin(), 5000, kMinusInfinity);
    std::fill_n(base.begin(), 3000, kMinusInfinity);
    expect_oracle(aligned, base, 6000);
    expect_oracle(aligned, base, 100);
}

TEST(Kernel, divergence_is_infinite_only_where_the_first_model_emits_what_the_second_cannot) {
    const PositionStats stats = score({0, 0, kMinusInfinity}, {0, kMinusInfinity, kMinusInfinity}, 0);
    EXPECT_TRUE(std::isinf(stats.kl_ab));
    EXPECT_NEAR(stats.kl_ba, std::log(2.0), 1e-6);
    EXPECT_NEAR(stats.tv, 0.5, 1e-6);
    EXPECT_EQ(stats.base.entropy, 0);
}

TEST(Kernel, a_huge_negative_logit_masks_a_token_as_minus_infinity_does) {
    const float lowest = std::numeric_limits<float>::lowest();
    const PositionStats stats = score({0, 1, -5e29F}, {0, 1, lowest}, 1);
    EXPECT_EQ(stats.kl_ab, 0);
    EXPECT_EQ(stats.aligned.top.size(), 2U);
    EXPECT_TRUE(std::isinf(score({0, 1, lowest}, {0, 1, 0}, 2).kl_ba));
    EXPECT_TRUE(std::isinf(score({0, 1, lowest}, {0, 1, 0}, 2).aligned.logp));
}

TEST(Kernel, identical_rows_differ_by_exactly_nothing) {
    for (const std::size_t size : kSizes) {
        for (const KernelPath path : available_paths()) {
            const Row row = normal_row(size, 6, 21);
            const PositionStats stats = score(row, row, size / 2, path);
            EXPECT_EQ(stats.kl_ab, 0);
            EXPECT_EQ(stats.kl_ba, 0);
            EXPECT_EQ(stats.js, 0);
            EXPECT_EQ(stats.tv, 0);
            EXPECT_EQ(stats.aligned.logp, stats.base.logp);
        }
    }
}

TEST(Kernel, disjoint_rows_reach_the_bounds_and_do_not_cross_them) {
    const PositionStats stats = score(one_hot(1000, 1, 0, -1e4F), one_hot(1000, 2, 0, -1e4F), 1);
    EXPECT_LE(stats.tv, 1);
    EXPECT_NEAR(stats.tv, 1, 1e-6);
    EXPECT_LE(stats.js, std::log(2.0));
    EXPECT_NEAR(stats.js, std::log(2.0), 1e-6);
    EXPECT_NEAR(stats.kl_ab, 1e4, 0.1);
}

TEST(Kernel, equal_logits_rank_by_id) {
    const Row row = {1, 3, 3, 3, 2};
    for (const KernelPath path : available_paths()) {
        EXPECT_EQ(score(row, row, 1, path).base.rank, 1U);
        EXPECT_EQ(score(row, row, 3, path).base.rank, 3U);
        EXPECT_EQ(score(row, row, 4, path).base.rank, 4U);
        EXPECT_EQ(score(row, row, 0, path).base.rank, 5U);
    }
}

TEST(Kernel, the_top_list_is_sorted_and_ties_go_by_id) {
    const Row row = {1, 3, 2, 3, kMinusInfinity, 2, 0};
    for (const KernelPath path : available_paths()) {
        const PositionStats stats = score(row, row, 0, path, 5);
        std::vector<Token> ids;
        for (const TopToken& top : stats.base.top) ids.push_back(top.token);
        EXPECT_EQ(ids, (std::vector<Token>{1, 3, 2, 5, 0}));
        EXPECT_EQ(stats.base.argmax, 1);
        EXPECT_EQ(stats.base.margin, 0);
    }
}

TEST(Kernel, the_top_list_may_be_empty_short_or_longer_than_the_vocabulary) {
    const Row row = normal_row(40, 1, 22);
    EXPECT_TRUE(score(row, row, 0, KernelPath::Automatic, 0).aligned.top.empty());
    EXPECT_EQ(score(row, row, 0, KernelPath::Automatic, 1).aligned.top.size(), 1U);
    EXPECT_EQ(score(row, row, 0, KernelPath::Automatic, 100).aligned.top.size(), 40U);
    EXPECT_GT(score(row, row, 0, KernelPath::Automatic, 0).aligned.margin, 0);
}

TEST(Kernel, a_vocabulary_of_one_token_is_certain) {
    const PositionStats stats = score({4}, {-2}, 0);
    EXPECT_EQ(stats.aligned.logp, 0);
    EXPECT_EQ(stats.aligned.rank, 1U);
    EXPECT_TRUE(std::isinf(stats.aligned.margin));
    EXPECT_EQ(stats.kl_ab, 0);
}

void expect_error(ErrorKind kind, const std::function<void()>& call, const std::vector<std::string>& parts) {
    try {
        call();
        FAIL() << "no error";
    } catch (const Error& caught) {
        EXPECT_EQ(caught.kind(), kind);
        for (const std::string& part : parts)
            EXPECT_NE(std::string(caught.what()).find(part), std::string::npos) << caught.what();
    }
}

TEST(Kernel, a_logit_that_is_no_number_is_an_error_that_names_its_place) {
    for (const KernelPath path : available_paths()) {
        for (const std::size_t at : {0U, 1U, 2047U, 2048U, 4100U, 4110U}) {
            for (const float bad : {kNan, std::numeric_limits<float>::infinity(), 2e29F}) {
                const Row good = normal_row(4111, 1, 23);
                Row broken = good;
                broken[at] = bad;
                const RowPair rows[] = {{good.data(), good.data(), 5, 40}, {good.data(), broken.data(), 5, 41}};
                PositionStats out[2];
                const KernelOptions options = {.vocabulary_size = 4111, .path = path};
                expect_error(ErrorKind::Model, [&] { score_positions(rows, options, out); },
                             {"position 41", "base model", "token " + std::to_string(at) + " "});
            }
        }
    }
}

TEST(Kernel, of_several_broken_rows_the_first_is_named_whatever_the_threads_do) {
    const Row good = normal_row(500, 1, 24);
    Row broken = good;
    broken[77] = kNan;
    std::vector<RowPair> rows;
    for (std::size_t i = 0; i < 40; ++i) rows.push_back({i < 3 ? good.data() : broken.data(), good.data(), 0, i});
    std::vector<PositionStats> out(rows.size());
    expect_error(ErrorKind::Model, [&] { score_positions(rows, {.vocabulary_size = 500, .threads = 4}, out); },
                 {"position 3:", "aligned model", "token 77 "});
}

TEST(Kernel, a_row_without_any_probability_is_an_error) {
    expect_error(ErrorKind::Model, [] { score(Row(20, 0), Row(20, kMinusInfinity), 0); }, {"position 0", "base model"});
}

TEST(Kernel, tokens_outside_the_vocabulary_are_refused_before_any_work) {
    const Row row(10, 0);
    expect_error(ErrorKind::BadInput, [&] { score(row, row, 10); }, {"token 10", "10 tokens"});
    const RowPair negative = {row.data(), row.data(), -1, 7};
    PositionStats out;
    expect_error(ErrorKind::BadInput,
                 [&] {
                     score_positions({&negative, 1}, {.vocabulary_size = 10}, {&out, 1});
                 },
                 {"position 7", "token -1"});
    expect_error(ErrorKind::BadInput,
                 [&] {
                     score_positions({}, {.vocabulary_size = 10}, {&out, 1});
                 },
                 {"0 rows", "1 results"});
}

void expect_same(const SideStats& first, const SideStats& second) {
    EXPECT_EQ(first.rank, second.rank);
    EXPECT_EQ(first.logp, second.logp);
    EXPECT_EQ(first.entropy, second.entropy);
    EXPECT_EQ(first.argmax, second.argmax);
    EXPECT_EQ(first.margin, second.margin);
    EXPECT_EQ(first.top, second.top);
}

void expect_same(const PositionStats& first, const PositionStats& second) {
    EXPECT_EQ(first.token, second.token);
    expect_same(first.aligned, second.aligned);
    expect_same(first.base, second.base);
    EXPECT_EQ(first.kl_ab, second.kl_ab);
    EXPECT_EQ(first.kl_ba, second.kl_ba);
    EXPECT_EQ(first.js, second.js);
    EXPECT_EQ(first.tv, second.tv);
}

TEST(Kernel, threads_do_not_change_a_bit) {
    constexpr std::size_t kRows = 23, kSize = 9001;
    std::vector<Row> logits;
    for (unsigned i = 0; i < 2 * kRows; ++i) logits.push_back(normal_row(kSize, 3, 100 + i));
    std::vector<RowPair> rows;
    for (std::size_t i = 0; i < kRows; ++i) {
        rows.push_back({logits[2 * i].data(), logits[2 * i + 1].data(), static_cast<Token>(i * 97), i});
    }
    std::vector<PositionStats> one(kRows), several(kRows);
    score_positions(rows, {.vocabulary_size = kSize, .threads = 1}, one);
    for (const int threads : {0, 5}) {
        score_positions(rows, {.vocabulary_size = kSize, .threads = threads}, several);
        for (std::size_t i = 0; i < kRows; ++i) expect_same(one[i], several[i]);
    }
}

TEST(Kernel, ranks_fall_into_the_three_classes_of_the_paper) {
    EXPECT_EQ(shift_class(1), ShiftClass::Unshifted);
    EXPECT_EQ(shift_class(2), ShiftClass::Marginal);
    EXPECT_EQ(shift_class(3), ShiftClass::Marginal);
    EXPECT_EQ(shift_class(4), ShiftClass::Shifted);
}

TEST(Kernel, the_fastest_path_is_what_automatic_means) {
    EXPECT_EQ(available_paths().front(), KernelPath::Portable);
    EXPECT_EQ(path_name(KernelPath::Automatic), path_name(available_paths().back()));
}

}  // namespace
}  // namespace urial::shift
