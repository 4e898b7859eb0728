#include "eval/mt_bench.h"

#include <map>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "eval/clusters.h"
#include "eval/win_rate.h"

namespace urial::eval {
namespace {

/// One mean of the table, and its column for the bootstrap.
struct Part {
    Aggregate aggregate;
    ClusteredValues column;

    void add(double value, std::size_t cluster) {
        ++aggregate.n;
        column.sums[cluster] += value;
        column.counts[cluster] += 1;
    }
    Aggregate finish(const Resampling& resampling) {
        aggregate.mean = mean(column);
        aggregate.ci95 = bootstrap(std::span(&column, 1), {}, resampling).front();
        return aggregate;
    }
};

const Score* score_of(const EvalRecord& record) {
    const Verdict* verdict = record.find("overall");
    return verdict == nullptr ? nullptr : std::get_if<Score>(verdict);
}

}  // namespace

MtBenchTable mt_bench_table(std::span<const EvalRecord> records, std::string_view generator,
                            const Resampling& resampling) {
    if (generator.empty() && generators(records).size() > 1) {
        throw error(ErrorKind::BadInput, "the records are of several generators ({}); name one",
                    fmt::join(generators(records), ", "));
    }
    std::map<std::tuple<std::string, int, std::string>, const EvalRecord*> last;  // question, turn, judge
    for (const EvalRecord& record : records) {
        if (!generator.empty() && record.answer.generator != generator) continue;
        last[{record.item.id, record.turn, record.judge}] = &record;
    }
    Clusters clusters;
    for (const auto& [key, record] : last) clusters.index_of(record->item.id);
    const Part empty{{}, clusters.empty_column()};
    Part turn_1 = empty, turn_2 = empty, overall = empty;
    std::map<std::string, Part> categories;
    MtBenchTable table;
    for (const auto& [key, record] : last) {
        const Score* score = score_of(*record);
        if (score == nullptr) {
            ++table.unscored;
            continue;
        }
        const std::size_t cluster = clusters.index_of(record->item.id);
        Part& category = categories.try_emplace(record->item.category, empty).first->second;
        for (Part* part : {record->turn == 1 ? &turn_1 : &turn_2, &overall, &category})
            part->add(score->value, cluster);
    }
    table.turn_1 = turn_1.finish(resampling);
    table.turn_2 = turn_2.finish(resampling);
    table.overall = overall.finish(resampling);
    for (auto& [name, part] : categories) table.categories.emplace_back(name, part.finish(resampling));
    return table;
}

bool needs_reference(std::string_view category) {
    return category == "math" || category == "reasoning" || category == "coding";
}

std::string mt_bench_rubric(const Item& item, int turn) {
    const bool reference = needs_reference(item.category) && item.references.size() >= static_cast<std::size_t>(turn);
    return std::string(reference ? "mt-bench-reference" : "mt-bench") + (turn == 1 ? "" : "-turn-2");
}

}  // namespace urial::eval
