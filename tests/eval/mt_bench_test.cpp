#include "eval/mt_bench.h"

#include <cmath>

#include "base/json_stream.h"
#include "eval_testing.h"

namespace urial::eval {
namespace {

EvalRecord rated(const std::string& id, int turn, double score, const std::string& category) {
    EvalRecord record = scored(id, score);
    record.item.category = category;
    record.turn = turn;
    record.verdicts[0].aspect = "overall";
    return record;
}

EvalRecord unrated(const std::string& id, int turn, const std::string& category) {
    EvalRecord record = rated(id, turn, 0, category);
    record.verdicts[0].verdict = Unscored{UnscoredReason::NoObject, "-1"};
    return record;
}

TEST(MtBench, the_last_judgement_of_a_turn_counts) {
    const std::vector<EvalRecord> records{rated("1", 1, 2, "math"), rated("1", 1, 8, "math"), rated("1", 2, 4, "math")};
    const MtBenchTable table = mt_bench_table(records);
    EXPECT_DOUBLE_EQ(table.turn_1.mean, 8);
    EXPECT_DOUBLE_EQ(table.turn_2.mean, 4);
    EXPECT_DOUBLE_EQ(table.overall.mean, 6);
    EXPECT_EQ(table.overall.n, 2U);
}

TEST(MtBench, every_mean_of_two_questions_has_an_interval) {
    const MtBenchTable table = mt_bench_table(std::vector<EvalRecord>{
        rated("1", 1, 2, "math"), rated("1", 2, 4, "math"), rated("2", 1, 8, "math"), rated("3", 2, 6, "coding")});
    EXPECT_EQ(table.turn_1.ci95, (Interval{2, 8}));
    EXPECT_EQ(table.turn_2.ci95, (Interval{4, 6}));
    ASSERT_EQ(table.categories.size(), 2U);
    EXPECT_FALSE(table.categories[0].second.ci95) << "coding has one question";
    EXPECT_EQ(table.categories[1].second.n, 3U);
    EXPECT_EQ(table.categories[1].second.ci95, (Interval{3, 8})) << "question 1 is drawn with both turns";
}

TEST(MtBench, records_of_several_generators_need_a_name) {
    std::vector<EvalRecord> records{rated("1", 1, 2, "math"), rated("1", 1, 8, "math")};
    records[1].answer.generator = "another";
    EXPECT_NE(message_of([&] { mt_bench_table(records); }).find("another, model"), std::string::npos);
    EXPECT_DOUBLE_EQ(mt_bench_table(records, "another").overall.mean, 8);
    EXPECT_TRUE(std::isnan(mt_bench_table(records, "another").turn_2.mean));
}

TEST(MtBench, references_are_used_where_the_category_asks_for_them) {
    Item item;
    item.category = "math";
    EXPECT_EQ(mt_bench_rubric(item, 1), "mt-bench") << "no reference is there";
    item.references = {"r1", "r2"};
    EXPECT_EQ(mt_bench_rubric(item, 1), "mt-bench-reference");
    EXPECT_EQ(mt_bench_rubric(item, 2), "mt-bench-reference-turn-2");
    item.category = "writing";
    EXPECT_EQ(mt_bench_rubric(item, 2), "mt-bench-turn-2");
}

const std::vector<std::string>& category_names() {
    static const std::vector<std::string> names{"coding",    "extraction", "humanities", "math",
                                                "reasoning", "roleplay",   "stem",       "writing"};
    return names;
}

/// Eighty questions whose scores have the published means: within a category both turns differ by the same amount from
/// the category's mean as the turns' means differ from each other.
std::vector<EvalRecord> records_with_means(const Json& row, std::size_t second_turns) {
    const double turn_1 = row.at("Turn 1").get<double>();
    const double turn_2 = row.at("Turn 2").get<double>();
    std::vector<EvalRecord> records;
    for (std::size_t i = 0; i < 80; ++i) {
        const std::string& category = category_names()[i / 10];
        const std::string id = std::to_string(81 + i);
        double first = turn_1;
        double second = turn_2;
        if (second_turns == 80) {
            const double mean = row.at(category).get<double>();
            first = mean + (turn_1 - turn_2) / 2;
            second = mean - (turn_1 - turn_2) / 2;
        }
        records.push_back(rated(id, 2, 1, category));  // an earlier judgement that the next one replaces
        records.push_back(rated(id, 1, first, category));
        records.push_back(i < second_turns ? rated(id, 2, second, category) : unrated(id, 2, category));
    }
    return records;
}

TEST(MtBench, every_published_row_follows_from_scores_with_its_means) {
    SKIP_WITHOUT_REFERENCE();
    std::size_t rows = 0;
    std::size_t with_79 = 0;
    for_each_json_value(reference_folder() / "mt_bench/urial_bench.jsonl", [&](std::size_t, Json&& row) {
        const std::string model = row.at("model").get<std::string>();
        const bool short_row = model == "phi-2-vllm" || model == "amber";
        const std::vector<EvalRecord> records = records_with_means(row, short_row ? 79 : 80);
        const MtBenchTable table = mt_bench_table(records, {}, {.draws = 10, .seed = 1});
        EXPECT_NEAR(table.turn_1.mean, row.at("Turn 1").get<double>(), 1e-9) << model;
        EXPECT_NEAR(table.turn_2.mean, row.at("Turn 2").get<double>(), 1e-9) << model;
        EXPECT_NEAR(table.overall.mean, row.at("Overall").get<double>(), 1e-9) << model;
        EXPECT_EQ(table.turn_2.n, short_row ? 79U : 80U);
        EXPECT_EQ(table.unscored, short_row ? 1U : 0U);
        if (!short_row) {
            for (const auto& [category, part] : table.categories) {
                EXPECT_NEAR(part.mean, row.at(category).get<double>(), 1e-9) << model << ' ' << category;
            }
        }
        ++rows;
        with_79 += short_row ? 1 : 0;
    });
    EXPECT_EQ(rows, 23U);
    EXPECT_EQ(with_79, 2U);
}

TEST(MtBench, the_published_overall_of_a_short_row_is_not_the_mean_of_its_turns) {
    SKIP_WITHOUT_REFERENCE();
    for_each_json_value(reference_folder() / "mt_bench/urial_bench.jsonl", [&](std::size_t, Json&& row) {
        if (row.at("model") != "phi-2-vllm") return;
        const double turns = (row.at("Turn 1").get<double>() + row.at("Turn 2").get<double>()) / 2;
        const std::vector<EvalRecord> records = records_with_means(row, 79);
        EXPECT_GT(std::abs(mt_bench_table(records).overall.mean - turns), 1e-3);
    });
}

}  // namespace
}  // namespace urial::eval
