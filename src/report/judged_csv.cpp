// One line a number. The columns are documented in docs/report.md: programs read them.

#include <fmt/format.h>

#include "base/error.h"
#include "report/judged.h"

namespace urial::report {
namespace {

using eval::Aggregate;
using eval::Group;
using eval::Named;

constexpr std::size_t kIntervalColumns = 2;

void add_interval(std::vector<Cell>& row, const std::optional<eval::Interval>& interval, bool withheld = false) {
    for (std::size_t i = 0; i < kIntervalColumns; ++i) {
        row.emplace_back(interval && !withheld ? Cell(Measure{.value = i == 0 ? interval->low : interval->high})
                                               : Cell(""));
    }
}

Cell yes_or_no(bool value) { return value ? "yes" : "no"; }

class ScoreLines {
public:
    explicit ScoreLines(const JudgedResult& result) : label_(result.label), summary_(*result.scores) {}

    void add_to(Table& table) {
        for (const auto& [aspect, aggregate] : summary_.aspects) add(table, "aspects", "", aspect, aggregate);
        std::vector<Cell> average{label_, "aspects", "", "average", shown(summary_.average)};
        add_interval(average, summary_.average_ci95, summary_.withheld);
        finish(table, std::move(average), {"", "", ""});
        finish(table, {label_, "aspects", "", "words", Measure{.value = summary_.words}, "", ""},
               {summary_.answers, "", ""});
        const std::pair<const char*, const Named<Group>*> breakdowns[] = {
            {"task", &summary_.task},     {"task_every_tag", &summary_.task_every_tag},
            {"topic", &summary_.topic},   {"topic_every_tag", &summary_.topic_every_tag},
            {"source", &summary_.source}, {"difficulty", &summary_.difficulty}};
        for (const auto& [name, groups] : breakdowns) {
            for (const auto& [tag, group] : *groups) {
                for (const auto& [aspect, aggregate] : group.aspects) add(table, name, tag, aspect, aggregate);
            }
        }
    }

private:
    void add(Table& table, const char* breakdown, const std::string& tag, const std::string& aspect,
             const Aggregate& aggregate) const {
        std::vector<Cell> row{label_, breakdown, tag, aspect, shown(aggregate.mean)};
        add_interval(row, aggregate.ci95, summary_.withheld);
        finish(table, std::move(row), {aggregate.n, aggregate.unscored, aggregate.not_applicable});
    }

    Measure shown(double value) const { return {.value = value, .withheld = summary_.withheld}; }

    void finish(Table& table, std::vector<Cell> row, std::vector<Cell> counts) const {
        row.insert(row.end(), counts.begin(), counts.end());
        row.emplace_back(yes_or_no(summary_.withheld));
        table.rows.push_back(std::move(row));
    }

    const std::string& label_;
    const eval::Summary& summary_;
};

Table score_lines(std::span<const JudgedResult> results) {
    Table table{"scores",
                {"run", "table", "tag", "aspect", "mean", "ci95_low", "ci95_high", "n", "unscored", "not_applicable",
                 "withheld"},
                {}};
    for (const JudgedResult& result : results) {
        if (result.scores) ScoreLines(result).add_to(table);
    }
    return table;
}

Table pair_lines(std::span<const JudgedResult> results) {
    Table table{
        "pairs",
        {"run", "generator", "aspect", "wins", "ties", "losses", "flips", "both_orders", "unscored", "rate", "ci95_low",
         "ci95_high", "length_controlled", "length_controlled_ci95_low", "length_controlled_ci95_high", "withheld"},
        {}};
    for (const JudgedResult& result : results) {
        for (const auto& [generator, aspect, rate, withheld] : result.pairs) {
            std::vector<Cell> row{result.label,  generator,
                                  aspect,        rate.wins,
                                  rate.ties,     rate.losses,
                                  rate.flips,    rate.both_orders,
                                  rate.unscored, Measure{.value = rate.rate(), .withheld = withheld}};
            add_interval(row, rate.ci95, withheld);
            row.emplace_back(rate.length_controlled && !withheld ? Cell(Measure{.value = *rate.length_controlled})
                                                                 : Cell(""));
            add_interval(row, rate.length_controlled_ci95, withheld);
            row.emplace_back(yes_or_no(withheld));
            table.rows.push_back(std::move(row));
        }
    }
    return table;
}

Table mt_bench_lines(std::span<const JudgedResult> results) {
    Table table{
        "mt-bench", {"run", "generator", "part", "mean", "ci95_low", "ci95_high", "n", "unscored", "withheld"}, {}};
    for (const JudgedResult& result : results) {
        for (const auto& [generator, entry, withheld] : result.mt_bench) {
            const auto add = [&, &name = generator, withheld = withheld](
                                 const std::string& part, const eval::Aggregate& aggregate, Cell unscored = "") {
                std::vector<Cell> row{result.label, name, part, Measure{.value = aggregate.mean, .withheld = withheld}};
                add_interval(row, aggregate.ci95, withheld);
                row.emplace_back(aggregate.n);
                row.emplace_back(std::move(unscored));
                row.emplace_back(yes_or_no(withheld));
                table.rows.push_back(std::move(row));
            };
            add("overall", entry.overall, entry.unscored);
            add("turn 1", entry.turn_1);
            add("turn 2", entry.turn_2);
            for (const auto& [category, aggregate] : entry.categories) add("category " + category, aggregate);
        }
    }
    return table;
}

}  // namespace

Table judged_csv(std::span<const JudgedResult> results) {
    std::vector<Table> filled;
    for (Table& table : std::vector{score_lines(results), pair_lines(results), mt_bench_lines(results)}) {
        if (!table.rows.empty()) filled.push_back(std::move(table));
    }
    if (filled.size() == 1) return std::move(filled.front());
    if (filled.empty()) throw Error(ErrorKind::BadInput, "these runs hold no scores and no comparisons");
    throw error(ErrorKind::BadInput,
                "a CSV file has one kind of lines, these runs give {} and {}: report them one by one, or as JSON",
                filled[0].title, filled[1].title);
}

Table difference_csv(std::span<const RunDifference> differences) {
    Table table{
        "differences",
        {"run", "against", "aspect", "difference", "ci95_low", "ci95_high", "p_value", "n", "unpaired", "withheld"},
        {}};
    for (const RunDifference& difference : differences) {
        for (const eval::Difference& entry : difference.aspects) {
            const bool withheld = difference.withholds(entry);
            std::vector<Cell> row{difference.label, difference.against, entry.aspect,
                                  Measure{.value = entry.mean, .withheld = withheld}};
            add_interval(row, entry.ci95, withheld);
            row.emplace_back(Measure{.value = entry.p_value, .withheld = withheld});
            row.emplace_back(entry.n);
            row.emplace_back(entry.unpaired);
            row.emplace_back(yes_or_no(withheld));
            table.rows.push_back(std::move(row));
        }
    }
    return table;
}

}  // namespace urial::report
