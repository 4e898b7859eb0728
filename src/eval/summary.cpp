#include "eval/summary.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>

#include "base/error.h"
#include "eval/clusters.h"

namespace urial::eval {
namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view kOriginalBreakdownAspect = "helpfulness";
constexpr std::string_view kSafety = "safety";

bool is_safety(const Item& item) { return item.category == kSafety; }

/// Collects one table cell's verdicts into a column for the bootstrap.
struct Cell {
    Aggregate aggregate;
    ClusteredValues column;

    void add(const Verdict& verdict, std::size_t cluster, Compat compat) {
        if (std::holds_alternative<Unscored>(verdict)) ++aggregate.unscored;
        std::optional<double> value;
        if (const auto* score = std::get_if<Score>(&verdict)) value = score->value;
        if (std::holds_alternative<NotApplicable>(verdict)) {
            ++aggregate.not_applicable;
            if (compat == Compat::Original) value = kOriginalNotApplicable;
        }
        if (!value) return;
        ++aggregate.n;
        column.sums[cluster] += *value;
        column.counts[cluster] += 1;
    }
};

bool is_scored_kind(const Verdict& verdict) {
    return !std::holds_alternative<Preference>(verdict) && !std::holds_alternative<Labels>(verdict);
}

/// Every table of a summary, filled record by record; then one bootstrap over all cells at once.
class Builder {
public:
    Builder(std::span<const EvalRecord> records, const SummaryOptions& options) : options_(options) {
        // In the order of their texts: the order in which replies came must not move an interval.
        std::set<std::string> instructions;
        for (const EvalRecord& record : records) instructions.insert(record.item.instruction);
        for (const std::string& instruction : instructions) clusters_.index_of(instruction);
    }

    void add(const EvalRecord& record) {
        const std::size_t cluster = clusters_.index_of(record.item.instruction);
        ++summary_.records;
        summary_.attempts += static_cast<std::size_t>(record.attempts);
        for (const AspectVerdict& entry : record.verdicts) {
            if (!is_scored_kind(entry.verdict)) continue;
            ++summary_.verdicts;
            if (const auto* unscored = std::get_if<Unscored>(&entry.verdict)) {
                ++summary_.unscored;
                summary_.refused += unscored->reason == UnscoredReason::Refusal ? 1 : 0;
            }
            cell({Table::Aspects, "", entry.aspect}).add(entry.verdict, cluster, options_.compat);
        }
        add_length(record);
        if (options_.compat == Compat::Original) {
            add_paper_groups(record, cluster);
        } else {
            add_groups(record, cluster);
        }
    }

    Summary finish() {
        std::vector<ClusteredValues> columns;
        std::vector<std::size_t> averaged;
        for (const Key& key : order_) {
            Cell& cell = cells_.at(key);
            cell.aggregate.mean = mean(cell.column);
            if (key.table == Table::Aspects) averaged.push_back(columns.size());
            columns.push_back(std::move(cell.column));
        }
        const std::vector<std::vector<std::size_t>> averages{averaged};
        const auto intervals = bootstrap(columns, averages, options_.resampling);
        for (std::size_t i = 0; i < order_.size(); ++i) {
            Aggregate& aggregate = cells_.at(order_[i]).aggregate;
            aggregate.ci95 = intervals[i];
            place(order_[i], aggregate);
        }
        summary_.average = average_of(summary_.aspects);
        const bool all_have_intervals =
            std::ranges::all_of(summary_.aspects, [](const auto& entry) { return entry.second.ci95.has_value(); });
        if (!averaged.empty() && all_have_intervals) summary_.average_ci95 = intervals.back();
        summary_.words = summary_.answers == 0 ? kNotANumber : words_ / static_cast<double>(summary_.answers);
        const auto incomplete = [](const auto& entry) { return is_incomplete(entry.second.unscored, entry.second.n); };
        summary_.withheld = !options_.allow_unscored && std::ranges::any_of(summary_.aspects, incomplete);
        for (Named<Group>* table : {&summary_.task, &summary_.topic, &summary_.source, &summary_.difficulty,
                                    &summary_.task_every_tag, &summary_.topic_every_tag}) {
            std::ranges::sort(*table, {}, [](const auto& entry) { return entry.first; });
        }
        return std::move(summary_);
    }

private:
    enum class Table { Aspects, Task, Topic, Source, Difficulty, TaskEveryTag, TopicEveryTag };
    struct Key {
        Table table;
        std::string group;
        std::string aspect;
        auto operator<=>(const Key&) const = default;
    };

    Cell& cell(const Key& key) {
        const auto [found, is_new] = cells_.try_emplace(key);
        if (is_new) {
            found->second.column = clusters_.empty_column();
            order_.push_back(key);
        }
        return found->second;
    }

    void count_in(Table table, const std::string& group, const EvalRecord& record, std::size_t cluster,
                  std::string_view only_aspect = {}) {
        bool counted = false;
        for (const AspectVerdict& entry : record.verdicts) {
            if (!is_scored_kind(entry.verdict) || (!only_aspect.empty() && entry.aspect != only_aspect)) continue;
            cell({table, group, entry.aspect}).add(entry.verdict, cluster, options_.compat);
            counted = true;
        }
        if (counted) ++group_records_[{table, group, ""}];
    }

    void add_groups(const EvalRecord& record, std::size_t cluster) {
        const Item& item = record.item;
        for (const std::string& tag : item.task) count_in(Table::Task, tag, record, cluster);
        for (const std::string& tag : item.topic) count_in(Table::Topic, tag, record, cluster);
        if (!item.dataset.empty()) count_in(Table::Source, item.dataset, record, cluster);
        if (!item.difficulty.empty()) count_in(Table::Difficulty, item.difficulty, record, cluster);
    }

    void add_paper_groups(const EvalRecord& record, std::size_t cluster) {
        const Item& item = record.item;
        if (!item.source_id.empty() || !item.dataset.empty() || is_safety(item)) {
            const std::string source = source_class(item);
            count_in(Table::Source, source, record, cluster, source == kSafety ? kSafety : kOriginalBreakdownAspect);
        }
        if (is_safety(item)) return;
        const auto count = [&](Table table, const std::string& group) {
            count_in(table, group, record, cluster, kOriginalBreakdownAspect);
        };
        if (!item.task.empty()) count(Table::Task, item.task.back());
        if (!item.topic.empty()) count(Table::Topic, item.topic.back());
        for (const std::string& tag : item.task) count(Table::TaskEveryTag, tag);
        for (const std::string& tag : item.topic) count(Table::TopicEveryTag, tag);
        if (!item.difficulty.empty()) count(Table::Difficulty, item.difficulty);
    }

    void add_length(const EvalRecord& record) {
        if (options_.compat == Compat::Original && is_safety(record.item)) return;
        if (!measured_.insert({record.item.id, record.turn, record.answer.generator}).second) return;
        ++summary_.answers;
        const bool later_turn = record.turn > 1 && !record.answer.follow_ups.empty();
        words_ +=
            static_cast<double>(count_words(later_turn ? record.answer.follow_ups.front() : record.answer.output));
    }

    void place(const Key& key, const Aggregate& aggregate) {
        if (key.table == Table::Aspects) {
            summary_.aspects.emplace_back(key.aspect, aggregate);
            return;
        }
        Named<Group>& table = table_of(key.table);
        auto found = std::ranges::find(table, key.group, [](const auto& entry) { return entry.first; });
        if (found == table.end()) {
            table.push_back({key.group, {group_records_[{key.table, key.group, ""}], {}}});
            found = table.end() - 1;
        }
        found->second.aspects.emplace_back(key.aspect, aggregate);
    }

    Named<Group>& table_of(Table table) {
        switch (table) {
            case Table::Aspects:
            case Table::Task: return summary_.task;
            case Table::Topic: return summary_.topic;
            case Table::Source: return summary_.source;
            case Table::Difficulty: return summary_.difficulty;
            case Table::TaskEveryTag: return summary_.task_every_tag;
            case Table::TopicEveryTag: break;
        }
        return summary_.topic_every_tag;
    }

    static double average_of(const Named<Aggregate>& aspects) {
        double sum = 0;
        for (const auto& [name, aggregate] : aspects) sum += aggregate.mean;
        return aspects.empty() ? kNotANumber : sum / static_cast<double>(aspects.size());
    }

    const SummaryOptions& options_;
    Clusters clusters_;
    Summary summary_;
    std::map<Key, Cell> cells_;
    std::vector<Key> order_;
    std::map<Key, std::size_t> group_records_;
    std::set<std::tuple<std::string, int, std::string>> measured_;
    double words_ = 0;
};

}  // namespace

Compat parse_compat(std::string_view name) {
    if (name == "paper") return Compat::Original;
    if (name == "none" || name.empty()) return Compat::None;
    throw error(ErrorKind::BadInput, "compatibility \"{}\" is not known; there are paper and none", name);
}

bool is_incomplete(std::size_t unscored, std::size_t read) {
    return static_cast<double>(unscored) > kMostUnscored * static_cast<double>(unscored + read);
}

std::size_t count_steering(std::span<const EvalRecord> records) {
    std::set<std::tuple<std::string, int, std::set<std::string>>> found;
    for (const EvalRecord& record : records) {
        if (record.steering.empty()) continue;
        std::set<std::string> generators{record.answer.generator};
        if (record.other) generators.insert(record.other->generator);
        found.insert({record.item.id, record.turn, std::move(generators)});
    }
    return found.size();
}

Summary summarize(std::span<const EvalRecord> records, const SummaryOptions& options) {
    Builder builder(records, options);
    for (const EvalRecord& record : records) {
        const bool scored =
            std::ranges::any_of(record.verdicts, [](const auto& entry) { return is_scored_kind(entry.verdict); });
        if (scored && !record.other) builder.add(record);
    }
    return builder.finish();
}

std::string source_class(const Item& item) {
    if (is_safety(item)) return std::string(kSafety);
    const std::string_view origin = item.dataset.empty() ? std::string_view(item.source_id) : item.dataset;
    if (origin == "mt" || origin.starts_with("mt-")) return "mt-1";
    if (origin.starts_with("lima")) return "lima";
    return "alpaca_eval";
}

std::string format_paper(double value) { return fmt::format("{:.2f}", value); }

Named<std::size_t> count_scores(std::span<const EvalRecord> records, std::string_view aspect) {
    std::map<std::string, std::size_t> counts;
    for (const EvalRecord& record : records) {
        const Verdict* verdict = record.find(aspect);
        if (verdict == nullptr) continue;
        if (const auto* score = std::get_if<Score>(verdict)) ++counts[fmt::format("{:g}", score->value)];
        if (std::holds_alternative<NotApplicable>(*verdict)) ++counts["N/A"];
    }
    return {counts.begin(), counts.end()};
}

}  // namespace urial::eval
