#include "shift/summary.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "shift/original_measures.h"
#include "support/expect_error.h"
#include "support/expect_text.h"
#include "support/shift_record.h"

namespace urial::shift {
namespace {

/// A record with these base ranks; token i of the answer is the byte `text[i]`, and its KL is its rank.
ShiftRecord record_of(std::string id, std::string_view text, const std::vector<std::uint32_t>& ranks) {
    ShiftRecord record;
    record.id = std::move(id);
    record.instruction = "query " + record.id;
    for (std::size_t i = 0; i < ranks.size(); ++i) {
        record.answer_ids.push_back(text[i]);
        record.pieces.emplace_back(1, text[i]);
        record.base_rank.push_back(ranks[i]);
        record.aligned_rank.push_back(1);
        record.base_logp.push_back(std::log(0.5));
        record.aligned_logp.push_back(0);
        record.kl_ab.push_back(ranks[i]);
        record.base_margin.push_back(1);
        record.aligned_margin.push_back(1);
    }
    return record;
}

TEST(Summary, pools_positions_over_answers) {
    Summarizer summarizer;
    summarizer.add(record_of("a", "xyxy", {1, 2, 3, 4}));
    summarizer.add(record_of("b", "xx", {1, 1}));
    const Summary summary = summarizer.finish();
    EXPECT_EQ(summary.answers, 2U);
    EXPECT_EQ(summary.positions, 6U);
    EXPECT_DOUBLE_EQ(summary.shares.unshifted.value, 3.0 / 6);
    EXPECT_DOUBLE_EQ(summary.shares.marginal.value, 2.0 / 6);
    EXPECT_DOUBLE_EQ(summary.shares.shifted.value, 1.0 / 6);
    EXPECT_DOUBLE_EQ(summary.kl_ab.value, 12.0 / 6);
    EXPECT_DOUBLE_EQ(summary.self_agreement.value, 1);
}

TEST(Summary, intervals_are_over_answers_not_positions) {
    Summarizer alike;
    Summarizer unlike;
    for (int i = 0; i < 40; ++i) {
        alike.add(record_of(std::to_string(i), "xxxx", {1, 9, 1, 9}));
        unlike.add(
            record_of(std::to_string(i), "xxxx",
                      i % 2 == 0 ? std::vector<std::uint32_t>{1, 1, 1, 1} : std::vector<std::uint32_t>{9, 9, 9, 9}));
    }
    const Estimate same = alike.finish().shares.shifted;
    EXPECT_DOUBLE_EQ(same.low, 0.5);
    EXPECT_DOUBLE_EQ(same.high, 0.5);
    // Of 40 fair coins the share of heads has the standard deviation 0.079: the interval is about 0.5 +- 0.155.
    const Estimate coins = unlike.finish().shares.shifted;
    EXPECT_DOUBLE_EQ(coins.value, 0.5);
    EXPECT_NEAR(coins.low, 0.345, 0.03);
    EXPECT_NEAR(coins.high, 0.655, 0.03);
}

// The same rows and numbers are in tests/report/browser_test.mjs; a third implementation, in Python, gave them.
TEST(Summary, an_interval_is_the_one_that_the_page_draws) {
    Summarizer summarizer;
    for (std::size_t i = 0; i < 24; ++i) {
        std::vector<std::uint32_t> ranks(i % 7 + 3, 1);
        std::fill_n(ranks.begin(), i * 5 % 4, 9);
        summarizer.add(record_of(std::to_string(i), "xxxxxxxxx", ranks));
    }
    const Estimate shifted = summarizer.finish().shares.shifted;
    EXPECT_NEAR(shifted.value, 0.2608695652173913, 1e-15);
    EXPECT_NEAR(shifted.low, 0.174496644295302, 1e-15);
    EXPECT_NEAR(shifted.high, 0.35384615384615387, 1e-15);
}

TEST(Summary, one_answer_has_no_interval) {
    Summarizer summarizer;
    summarizer.add(record_of("a", "xy", {1, 9}));
    const Estimate shifted = summarizer.finish().shares.shifted;
    EXPECT_EQ(shifted.low, shifted.value);
    EXPECT_EQ(shifted.high, shifted.value);
}

TEST(Summary, bins_follow_the_answer) {
    Summarizer summarizer;
    std::vector<std::uint32_t> ranks(12, 1);
    ranks[0] = 9;
    ranks[11] = 2;
    summarizer.add(record_of("a", "abcdefghijkl", ranks));
    const Summary summary = summarizer.finish();
    ASSERT_EQ(summary.bins.size(), 3U);
    EXPECT_EQ(summary.bins[0].positions, 5U);
    EXPECT_DOUBLE_EQ(summary.bins[0].shares.shifted.value, 1.0 / 5);
    EXPECT_DOUBLE_EQ(summary.bins[0].shares.unshifted.value, 4.0 / 5);
    EXPECT_DOUBLE_EQ(summary.bins[0].base_rank.value, 13.0 / 5);
    EXPECT_DOUBLE_EQ(summary.bins[0].base_prob.value, 0.5);
    EXPECT_EQ(summary.bins[2].begin, 10U);
    EXPECT_EQ(summary.bins[2].end, 20U);
    EXPECT_DOUBLE_EQ(summary.bins[2].shares.marginal.value, 1.0 / 2);
}

TEST(Summary, a_rank_beyond_the_cap_counts_as_the_cap) {
    Summarizer summarizer;
    summarizer.add(record_of("a", "xy", {100'000, 2}));
    EXPECT_DOUBLE_EQ(summarizer.finish().bins[0].base_rank.value, (50.0 + 2) / 2);
}

TEST(Summary, the_tokens_that_end_answers_stay_out_of_the_kl_along_the_answer) {
    Summarizer summarizer;
    for (const char* id : {"a", "b"}) {
        ShiftRecord record = record_of(id, "xyz", {2, 4, 90});
        record.pieces[2] = "<end_of_turn>";
        summarizer.add(record);
    }
    summarizer.add(record_of("cut", "xy", {2, 6}));
    const Summary summary = summarizer.finish();
    EXPECT_EQ(summary.ends, 2U);
    EXPECT_DOUBLE_EQ(summary.kl_ab.value, (96.0 + 96 + 8) / 8);
    EXPECT_DOUBLE_EQ(summary.kl_without_ends.value, (6.0 + 6 + 8) / 6);
    EXPECT_DOUBLE_EQ(summary.ends_kl_share, 180.0 / 200);
    EXPECT_DOUBLE_EQ(summary.bins[0].kl_without_ends->value, summary.kl_without_ends.value);
    EXPECT_DOUBLE_EQ(summary.bins[0].shares.shifted.value, 5.0 / 8) << "shares are over all positions";
    EXPECT_TRUE(test::contains(as_markdown(summary, {}),
                               "2 of the positions are the token that ends an answer, and carry 90.0 % of the sum"));
    const nlohmann::ordered_json json = as_json(summary, {});
    EXPECT_EQ(json["ends"]["positions"], 2);
    EXPECT_EQ(json["bins"][0]["kl_ab_without_ends"]["value"], json["kl_ab_without_ends"]["value"]);
}

TEST(Summary, a_bin_of_nothing_but_ends_has_no_kl_left) {
    ShiftRecord record = record_of("a", "abcdef", {1, 1, 1, 1, 1, 90});
    record.pieces[5] = "<end_of_turn>";
    Summarizer summarizer;
    summarizer.add(record);
    const Summary summary = summarizer.finish();
    EXPECT_TRUE(summary.bins[0].kl_without_ends.has_value());
    EXPECT_FALSE(summary.bins[1].kl_without_ends.has_value());
    EXPECT_TRUE(as_json(summary, {})["bins"][1]["kl_ab_without_ends"].is_null());
}

TEST(Summary, lists_tokens_and_answers_by_their_shift) {
    Summarizer summarizer;
    summarizer.add(record_of("calm", "xy", {1, 1}));
    summarizer.add(record_of("wild", "xyx", {9, 9, 9}));
    const Summary summary = summarizer.finish();
    ASSERT_EQ(summary.tokens.size(), 2U);
    EXPECT_EQ(summary.tokens[0].piece, "x");
    EXPECT_EQ(summary.tokens[0].count, 3U);
    EXPECT_EQ(summary.tokens[0].shifted, 2U);
    EXPECT_EQ(summary.answers_by_shift.front().id, "wild");
    EXPECT_DOUBLE_EQ(summary.answers_by_shift.front().shifted, 1);
}

TEST(Summary, counts_near_ties_and_positions_where_the_aligned_model_wanted_another_token) {
    ShiftRecord record = record_of("a", "xyz", {1, 1, 1});
    record.aligned_rank[1] = 2;
    record.base_margin[0] = 0.01;
    record.aligned_margin[2] = 0;
    Summarizer summarizer;
    summarizer.add(record);
    const Summary summary = summarizer.finish();
    EXPECT_DOUBLE_EQ(summary.self_agreement.value, 2.0 / 3);
    EXPECT_EQ(summary.near_ties_base, 1U);
    EXPECT_EQ(summary.near_ties_aligned, 1U);
}

TEST(Summary, infinite_divergences_are_counted_and_left_out_of_means) {
    ShiftRecord record = record_of("a", "xyz", {1, 2, 3});
    record.kl_ab[2] = HUGE_VAL;
    Summarizer summarizer;
    summarizer.add(record);
    const Summary summary = summarizer.finish();
    EXPECT_EQ(summary.infinite_kl, 1U);
    EXPECT_DOUBLE_EQ(summary.kl_ab.value, 1.5);
    EXPECT_TRUE(test::contains(as_markdown(summary, summary_context({{"identity", {{"base", {}}}}}, summary)),
                               "infinite at 1 positions"));
}

TEST(Summary, an_answer_with_two_tags_counts_for_both) {
    ShiftRecord record = record_of("a", "xy", {1, 9});
    record.tags = {"task: math", "topic: stem"};
    Summarizer summarizer;
    summarizer.add(record);
    summarizer.add(record_of("b", "x", {1}));
    const Summary summary = summarizer.finish();
    ASSERT_EQ(summary.tags.size(), 2U);
    EXPECT_EQ(summary.tags[1].tag, "topic: stem");
    EXPECT_EQ(summary.tags[1].positions, 2U);
    EXPECT_DOUBLE_EQ(summary.tags[1].shares.shifted.value, 0.5);
}

TEST(Summary, warns_of_quantised_weights_and_of_low_self_agreement) {
    ShiftRecord record = record_of("a", "xy", {1, 1});
    record.aligned_rank = {2, 1};
    Summarizer summarizer;
    summarizer.add(record);
    const Summary summary = summarizer.finish();
    nlohmann::ordered_json manifest;
    manifest["identity"]["base"]["model"] = {{"name", "m"}, {"weight_type", "Q4_K - Medium"}};
    const SummaryContext context = summary_context(manifest, summary);
    ASSERT_EQ(context.warnings.size(), 2U);
    EXPECT_TRUE(test::contains(context.warnings[0], "urial convert"));
    EXPECT_TRUE(test::contains(context.warnings[1], "self-agreement is only 50.0 %"));
    manifest["identity"]["base"]["model"]["arithmetic"] = "precise";
    EXPECT_TRUE(test::contains(summary_context(manifest, summary).warnings[0], "precise arithmetic"));
    ordered_json on_gpu = manifest;
    on_gpu["identity"]["base"]["model"]["arithmetic"] = "f32";
    on_gpu["identity"]["base"]["model"]["device"] = {
        {"gpus", {"a GPU"}}, {"library", "CUDA"}, {"layers", 9}, {"of", 9}};
    EXPECT_TRUE(test::contains(summary_context(on_gpu, summary).warnings[0], "f32 arithmetic add little noise"));
    EXPECT_TRUE(test::contains(summary_context(on_gpu, summary).base, "(f32 arithmetic) on a GPU"));
    manifest["identity"]["base"]["model"]["arithmetic_covers"] = {{"matrices", 3}, {"of", 17}};
    EXPECT_TRUE(test::contains(summary_context(manifest, summary).warnings[0], "which adds noise"))
        << "it does not cover all matrices";
    EXPECT_TRUE(test::contains(summary_context(manifest, summary).base, "(precise arithmetic for 3 of 17 matrices)"));
    manifest["identity"]["base"]["model"].erase("arithmetic_covers");
    manifest["identity"]["aligned"]["model"] = {{"weight_type", "Q8_0"}, {"arithmetic", "engine"}};
    EXPECT_TRUE(
        test::contains(summary_context(manifest, summary).warnings[0], "quantised (Q4_K - Medium, Q8_0), which"))
        << "one noisy side is noise";
    manifest["identity"]["aligned"]["model"] = {{"weight_type", "F32"}};
    manifest["identity"]["base"]["model"]["weight_type"] = "BF16";
    EXPECT_EQ(summary_context(manifest, summary).warnings.size(), 1U);
}

TEST(Summary, its_table_cells_survive_bars_and_newlines) {
    Summarizer summarizer;
    ShiftRecord record = record_of("a", "xy", {9, 9});
    record.pieces = {"|", "\n"};
    summarizer.add(record);
    const std::string text = as_markdown(summarizer.finish(), {});
    EXPECT_TRUE(test::contains(text, "| `\\|`"));
    EXPECT_TRUE(test::contains(text, "| `\\n`"));
}

TEST(TokenGroup, follows_the_rule) {
    EXPECT_EQ(token_group(" Sure"), TokenGroup::GreetingHedging);
    EXPECT_EQ(token_group(" cannot"), TokenGroup::GreetingHedging);
    EXPECT_EQ(token_group("However"), TokenGroup::Discourse);
    EXPECT_EQ(token_group(" the"), TokenGroup::FunctionWord);
    EXPECT_EQ(token_group(" And"), TokenGroup::FunctionWord);
    EXPECT_EQ(token_group(" don\xE2\x80\x99t"), TokenGroup::FunctionWord);
    EXPECT_EQ(token_group("'s"), TokenGroup::FunctionWord);
    EXPECT_EQ(token_group(" to"), TokenGroup::Discourse) << "the first list that has a word decides";
    EXPECT_EQ(token_group("1"), TokenGroup::Discourse);
    EXPECT_EQ(token_group("1984"), TokenGroup::Content);
    EXPECT_EQ(token_group("\n\n"), TokenGroup::Punctuation);
    EXPECT_EQ(token_group(" **"), TokenGroup::Punctuation);
    EXPECT_EQ(token_group("<end_of_turn>", /*is_last=*/true), TokenGroup::EndOfAnswer);
    EXPECT_EQ(token_group("<b>"), TokenGroup::Punctuation);
    EXPECT_EQ(token_group("<"), TokenGroup::Punctuation);
    EXPECT_EQ(token_group(" Broadway"), TokenGroup::Content);
    EXPECT_EQ(token_group("\xC3\xA9t\xC3\xA9"), TokenGroup::Content);
}

TEST(Summary, the_originals_measures_are_means_over_positions_and_shares_by_its_own_rank) {
    ShiftRecord a = record_of("a", "xyz", {1, 1, 1});
    ShiftRecord b = record_of("b", "x", {1});
    EXPECT_FALSE([&] {
        Summarizer without;
        without.add(a);
        return without.finish().original.has_value();
    }());
    a.original.assign(kOriginalNames.size(), {0.5, 0.25, 0});
    b.original.assign(kOriginalNames.size(), {1.25});
    a.original[0] = {0, 2, 3};  // unshifted, marginal, shifted
    b.original[0] = {10};       // not among the first 10
    Summarizer summarizer;
    summarizer.add(a);
    summarizer.add(b);
    const OriginalSummary original = summarizer.finish().original.value();
    EXPECT_DOUBLE_EQ(original.shares.unshifted.value, 0.25);
    EXPECT_DOUBLE_EQ(original.shares.marginal.value, 0.25);
    EXPECT_DOUBLE_EQ(original.shares.shifted.value, 0.5);
    EXPECT_DOUBLE_EQ(original.means.at(0).value, 15.0 / 4);
    EXPECT_DOUBLE_EQ(original.means.at(2).value, 2.0 / 4);
    EXPECT_DOUBLE_EQ(original.means.at(2).low, 0.25) << "answers are drawn, not positions";
    EXPECT_DOUBLE_EQ(original.means.at(2).high, 1.25);
}

TEST(SummaryText, nothing_analysed_gives_dashes_and_never_a_number) {
    const Summary summary = Summarizer().finish();
    const std::string text = as_markdown(summary, {});
    EXPECT_TRUE(test::contains(text, "0 answers, 0 positions; mean KL(aligned || base) - nats")) << text;
    EXPECT_TRUE(test::contains(text, "|         - |\n| marginal")) << text;
    EXPECT_FALSE(test::contains(text, "0.000"));
    EXPECT_TRUE(as_json(summary, {})["kl_ab"]["value"].is_null());
    EXPECT_TRUE(as_json(summary, {})["shares"]["shifted"]["value"].is_null());
}

TEST(ParseRecord, a_wrong_field_is_named_with_what_it_holds) {
    struct Case {
        const char* field;
        nlohmann::ordered_json value;
        const char* says;
    };
    const nlohmann::ordered_json whole = test::shift_record();
    ASSERT_NO_THROW(parse_record(whole.dump(), "here"));
    for (const auto& [field, value, says] : std::vector<Case>{
             {"answer_ids", "none", "no list \"answer_ids\""},
             {"answer_ids", nlohmann::ordered_json::array(), "no token in \"answer_ids\""},
             {"answer_ids", {1, 2.5}, "\"answer_ids\" holds 2.5, which is no token id"},
             {"answer_ids", {1, 1 << 30, 3}, "\"pieces\" has 2 entries for 3 tokens"},
             {"answer_ids", nlohmann::ordered_json::array({std::int64_t{1} << 40}),
              "\"answer_ids\" holds 1099511627776, which is no token id"},
             {"pieces", {"a", 1}, "\"pieces\" holds something that is no text"},
             {"base_rank", {0, 1}, "\"base_rank\" holds 0; ranks count from 1"},
             {"base_rank", {1, nullptr}, "\"base_rank\" holds null; ranks count from 1"},
             {"kl_ab", {0.5, "much"}, "\"kl_ab\" holds \"much\""},
             {"aligned_top", {1, 2}, "\"aligned_top\" holds no list of at most 100 candidates"},
             {"aligned_top", {{{1, 2, 3}}, {{1, 2}}}, "\"aligned_top\": expected [id, logp]"},
             {"top_pieces", {{"x", "y"}}, "\"top_pieces\" has an entry \"x\" that is no token id with its text"},
         }) {
        nlohmann::ordered_json record = whole;
        record[field] = value;
        SCOPED_TRACE(record.dump());
        EXPECT_ERROR(parse_record(record.dump(), "here"), ErrorKind::BadInput, std::string("here: ") + says);
    }
    EXPECT_ERROR(parse_record("[]", "here"), ErrorKind::BadInput, "here: not an object");
    EXPECT_ERROR(parse_record("{\"id\": 1", "here"), ErrorKind::BadInput, "here: not JSON");
}

TEST(ParseRecord, half_a_surrogate_pair_is_read_as_the_replacement_character) {
    std::string json = test::shift_record().dump();
    const std::string id = "\"id\":7";
    json.replace(json.find(id), id.size(), "\"id\":\"\\ud83d!\"");
    EXPECT_EQ(parse_record(json, "here").id, "\uFFFD!");
}

TEST(Summary, a_run_that_knows_only_bounds_says_so_and_never_calls_them_kl) {
    Summarizer summarizer;
    for (const char* id : {"a", "b"}) {
        nlohmann::ordered_json record = test::bounded_record();
        record["id"] = id;
        summarizer.add(parse_record(record.dump(), "here"));
    }
    const Summary summary = summarizer.finish();
    ASSERT_TRUE(summary.bounds.has_value());
    EXPECT_TRUE(std::isnan(summary.kl_ab.value));
    EXPECT_EQ(summary.infinite_kl, 0U);
    EXPECT_DOUBLE_EQ(summary.bounds->kl_ab_lower.value, (0.25 + 2.75) / 2);
    EXPECT_DOUBLE_EQ(summary.bounds->tv_lower.value, (0.125 + 0.5) / 2);
    EXPECT_DOUBLE_EQ(summary.bounds->tv_upper.value, (0.375 + 1.0) / 2);
    EXPECT_DOUBLE_EQ(summary.shares.shifted.value, 0.5) << "a rank that nobody knows is beyond the list";
    EXPECT_DOUBLE_EQ(summary.bins[0].base_rank.value, (1.0 + kRankCap) / 2);
    EXPECT_FALSE(summary.bins[0].kl_without_ends.has_value());
    EXPECT_DOUBLE_EQ(summary.bins[0].kl_lower_without_ends->value, 1.5);
    const std::string text = as_markdown(summary, {});
    EXPECT_TRUE(test::contains(text, "the KL is not known where a model is on a server"));
    EXPECT_TRUE(test::contains(text, "lower bound of the mean KL(aligned || base): 1.500 [1.500, 1.500] nats"));
    EXPECT_TRUE(test::contains(text, "mean total variation distance: from 0.312 [0.312, 0.312] to 0.688"));
    EXPECT_FALSE(test::contains(text, "mean KL(aligned || base) 1.5"));
    EXPECT_FALSE(test::contains(text, "| KL without ends"));
    const nlohmann::ordered_json json = as_json(summary, {});
    EXPECT_TRUE(json["kl_ab"]["value"].is_null());
    EXPECT_EQ(json["bounds"]["kl_ab_lower_bound"]["value"], 1.5);
}

TEST(Summary, a_run_whose_kl_is_known_has_no_bounds) {
    Summarizer summarizer;
    summarizer.add(record_of("a", "xy", {1, 2}));
    EXPECT_FALSE(summarizer.finish().bounds.has_value());
    EXPECT_FALSE(as_json(summarizer.finish(), {}).contains("bounds"));
}

}  // namespace
}  // namespace urial::shift
