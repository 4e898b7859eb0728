#include "eval/mt_bench.h"

#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "eval/clusters.h"
#include "eval/win_rate.h"

namespace urial::eval {
namespace {

struct Sum {
    double total = 0;
    std::size_t n = 0;
    void add(double value) {
        total += value;
        ++n;
    }
    double mean() const { return n == 0 ? std::numeric_limits<double>::quiet_NaN() : total / static_cast<double>(n); }
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
    MtBenchTable table;
    Sum turn_1, turn_2, overall;
    std::map<std::string, Sum> categories;
    Clusters clusters;
    for (const auto& [key, record] : last) clusters.index_of(record->item.id);
    ClusteredValues column = clusters.empty_column();
    for (const auto& [key, record] : last) {
        const Score* score = score_of(*record);
        if (score == nullptr) {
            ++table.unscored;
            continue;
        }
        (record->turn == 1 ? turn_1 : turn_2).add(score->value);
        overall.add(score->value);
        categories[record->item.category].add(score->value);
        const std::size_t cluster = clusters.index_of(record->item.id);
        column.sums[cluster] += score->value;
        column.counts[cluster] += 1;
    }
    table.turn_1 = turn_1.mean();
    table.turn_2 = turn_2.mean();
    table.overall = overall.mean();
    table.scores_1 = turn_1.n;
    table.scores_2 = turn_2.n;
    table.overall_ci95 = bootstrap(std::span(&column, 1), {}, resampling).front();
    for (const auto& [name, sum] : categories) table.categories.emplace_back(name, sum.mean());
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
