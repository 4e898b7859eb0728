#include "eval/json_values.h"
#include "eval/summary.h"

namespace urial::eval {
namespace {

Json to_json(const Aggregate& aggregate, bool withheld) {
    Json json = Json::object();
    json["mean"] = shown(number_json(aggregate.mean), withheld);
    json["n"] = aggregate.n;
    json["unscored"] = aggregate.unscored;
    json["not_applicable"] = aggregate.not_applicable;
    json["ci95"] = shown(interval_json(aggregate.ci95), withheld);
    return json;
}

Json to_json(const Named<Group>& table, bool withheld) {
    Json json = Json::object();
    for (const auto& [name, group] : table) {
        Json& row = json[name];
        row["n"] = group.n;
        for (const auto& [aspect, aggregate] : group.aspects) row[aspect] = to_json(aggregate, withheld);
    }
    return json;
}

}  // namespace

Json to_json(const Summary& summary) {
    const bool withheld = summary.withheld;
    Json json = Json::object();
    Json& aspects = json["aspects"] = Json::object();
    for (const auto& [name, aggregate] : summary.aspects) aspects[name] = to_json(aggregate, withheld);
    json["avg"] = shown(number_json(summary.average), withheld);
    json["avg_ci95"] = shown(interval_json(summary.average_ci95), withheld);
    json["len"] = number_json(summary.words);
    json["task"] = to_json(summary.task, withheld);
    json["topic"] = to_json(summary.topic, withheld);
    json["source"] = to_json(summary.source, withheld);
    json["difficulty"] = to_json(summary.difficulty, withheld);
    if (!summary.task_every_tag.empty()) json["task_every_tag"] = to_json(summary.task_every_tag, withheld);
    if (!summary.topic_every_tag.empty()) json["topic_every_tag"] = to_json(summary.topic_every_tag, withheld);
    json["records"] = summary.records;
    json["answers"] = summary.answers;
    json["verdicts"] = summary.verdicts;
    json["unscored"] = summary.unscored;
    json["refused"] = summary.refused;
    json["attempts"] = summary.attempts;
    json["withheld"] = withheld;
    return json;
}

}  // namespace urial::eval
