// Tables of judged runs. A breakdown and the headline have one shape, groups of aspects: the headline is one group
// without a name.

#include <algorithm>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "report/judged.h"

namespace urial::report {
namespace {

using eval::Aggregate;
using eval::Group;
using eval::Named;
using eval::Summary;

struct Breakdown {
    const char* title;
    Named<Group> Summary::*groups;
};
constexpr Breakdown kBreakdowns[] = {{"Task", &Summary::task},     {"Task (every tag)", &Summary::task_every_tag},
                                     {"Topic", &Summary::topic},   {"Topic (every tag)", &Summary::topic_every_tag},
                                     {"Source", &Summary::source}, {"Difficulty", &Summary::difficulty}};

/// The runs with scores, seen through one breakdown.
struct Scored {
    const std::string* label;
    const Summary* summary;
};

std::vector<Scored> scored_runs(std::span<const JudgedResult> results) {
    std::vector<Scored> runs;
    for (const JudgedResult& result : results) {
        if (result.scores) runs.push_back({&result.label, &*result.scores});
    }
    return runs;
}

template <typename Value>
const Value* find(const Named<Value>& list, const std::string& name) {
    const auto found = std::ranges::find(list, name, [](const auto& entry) { return entry.first; });
    return found == list.end() ? nullptr : &found->second;
}

Measure measure(const Aggregate& aggregate, bool withheld) {
    return {.value = aggregate.mean, .ci95 = aggregate.ci95, .withheld = withheld};
}

/// An aspect that a run does not have is an empty cell.
Cell score_cell(const Named<Aggregate>& aspects, const std::string& aspect, bool withheld) {
    const Aggregate* aggregate = find(aspects, aspect);
    return aggregate == nullptr ? Cell("") : Cell(measure(*aggregate, withheld));
}

std::vector<std::string> aspect_names(std::span<const Scored> runs) {
    std::vector<std::string> names;
    for (const Scored& run : runs) {
        for (const auto& [name, aggregate] : run.summary->aspects) {
            if (std::ranges::find(names, name) == names.end()) names.push_back(name);
        }
    }
    return names;
}

std::set<std::string> group_names(std::span<const Scored> runs, const Breakdown& breakdown) {
    std::set<std::string> names;
    for (const Scored& run : runs) {
        for (const auto& [name, group] : run.summary->*breakdown.groups) names.insert(name);
    }
    return names;
}

Measure average_of(const Summary& summary) {
    return {.value = summary.average, .ci95 = summary.average_ci95, .withheld = summary.withheld};
}

Measure words_of(const Summary& summary) { return {.value = summary.words, .decimals = 1}; }

std::vector<Cell> details(const Aggregate& aggregate, bool withheld) {
    return {measure(aggregate, withheld), aggregate.n, aggregate.unscored, aggregate.not_applicable};
}

const std::vector<std::string> kDetailColumns{"mean [95 %]", "n", "unscored", "N/A"};

Table tall_headline_of_one(const Scored& run) {
    Table table{"Scores", {"aspect"}, {}};
    table.columns.insert(table.columns.end(), kDetailColumns.begin(), kDetailColumns.end());
    for (const auto& [name, aggregate] : run.summary->aspects) {
        std::vector<Cell>& row = table.rows.emplace_back(std::vector<Cell>{name});
        std::ranges::move(details(aggregate, run.summary->withheld), std::back_inserter(row));
    }
    table.rows.emplace_back(std::vector<Cell>{"average", average_of(*run.summary), "", "", ""});
    table.rows.emplace_back(
        std::vector<Cell>{"words per answer", words_of(*run.summary), run.summary->answers, "", ""});
    return table;
}

Table tall_headline(std::span<const Scored> runs) {
    if (runs.size() == 1) return tall_headline_of_one(runs.front());
    Table table{"Scores", {"aspect"}, {}};
    for (const Scored& run : runs) table.columns.push_back(*run.label);
    const auto add = [&](const std::string& name, const auto& cell_of) {
        std::vector<Cell>& row = table.rows.emplace_back(std::vector<Cell>{name});
        for (const Scored& run : runs) row.emplace_back(cell_of(*run.summary));
    };
    for (const std::string& aspect : aspect_names(runs)) {
        add(aspect, [&](const Summary& summary) { return score_cell(summary.aspects, aspect, summary.withheld); });
    }
    add("average", [](const Summary& summary) { return Cell(average_of(summary)); });
    add("words per answer", [](const Summary& summary) { return Cell(words_of(summary)); });
    add("records", [](const Summary& summary) { return Cell(summary.records); });
    add("unscored verdicts", [](const Summary& summary) { return Cell(summary.unscored); });
    return table;
}

Table wide_headline(std::span<const Scored> runs) {
    Table table{"Scores", {"run"}, {}};
    const std::vector<std::string> aspects = aspect_names(runs);
    table.columns.insert(table.columns.end(), aspects.begin(), aspects.end());
    for (const char* column : {"average", "words", "n", "unscored"}) table.columns.push_back(column);
    for (const Scored& run : runs) {
        const Summary& summary = *run.summary;
        std::vector<Cell>& row = table.rows.emplace_back(std::vector<Cell>{*run.label});
        for (const std::string& aspect : aspects)
            row.emplace_back(score_cell(summary.aspects, aspect, summary.withheld));
        for (Cell cell :
             {Cell(average_of(summary)), Cell(words_of(summary)), Cell(summary.records), Cell(summary.unscored)}) {
            row.emplace_back(std::move(cell));
        }
    }
    return table;
}

Table tall_breakdown_of_one(const Scored& run, const Breakdown& breakdown) {
    Table table{breakdown.title, {breakdown.title, "aspect"}, {}};
    table.columns.insert(table.columns.end(), kDetailColumns.begin(), kDetailColumns.end());
    for (const auto& [tag, group] : run.summary->*breakdown.groups) {
        for (const auto& [aspect, aggregate] : group.aspects) {
            std::vector<Cell>& row = table.rows.emplace_back(std::vector<Cell>{tag, aspect});
            std::ranges::move(details(aggregate, run.summary->withheld), std::back_inserter(row));
        }
    }
    return table;
}

Table tall_breakdown(std::span<const Scored> runs, const Breakdown& breakdown) {
    if (runs.size() == 1) return tall_breakdown_of_one(runs.front(), breakdown);
    Table table{breakdown.title, {breakdown.title, "aspect"}, {}};
    for (const Scored& run : runs) table.columns.push_back(*run.label);
    for (const std::string& tag : group_names(runs, breakdown)) {
        for (const std::string& aspect : aspect_names(runs)) {
            std::vector<Cell> row{tag, aspect};
            bool some = false;
            for (const Scored& run : runs) {
                const Group* group = find(run.summary->*breakdown.groups, tag);
                some = some || (group != nullptr && find(group->aspects, aspect) != nullptr);
                row.emplace_back(group == nullptr ? Cell("")
                                                  : score_cell(group->aspects, aspect, run.summary->withheld));
            }
            if (some) table.rows.push_back(std::move(row));
        }
    }
    return table;
}

/// Those of aspect_names() that some group has.
std::vector<std::string> aspect_names(std::span<const Scored> runs, const Breakdown& breakdown) {
    std::vector<std::string> names = aspect_names(runs);
    std::erase_if(names, [&](const std::string& name) {
        return std::ranges::none_of(runs, [&](const Scored& run) {
            return std::ranges::any_of(run.summary->*breakdown.groups,
                                       [&](const auto& entry) { return find(entry.second.aspects, name) != nullptr; });
        });
    });
    return names;
}

Table wide_breakdown(std::span<const Scored> runs, const Breakdown& breakdown) {
    Table table{breakdown.title, {breakdown.title}, {}};
    if (runs.size() > 1) table.columns.push_back("run");
    const std::vector<std::string> aspects = aspect_names(runs, breakdown);
    table.columns.insert(table.columns.end(), aspects.begin(), aspects.end());
    table.columns.push_back("n");
    for (const std::string& tag : group_names(runs, breakdown)) {
        for (const Scored& run : runs) {
            const Group* group = find(run.summary->*breakdown.groups, tag);
            if (group == nullptr) continue;
            std::vector<Cell>& row = table.rows.emplace_back(std::vector<Cell>{tag});
            if (runs.size() > 1) row.emplace_back(*run.label);
            for (const std::string& aspect : aspects) {
                row.emplace_back(score_cell(group->aspects, aspect, run.summary->withheld));
            }
            row.emplace_back(group->n);
        }
    }
    return table;
}

void add_scores(Document& document, Document& details, std::span<const Scored> runs, Layout layout) {
    if (runs.empty()) return;
    const bool tall = layout == Layout::Tall;
    document.tables.push_back(tall ? tall_headline(runs) : wide_headline(runs));
    for (const Breakdown& breakdown : kBreakdowns) {
        if (group_names(runs, breakdown).empty()) continue;
        details.tables.push_back(tall ? tall_breakdown(runs, breakdown) : wide_breakdown(runs, breakdown));
    }
    for (const Scored& run : runs) {
        const Summary& summary = *run.summary;
        document.notes.push_back(fmt::format("{}{} records, {} verdicts, {} unscored ({} refusals)",
                                             runs.size() > 1 ? *run.label + ": " : "", summary.records,
                                             summary.verdicts, summary.unscored, summary.refused));
    }
}

Measure percent(double share, const std::optional<eval::Interval>& interval = {}) {
    Measure measure{.value = 100 * share};
    if (interval) measure.ci95 = eval::Interval{100 * interval->low, 100 * interval->high};
    return measure;
}

void add_pairs(Document& document, std::span<const JudgedResult> results) {
    Table table{"Pairwise comparisons, in percent",
                {"run", "generator", "aspect", "wins", "ties", "losses", "rate [95 %]", "length-controlled", "flips",
                 "compared", "unscored"},
                {}};
    for (const JudgedResult& result : results) {
        for (const auto& [generator, aspect, rate, withheld] : result.pairs) {
            const auto shown = [withheld = withheld](Measure measure) {
                measure.withheld = withheld;
                return measure;
            };
            const Measure controlled =
                rate.length_controlled ? percent(*rate.length_controlled, rate.length_controlled_ci95) : Measure{};
            const auto share = [&, &rate = rate](std::size_t count) { return shown({.value = rate.percent(count)}); };
            table.rows.emplace_back(std::vector<Cell>{
                result.label, generator, aspect, share(rate.wins), share(rate.ties), share(rate.losses),
                shown(percent(rate.rate(), rate.ci95)), shown(controlled), rate.flips, rate.compared(), rate.unscored});
        }
    }
    if (!table.rows.empty()) document.tables.push_back(std::move(table));
}

void add_mt_bench(Document& document, Document& details, std::span<const JudgedResult> results) {
    Table table{
        "MT-bench", {"run", "generator", "turn 1 [95 %]", "turn 2 [95 %]", "overall [95 %]", "n", "unscored"}, {}};
    Table categories{"MT-bench by category", {"run", "generator", "category", "mean [95 %]", "n"}, {}};
    for (const JudgedResult& result : results) {
        for (const auto& [generator, entry, withheld] : result.mt_bench) {
            const auto shown = [withheld = withheld](const Aggregate& part) { return measure(part, withheld); };
            table.rows.emplace_back(std::vector<Cell>{result.label, generator, shown(entry.turn_1), shown(entry.turn_2),
                                                      shown(entry.overall), entry.overall.n, entry.unscored});
            for (const auto& [category, part] : entry.categories) {
                categories.rows.emplace_back(std::vector<Cell>{result.label, generator, category, shown(part), part.n});
            }
        }
    }
    if (table.rows.empty()) return;
    document.tables.push_back(std::move(table));
    if (!categories.rows.empty()) details.tables.push_back(std::move(categories));
}

void add_agreement(Document& document, std::span<const JudgedResult> results) {
    const auto cell = [](const eval::Estimate& estimate) {
        return Measure{.value = estimate.value, .ci95 = estimate.ci95};
    };
    Table table{"Agreement of the judges", {"run", "aspect", "judges", "items", "alpha [95 %]", "exact [95 %]"}, {}};
    for (const JudgedResult& result : results) {
        for (const eval::JuryAgreement& entry : result.agreement) {
            table.rows.emplace_back(std::vector<Cell>{result.label, entry.aspect, entry.raters, entry.units,
                                                      cell(entry.alpha), cell(entry.exact)});
        }
    }
    if (!table.rows.empty()) document.tables.push_back(std::move(table));
}

void add_notes(Document& document, std::span<const JudgedResult> results) {
    for (const JudgedResult& result : results) {
        const auto say = [&](std::string_view text) {
            document.notes.push_back(fmt::format("{}{}", results.size() > 1 ? result.label + ": " : "", text));
        };
        if (result.withheld) {
            say(fmt::format("withheld: more than {:g} % of the verdicts are unscored", 100 * eval::kMostUnscored));
        }
        if (result.steering > 0) {
            say(fmt::format("{} {} that try to steer the judge", result.steering,
                            result.pairs.empty() ? "answers" : "pairs of answers"));
        }
        if (result.bill) say(bill_text(*result.bill));
    }
}

}  // namespace

std::string cost_text(double cost, bool complete) {
    if (!complete && cost == 0) return "cost not known (no price)";
    return fmt::format("{}{:.4f} USD", complete ? "" : "at least ", cost);
}

std::string bill_text(const eval::Bill& bill) {
    return fmt::format("{} requests ({} failed{}), {} + {} tokens, {}", bill.attempts, bill.failed,
                       bill.unsettled > 0 ? fmt::format(", {} cut off by the end of a run", bill.unsettled) : "",
                       bill.prompt_tokens, bill.completion_tokens, cost_text(bill.cost, bill.unpriced == 0));
}

Document judged_document(std::span<const JudgedResult> results, Layout layout, Detail detail) {
    Document document;
    Document details;
    add_scores(document, details, scored_runs(results), layout);
    add_pairs(document, results);
    add_mt_bench(document, details, results);
    add_agreement(document, results);
    add_notes(document, results);
    for (Table& table : details.tables) {
        if (detail == Detail::Full) {
            document.tables.push_back(std::move(table));
        } else {
            document.left_out.push_back(std::move(table.title));
        }
    }
    return document;
}

Document difference_document(std::span<const RunDifference> differences) {
    Document document;
    for (const RunDifference& difference : differences) {
        Table table{fmt::format("{} minus {}", difference.label, difference.against),
                    {"aspect", "difference [95 %]", "p", "n", "unpaired"},
                    {}};
        const auto has_holm = [](const eval::Difference& entry) { return entry.p_holm.has_value(); };
        const bool is_corrected = std::ranges::any_of(difference.aspects, has_holm);
        if (is_corrected) table.columns.insert(table.columns.begin() + 3, "p (Holm)");
        for (const eval::Difference& entry : difference.aspects) {
            const bool withheld = difference.withholds(entry);
            const double p_value = entry.n == 0 ? std::numeric_limits<double>::quiet_NaN() : entry.p_value;
            std::vector<Cell> row{entry.aspect, Measure{.value = entry.mean, .ci95 = entry.ci95, .withheld = withheld},
                                  Measure{.value = p_value, .decimals = 4, .withheld = withheld}};
            if (is_corrected) {
                const double p_holm = entry.p_holm.value_or(std::numeric_limits<double>::quiet_NaN());
                row.push_back(Measure{.value = p_holm, .decimals = 4, .withheld = withheld});
            }
            row.insert(row.end(), {entry.n, entry.unpaired});
            table.rows.push_back(std::move(row));
        }
        document.tables.push_back(std::move(table));
        if (!difference.rubrics.empty()) {
            document.notes.push_back(fmt::format("the two runs were judged under different rubrics ({})",
                                                 fmt::join(difference.rubrics, ", ")));
        }
    }
    return document;
}

}  // namespace urial::report
