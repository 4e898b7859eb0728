#include "eval/json_values.h"
#include "report/judged.h"

namespace urial::report {
namespace {

using eval::Json;

Json to_json(const eval::WinRate& rate) {
    return {{"wins", rate.wins},
            {"ties", rate.ties},
            {"losses", rate.losses},
            {"flips", rate.flips},
            {"both_orders", rate.both_orders},
            {"unscored", rate.unscored},
            {"rate", eval::number_json(rate.rate())},
            {"ci95", eval::interval_json(rate.ci95)},
            {"length_controlled", rate.length_controlled ? Json(*rate.length_controlled) : Json(nullptr)},
            {"length_controlled_ci95", eval::interval_json(rate.length_controlled_ci95)}};
}

Json to_json(const eval::MtBenchTable& table) {
    Json json{{"turn_1", eval::number_json(table.turn_1)},
              {"turn_2", eval::number_json(table.turn_2)},
              {"overall", eval::number_json(table.overall)},
              {"overall_ci95", eval::interval_json(table.overall_ci95)},
              {"scores_1", table.scores_1},
              {"scores_2", table.scores_2},
              {"unscored", table.unscored}};
    for (const auto& [category, mean] : table.categories) json["categories"][category] = eval::number_json(mean);
    return json;
}

/// The original's report of one file.
Json to_json(const eval::PaperReport& report) {
    Json json{{"total", report.total}};
    for (const auto& [aspect, mean] : report.means) json[aspect + "_mean"] = eval::number_json(mean);
    json["avg_lens"] = eval::number_json(report.average_words);
    return json;
}

}  // namespace

Json to_json(const JudgedResult& result) {
    Json json = result.scores ? eval::to_json(*result.scores) : Json::object();
    if (result.paper) json["report"] = to_json(*result.paper);
    if (!result.agreement.empty()) json["agreement"] = eval::to_json(result.agreement);
    if (result.bill) json["bill"] = eval::to_json(*result.bill);
    for (const PairResult& pair : result.pairs) json["win_rates"][pair.generator][pair.aspect] = to_json(pair.rate);
    for (const MtBenchResult& entry : result.mt_bench) json["mt_bench"][entry.generator] = to_json(entry.table);
    return json;
}

Json to_json(const RunDifference& difference) {
    Json json = Json::object();
    for (const eval::Difference& entry : difference.aspects) {
        json[entry.aspect] = {{"mean", eval::number_json(entry.mean)},
                              {"ci95", eval::interval_json(entry.ci95)},
                              {"p_value", entry.p_value},
                              {"n", entry.n},
                              {"unpaired", entry.unpaired}};
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
