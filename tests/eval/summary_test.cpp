#include "eval/summary.h"

#include <cmath>
#include <ctime>
#include <random>

#include "eval_testing.h"

namespace urial::eval {
namespace {

const Aggregate& aspect_of(const Summary& summary, std::string_view name) {
    for (const auto& [aspect, aggregate] : summary.aspects) {
        if (aspect == name) return aggregate;
    }
    throw std::out_of_range(std::string(name));
}

const Group& group_of(const Named<Group>& table, std::string_view name) {
    for (const auto& [key, group] : table) {
        if (key == name) return group;
    }
    throw std::out_of_range(std::string(name));
}

EvalRecord with_verdict(std::string id, Verdict verdict) {
    EvalRecord record = scored(std::move(id), 0);
    record.verdicts[0].verdict = std::move(verdict);
    return record;
}

TEST(Summary, what_was_not_read_is_counted_and_never_a_number) {
    std::vector<EvalRecord> records;
    for (int i = 0; i < 40; ++i) records.push_back(scored(std::to_string(i), 2 + i % 2));
    records.push_back(with_verdict("u", Unscored{UnscoredReason::Refusal, ""}));
    records.push_back(with_verdict("n", NotApplicable{}));
    const Summary summary = summarize(records);
    const Aggregate& helpfulness = aspect_of(summary, "helpfulness");
    EXPECT_DOUBLE_EQ(helpfulness.mean, 2.5);
    EXPECT_EQ(helpfulness.n, 40U);
    EXPECT_EQ(helpfulness.unscored, 1U);
    EXPECT_EQ(helpfulness.not_applicable, 1U);
    EXPECT_EQ(summary.refused, 1U);
    EXPECT_FALSE(summary.withheld);
    ASSERT_TRUE(helpfulness.ci95);
    EXPECT_LT(helpfulness.ci95->low, 2.5);
    EXPECT_GT(helpfulness.ci95->high, 2.5);
}

TEST(Summary, above_5_percent_unscored_there_is_no_headline_number_unless_allowed) {
    std::vector<EvalRecord> records;
    for (int i = 0; i < 95; ++i) records.push_back(scored(std::to_string(i), 4));
    for (int i = 0; i < 5; ++i)
        records.push_back(with_verdict("u" + std::to_string(i), Unscored{UnscoredReason::Empty, ""}));
    EXPECT_FALSE(summarize(records).withheld) << "5 % exactly is still allowed";
    records.push_back(with_verdict("u5", Unscored{UnscoredReason::Empty, ""}));
    const Json withheld = to_json(summarize(records));
    EXPECT_EQ(withheld["withheld"], true);
    EXPECT_TRUE(withheld["avg"].is_null());
    EXPECT_TRUE(withheld["aspects"]["helpfulness"]["mean"].is_null());
    EXPECT_EQ(withheld["aspects"]["helpfulness"]["unscored"], 6);
    EXPECT_EQ(to_json(summarize(records, {.allow_unscored = true}))["avg"], 4.0);
}

TEST(Summary, tags_are_all_credited_and_the_paper_credits_the_last) {
    EvalRecord one = scored("1", 5);
    one.item.task = {"math", "coding"};
    one.item.topic = {"stem"};
    one.item.dataset = "koala";
    one.item.difficulty = "hard";
    EvalRecord two = scored("2", 1);
    two.item.task = {"math"};
    two.item.dataset = "lima";
    const std::vector<EvalRecord> records{one, two};
    const Summary ours = summarize(records);
    EXPECT_DOUBLE_EQ(group_of(ours.task, "math").aspects[0].second.mean, 3);
    EXPECT_EQ(group_of(ours.task, "math").n, 2U);
    EXPECT_DOUBLE_EQ(group_of(ours.task, "coding").aspects[0].second.mean, 5);
    EXPECT_EQ(group_of(ours.source, "koala").n, 1U);
    EXPECT_EQ(group_of(ours.difficulty, "hard").n, 1U);
    EXPECT_TRUE(ours.task_every_tag.empty());
    const Summary paper = summarize(records, {.compat = Compat::Original});
    EXPECT_DOUBLE_EQ(group_of(paper.task, "math").aspects[0].second.mean, 1);
    EXPECT_DOUBLE_EQ(group_of(paper.task_every_tag, "math").aspects[0].second.mean, 3);
    EXPECT_EQ(group_of(paper.source, "alpaca_eval").n, 1U);
    EXPECT_EQ(group_of(paper.source, "lima").n, 1U);
}

TEST(Summary, the_paper_counts_not_applicable_as_full_marks_and_leaves_safety_answers_out_of_the_length) {
    std::vector<EvalRecord> records{scored("1", 1), with_verdict("2", NotApplicable{})};
    EvalRecord safety = scored("3", 3);
    safety.item.category = "safety";
    safety.verdicts[0].aspect = "safety";
    safety.answer.output = "one two three four five six seven eight nine";
    records.push_back(safety);
    const Summary paper = summarize(records, {.compat = Compat::Original});
    EXPECT_DOUBLE_EQ(aspect_of(paper, "helpfulness").mean, 3);
    EXPECT_DOUBLE_EQ(paper.words, 3);
    EXPECT_DOUBLE_EQ(paper.average, 3);
    EXPECT_DOUBLE_EQ(group_of(paper.source, "safety").aspects[0].second.mean, 3);
    EXPECT_DOUBLE_EQ(summarize(records).words, 5);
    EXPECT_DOUBLE_EQ(aspect_of(summarize(records), "helpfulness").mean, 1);
}

TEST(Summary, the_order_of_the_records_moves_no_interval) {
    std::vector<EvalRecord> records;
    for (int i = 0; i < 30; ++i) records.push_back(scored(std::to_string(i), 1 + i * 7 % 5, "q" + std::to_string(i)));
    const Json first = to_json(summarize(records));
    std::ranges::reverse(records);
    std::swap(records[3], records[20]);
    EXPECT_EQ(to_json(summarize(records)), first);
}

TEST(Summary, attempts_to_steer_are_counted_once_an_answer) {
    std::vector<EvalRecord> records{scored("1", 5), scored("1", 4), scored("2", 3), scored("3", 3)};
    for (std::size_t i = 0; i < 3; ++i) records[i].steering = {"asks for a score"};
    records[1].judge = "another";
    EXPECT_EQ(count_steering(records), 2U);
    records[2].other = Answer{"b", {}, "other"};
    records.push_back(records[2]);
    std::swap(records.back().answer, *records.back().other);
    EXPECT_EQ(count_steering(records), 2U) << "both orders are one pair";
}

TEST(Summary, an_answer_judged_twice_has_one_length) {
    std::vector<EvalRecord> records{scored("1", 5), scored("1", 4), scored("2", 3)};
    records[1].judge = "another";
    records[2].answer.output = "one";
    EXPECT_DOUBLE_EQ(summarize(records).words, 2);
    EXPECT_EQ(summarize(records).answers, 2U);
}

TEST(Summary, equal_instructions_are_drawn_together) {
    std::vector<EvalRecord> apart;
    std::vector<EvalRecord> together;
    std::mt19937 random(1);
    for (int i = 0; i < 60; ++i) {
        const double score = static_cast<double>(random() % 5) + 1;
        for (const char* copy : {"a", "b"}) {
            apart.push_back(scored(copy + std::to_string(i), score));
            together.push_back(scored(copy + std::to_string(i), score, "the same " + std::to_string(i)));
        }
    }
    const auto width = [](const std::vector<EvalRecord>& records) {
        const Interval interval = *summarize(records).aspects[0].second.ci95;
        return interval.high - interval.low;
    };
    EXPECT_NEAR(width(together) / width(apart), std::sqrt(2), 0.1);
}

TEST(Summary, paper_rounding_is_that_of_the_binary_value) {
    EXPECT_EQ(format_paper(4.745), "4.75");
    EXPECT_EQ(format_paper(4.915), "4.92");
    EXPECT_EQ(format_paper(4.955), "4.96");
    EXPECT_EQ(format_paper(6.675), "6.67");
}

TEST(Compare, differences_are_paired_by_item) {
    std::vector<EvalRecord> a;
    std::vector<EvalRecord> b;
    std::mt19937 random(2);
    for (int i = 0; i < 100; ++i) {
        const double base = static_cast<double>(random() % 4) + 1;
        a.push_back(scored(std::to_string(i), base));
        b.push_back(scored(std::to_string(i), base + (i % 4 == 0 ? 1 : 0)));
    }
    a.push_back(scored("only in a", 1));
    b.push_back(with_verdict("only in b", Unscored{UnscoredReason::Empty, ""}));
    const Difference difference = compare(a, b).at(0);
    EXPECT_DOUBLE_EQ(difference.mean, 0.25);
    EXPECT_EQ(difference.n, 100U);
    EXPECT_EQ(difference.unpaired, 2U);
    EXPECT_LT(difference.p_value, 0.001);
    EXPECT_GT(difference.ci95->low, 0.1);
    EXPECT_DOUBLE_EQ(compare(a, a).at(0).p_value, 1);
    EXPECT_DOUBLE_EQ(compare(b, a).at(0).mean, -0.25);
}

TEST(Compare, an_id_with_another_instruction_is_no_partner) {
    const std::vector<EvalRecord> a{scored("1", 1, "this")};
    const std::vector<EvalRecord> b{scored("1", 5, "that")};
    const Difference difference = compare(a, b).at(0);
    EXPECT_EQ(difference.n, 0U);
    EXPECT_EQ(difference.unpaired, 2U);
    EXPECT_TRUE(std::isnan(difference.mean));
}

}  // namespace
}  // namespace urial::eval
