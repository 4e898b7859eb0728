#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "eval/clusters.h"
#include "eval/summary.h"

namespace urial::eval {
namespace {

struct ItemKey {
    std::string id;
    int turn;
    std::string instruction;
    auto operator<=>(const ItemKey&) const = default;
};

struct ItemScore {
    double sum = 0;
    std::size_t scores = 0;
    std::size_t records = 0;
    std::size_t unscored = 0;
    double mean() const { return sum / static_cast<double>(scores); }
};

/// Per aspect, in order of appearance, what each item got.
using ScoresByAspect = Named<std::map<ItemKey, ItemScore>>;

std::map<ItemKey, ItemScore>& scores_of(ScoresByAspect& scores, const std::string& aspect) {
    for (auto& [name, items] : scores) {
        if (name == aspect) return items;
    }
    return scores.emplace_back(aspect, std::map<ItemKey, ItemScore>{}).second;
}

ScoresByAspect collect(std::span<const EvalRecord> records) {
    ScoresByAspect scores;
    for (const EvalRecord& record : records) {
        if (record.other) continue;
        for (const AspectVerdict& entry : record.verdicts) {
            ItemScore& item = scores_of(scores, entry.aspect)[{record.item.id, record.turn, record.item.instruction}];
            ++item.records;
            item.unscored += std::holds_alternative<Unscored>(entry.verdict) ? 1 : 0;
            if (const auto* score = std::get_if<Score>(&entry.verdict)) {
                item.sum += score->value;
                ++item.scores;
            }
        }
    }
    return scores;
}

bool is_incomplete_aspect(const std::map<ItemKey, ItemScore>& items) {
    std::size_t unscored = 0;
    std::size_t read = 0;
    for (const auto& [key, score] : items) {
        unscored += score.unscored;
        read += score.scores;
    }
    return is_incomplete(unscored, read);
}

Difference compare_aspect(const std::string& aspect, const std::map<ItemKey, ItemScore>& a,
                          const std::map<ItemKey, ItemScore>& b, const Resampling& resampling) {
    Difference difference;
    difference.aspect = aspect;
    Clusters clusters;
    std::vector<std::pair<std::size_t, double>> paired;
    for (const auto& [key, score] : a) {
        const auto found = b.find(key);
        if (found == b.end() || found->second.scores == 0 || score.scores == 0) {
            difference.unpaired += score.records + (found == b.end() ? 0 : found->second.records);
            continue;
        }
        paired.emplace_back(clusters.index_of(key.instruction), found->second.mean() - score.mean());
    }
    for (const auto& [key, score] : b) difference.unpaired += a.contains(key) ? 0 : score.records;
    ClusteredValues column = clusters.empty_column();
    for (const auto& [cluster, value] : paired) {
        column.sums[cluster] += value;
        column.counts[cluster] += 1;
    }
    difference.incomplete = is_incomplete_aspect(a) || is_incomplete_aspect(b);
    difference.n = paired.size();
    difference.mean = mean(column);
    difference.ci95 = bootstrap(std::span(&column, 1), {}, resampling).front();
    difference.p_value = sign_flip_p_value(column, resampling);
    return difference;
}

}  // namespace

std::vector<Difference> compare(std::span<const EvalRecord> a, std::span<const EvalRecord> b,
                                const Resampling& resampling) {
    ScoresByAspect scores_a = collect(a);
    ScoresByAspect scores_b = collect(b);
    for (const auto& [aspect, items] : scores_b) scores_of(scores_a, aspect);
    std::vector<Difference> differences;
    for (const auto& [aspect, items] : scores_a) {
        differences.push_back(compare_aspect(aspect, items, scores_of(scores_b, aspect), resampling));
    }
    return differences;
}

}  // namespace urial::eval
