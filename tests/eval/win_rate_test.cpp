#include "eval/win_rate.h"

#include <cmath>
#include <random>

#include "eval_testing.h"

namespace urial::eval {
namespace {

TEST(WinRate, both_orders_that_agree_are_one_win_and_orders_that_disagree_a_tie) {
    const std::vector<EvalRecord> records{
        preferred("1", "m", "n", Choice::A),   preferred("1", "n", "m", Choice::B),    // m both times
        preferred("2", "m", "n", Choice::A),   preferred("2", "n", "m", Choice::A),    // always the first
        preferred("3", "m", "n", Choice::Tie), preferred("3", "n", "m", Choice::Tie),  // tie both times
        preferred("4", "m", "n", Choice::B),   preferred("4", "n", "m", Choice::A),    // n both times
        preferred("5", "m", "n", Choice::A),                                           // asked once
    };
    const WinRate m = win_rate(records, "m", "overall");
    EXPECT_EQ(m.wins, 2U);
    EXPECT_EQ(m.ties, 2U);
    EXPECT_EQ(m.losses, 1U);
    EXPECT_EQ(m.flips, 1U);
    EXPECT_EQ(m.both_orders, 4U);
    EXPECT_DOUBLE_EQ(m.rate(), 0.6);
    const WinRate n = win_rate(records, "n", "overall");
    EXPECT_DOUBLE_EQ(n.rate() + m.rate(), 1);
    EXPECT_EQ(n.flips, 1U);
}

TEST(WinRate, a_comparison_without_a_verdict_in_one_order_is_unscored) {
    std::vector<EvalRecord> records{preferred("1", "m", "n", Choice::A), preferred("1", "n", "m", Choice::B)};
    records[1].verdicts[0].verdict = Unscored{UnscoredReason::Refusal, "no"};
    const WinRate rate = win_rate(records, "m", "overall");
    EXPECT_EQ(rate.compared(), 0U);
    EXPECT_EQ(rate.unscored, 1U);
    EXPECT_TRUE(std::isnan(rate.rate()));
    EXPECT_FALSE(rate.length_controlled);
}

std::vector<Outcome> outcomes_of(std::size_t n, const std::function<double(double lead, double chance)>& won) {
    std::mt19937 random(3);
    std::normal_distribution<double> lead(100, 200);
    std::uniform_real_distribution<double> chance;
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i < n; ++i) {
        const double length_lead = lead(random);
        outcomes.push_back({std::to_string(i), won(length_lead, chance(random)), length_lead, std::to_string(i)});
    }
    return outcomes;
}

double plain_rate(const std::vector<Outcome>& outcomes) {
    double sum = 0;
    for (const Outcome& outcome : outcomes) sum += outcome.won;
    return sum / static_cast<double>(outcomes.size());
}

TEST(LengthControl, a_judge_that_sees_only_length_gives_half) {
    // The chance to win depends on the length lead alone, and is even at no lead.
    const auto outcomes = outcomes_of(4000, [](double lead, double chance) {
        return chance < 1 / (1 + std::exp(-2 * std::tanh(lead / 200))) ? 1.0 : 0.0;
    });
    EXPECT_GT(plain_rate(outcomes), 0.6);
    EXPECT_NEAR(*length_controlled_rate(outcomes), 0.5, 0.03);
}

TEST(LengthControl, a_judge_that_ignores_length_keeps_its_rate) {
    const auto outcomes = outcomes_of(4000, [](double, double chance) { return chance < 0.7 ? 1.0 : 0.0; });
    EXPECT_NEAR(*length_controlled_rate(outcomes), 0.7, 0.03);
}

TEST(LengthControl, equal_lengths_leave_the_plain_rate) {
    std::vector<Outcome> outcomes;
    for (int i = 0; i < 10; ++i) outcomes.push_back({std::to_string(i), i < 3 ? 1.0 : i < 5 ? 0.5 : 0.0, 0, "x"});
    EXPECT_NEAR(*length_controlled_rate(outcomes), 0.4, 1e-6);
}

TEST(LengthControl, one_side_winning_everything_stays_finite) {
    const auto outcomes = outcomes_of(50, [](double, double) { return 1.0; });
    EXPECT_GT(*length_controlled_rate(outcomes), 0.95);
    EXPECT_LE(*length_controlled_rate(outcomes), 1);
    const auto separated = outcomes_of(50, [](double lead, double) { return lead > 0 ? 1.0 : 0.0; });
    EXPECT_GT(*length_controlled_rate(separated), 0.2);
    EXPECT_LT(*length_controlled_rate(separated), 0.8);
}

TEST(WinRate, the_published_percentages_follow_from_their_counts) {
    SKIP_WITHOUT_REFERENCE();
    std::ifstream table(reference_folder() / "alpaca_eval/published_pairwise.csv");
    std::string line;
    std::getline(table, line);
    std::size_t rows = 0;
    while (std::getline(table, line)) {
        std::vector<std::string> cells;
        std::stringstream stream(line);
        for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
        ASSERT_EQ(cells.size(), 12U) << line;
        const std::vector<std::size_t> counts{std::stoul(cells[8]), std::stoul(cells[9]), std::stoul(cells[10])};
        std::vector<EvalRecord> records;
        for (std::size_t kind = 0; kind < counts.size(); ++kind) {
            for (std::size_t i = 0; i < counts[kind]; ++i) {
                const std::string id = std::to_string(records.size());
                // The model stands first for every other item, as a seeded coin would have it.
                const bool first = records.size() % 2 == 0;
                const Choice win = first ? Choice::A : Choice::B;
                const Choice choice = kind == 1                           ? Choice::Tie
                                      : (kind == 0) == (win == Choice::A) ? Choice::A
                                                                          : Choice::B;
                records.push_back(preferred(id, first ? "m" : "reference", first ? "reference" : "m", choice));
            }
        }
        const WinRate rate = win_rate(records, "m", "overall", {.draws = 10, .seed = 1});
        EXPECT_EQ(std::to_string(rate.compared()), cells[11]);
        EXPECT_EQ(format_paper(rate.percent(rate.wins)), cells[5]) << line;
        EXPECT_EQ(format_paper(rate.percent(rate.ties)), cells[6]) << line;
        EXPECT_EQ(format_paper(rate.percent(rate.losses)), cells[7]) << line;
        ++rows;
    }
    EXPECT_EQ(rows, 18U);
}

}  // namespace
}  // namespace urial::eval
