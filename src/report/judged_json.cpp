#include "eval/eval.h"
#include "report/judged.h"

namespace urial::report {
namespace {

using eval::Json;
using eval::shown;

Json to_json(const eval::WinRate& rate, bool withheld) {
    return {
        {"wins", rate.wins},
        {"ties", rate.ties},
        {"losses", rate.losses},
        {"flips", rate.flips},
        {"both_orders", rate.both_orders},
        {"unscored", rate.unscored},
        {"withheld", withheld},
        {"rate", shown(eval::number_json(rate.rate()), withheld)},
        {"ci95", shown(eval::interval_json(rate.ci95), withheld)},
        {"length_controlled", shown(rate.length_controlled ? Json(*rate.length_controlled) : Json(nullptr), withheld)},
        {"length_controlled_ci95", shown(eval::interval_json(rate.length_controlled_ci95), withheld)}};
}

Json to_json(const eval::MtBenchTable& table, bool withheld) {
    Json json{{"withheld", withheld},
              {"scores_1", table.turn_1.n},
              {"scores_2", table.turn_2.n},
              {"unscored", table.unscored}};
    const auto put = [withheld](Json& into, const std::string& name, const eval::Aggregate& part) {
        into[name] = shown(eval::number_json(part.mean), withheld);
        into[name + "_ci95"] = shown(eval::interval_json(part.ci95), withheld);
    };
    put(json, "turn_1", table.turn_1);
    put(json, "turn_2", table.turn_2);
    put(json, "overall", table.overall);
    for (const auto& [category, part] : table.categories) {
        json["categories"][category] = shown(eval::number_json(part.mean), withheld);
        json["categories_ci95"][category] = shown(eval::interval_json(part.ci95), withheld);
    }
    return json;
}

/// The original's report of one file.
Json to_json(const eval::OriginalReport& report, bool withheld) {
    Json json{{"total", report.total}};
    for (const auto& [aspect, mean] : report.means) json[aspect + "_mean"] = shown(eval::number_json(mean), withheld);
    json["avg_lens"] = eval::number_json(report.average_words);
    return json;
}

Json counts_json(const eval::Named<std::size_t>& counts) {
    Json json = Json::object();
    for (const auto& [name, count] : counts) json[name] = count;
    return json;
}

Json to_json(const eval::OriginalPairwiseReport& report) {
    Json json{{"total", report.total}};
    json.update(counts_json(report.preferred));
    json["avg_lens"] = Json::object();
    for (const auto& [generator, words] : report.average_words) json["avg_lens"][generator] = eval::number_json(words);
    return json;
}

}  // namespace

Json to_json(const JudgedResult& result) {
    Json json = result.scores ? eval::to_json(*result.scores) : Json::object();
    json["steering"] = result.steering;
    for (const auto& [aspect, counts] : result.score_counts) json["aspects"][aspect]["counts"] = counts_json(counts);
    if (result.original_pairs) json["report"] = to_json(*result.original_pairs);
    if (result.original) json["report"] = to_json(*result.original, result.withheld);
    if (!result.agreement.empty()) json["agreement"] = eval::to_json(result.agreement);
    if (result.bill) json["bill"] = eval::to_json(*result.bill);
    for (const PairResult& pair : result.pairs) {
        json["win_rates"][pair.generator][pair.aspect] = to_json(pair.rate, pair.withheld);
    }
    for (const MtBenchResult& entry : result.mt_bench) {
        json["mt_bench"][entry.generator] = to_json(entry.table, entry.withheld);
    }
    return json;
}

Json to_json(const RunDifference& difference) {
    Json json = Json::object();
    for (const eval::Difference& entry : difference.aspects) {
        const bool withheld = difference.withholds(entry);
        json[entry.aspect] = {{"withheld", withheld},
                              {"mean", shown(eval::number_json(entry.mean), withheld)},
                              {"ci95", shown(eval::interval_json(entry.ci95), withheld)},
                              {"p_value", shown(entry.p_value, withheld)},
                              {"n", entry.n},
                              {"unpaired", entry.unpaired}};
        if (entry.p_holm) json[entry.aspect]["p_holm"] = shown(*entry.p_holm, withheld);
    }
    return json;
}

Json judged_json(std::span<const JudgedResult> results) {
    if (results.size() == 1) return to_json(results.front());
    Json json = Json::object();
    for (const JudgedResult& result : results) json["runs"][result.label] = to_json(result);
    return json;
}

Json difference_json(std::span<const RunDifference> differences) {
    Json json = Json::object();
    if (differences.size() == 1) {
        json["differences"] = to_json(differences.front());
        return json;
    }
    for (const RunDifference& difference : differences)
        json["runs"][difference.label]["differences"] = to_json(difference);
    return json;
}

}  // namespace urial::report
