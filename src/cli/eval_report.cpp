#include "cli/eval_report.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/agreement_text.h"
#include "eval/eval.h"

namespace urial::cli {
namespace {

using eval::Json;

std::string decimal(double value) { return std::isnan(value) ? "-" : eval::format_paper(value); }

std::string range(const std::optional<eval::Interval>& interval) {
    return interval ? fmt::format("[{:.2f}, {:.2f}]", interval->low, interval->high) : "-";
}

bool has_preferences(const eval::EvalRecord& record) { return record.other.has_value(); }

/// MT-bench is known by its rubrics; its table needs the turns.
bool is_mt_bench(const eval::EvalRecord& record) { return record.rubric.starts_with("mt-bench"); }

std::vector<eval::EvalRecord> load_records(const std::string& folder, const EvalReport& command) {
    eval::Filter filter;
    for (const std::string& condition : command.where) filter.where.push_back(eval::parse_condition(condition));
    if (!command.ids.empty()) filter.ids = eval::load_subset(command.ids, command.subset);
    std::vector<eval::EvalRecord> records =
        eval::keep(eval::load_run(folder).records, filter,
                   [](const eval::EvalRecord& record) -> const eval::Item& { return record.item; });
    if (records.empty()) throw error(ErrorKind::BadInput, "{}: no record is left to report on", folder);
    return records;
}

std::string row(const std::string& name, const eval::Aggregate& aggregate, bool withheld) {
    return fmt::format("  {:<28} {:>7} {:>16} {:>6} {:>9} {:>5}\n", printable(name),
                       withheld ? "-" : decimal(aggregate.mean), withheld ? "-" : range(aggregate.ci95), aggregate.n,
                       aggregate.unscored, aggregate.not_applicable);
}

std::string heading(std::string_view what) {
    return fmt::format("\n  {:<28} {:>7} {:>16} {:>6} {:>9} {:>5}\n", what, "MEAN", "95 % INTERVAL", "N", "UNSCORED",
                       "N/A");
}

std::string summary_text(const eval::Summary& summary) {
    std::string out = heading("ASPECT");
    for (const auto& [name, aggregate] : summary.aspects) out += row(name, aggregate, summary.withheld);
    out += fmt::format("  {:<28} {:>7} {:>16}\n", "average", summary.withheld ? "-" : decimal(summary.average),
                       summary.withheld ? "-" : range(summary.average_ci95));
    out += fmt::format("  {:<28} {:>7.1f} {:>16} {:>6}\n", "words per answer", summary.words, "", summary.answers);
    const std::vector<std::pair<std::string_view, const eval::Named<eval::Group>*>> tables{
        {"TASK", &summary.task},     {"TASK (EVERY TAG)", &summary.task_every_tag},
        {"TOPIC", &summary.topic},   {"TOPIC (EVERY TAG)", &summary.topic_every_tag},
        {"SOURCE", &summary.source}, {"DIFFICULTY", &summary.difficulty}};
    for (const auto& [title, table] : tables) {
        if (!table->empty()) out += heading(title);
        for (const auto& [name, group] : *table) {
            for (const auto& [aspect, aggregate] : group.aspects) {
                out += row(name + (group.aspects.size() > 1 ? " " + aspect : ""), aggregate, summary.withheld);
            }
        }
    }
    out +=
        fmt::format("\n  {} records, {} verdicts, {} unscored ({} refusals), {} answers that try to steer the judge\n",
                    summary.records, summary.verdicts, summary.unscored, summary.refused, summary.steering);
    return out;
}

Json paper_report_json(const std::vector<eval::EvalRecord>& records) {
    const eval::PaperReport report = eval::report_as_paper(records);
    Json json{{"total", report.total}};
    for (const auto& [aspect, mean] : report.means) json[aspect + "_mean"] = mean;
    json["avg_lens"] = std::isnan(report.average_words) ? Json(nullptr) : Json(report.average_words);
    return json;
}

Json interval_json(const std::optional<eval::Interval>& interval) {
    return interval ? Json::array({interval->low, interval->high}) : Json(nullptr);
}

/// A table as JSON or as text, and after it the judges' agreement where there are several.
void print_with_jury(const std::vector<eval::EvalRecord>& records, Json& json, const std::string& text,
                     const Context& context) {
    const std::vector<eval::JuryAgreement> jury = eval::jury_agreement(eval::ratings_of(records));
    if (!jury.empty()) json["agreement"] = eval::to_json(jury);
    if (context.json) {
        fmt::print("{}\n", json.dump(2));
    } else {
        fmt::print("{}{}", text, jury_text(jury));
    }
}

void report_scores(const std::vector<eval::EvalRecord>& records, const EvalReport& command, const Context& context) {
    eval::SummaryOptions options;
    options.compat = eval::parse_compat(command.compat);
    options.allow_unscored = command.allow_unscored;
    const eval::Summary summary = eval::summarise(records, options);
    if (summary.withheld) {
        context.terminal.warn(
            fmt::format("more than {:g} % of an aspect's verdicts are unscored, so no means are shown; "
                        "--allow-unscored shows them",
                        100 * eval::kMostUnscored));
    }
    Json json = eval::to_json(summary);
    if (options.compat == eval::Compat::Paper) json["report"] = paper_report_json(records);
    print_with_jury(records, json, summary_text(summary), context);
}

std::vector<std::string> aspects_of(const std::vector<eval::EvalRecord>& records) {
    std::vector<std::string> names;
    for (const eval::EvalRecord& record : records) {
        for (const eval::AspectVerdict& entry : record.verdicts) {
            if (std::ranges::find(names, entry.aspect) == names.end()) names.push_back(entry.aspect);
        }
    }
    return names;
}

void report_pairs(const std::vector<eval::EvalRecord>& records, const Context& context) {
    Json json = Json::object();
    std::string out =
        fmt::format("\n  {:<40} {:>6} {:>6} {:>6} {:>7} {:>16} {:>8} {:>6} {:>9}\n", "GENERATOR, ASPECT", "WIN %",
                    "TIE %", "LOSE %", "RATE %", "95 % INTERVAL", "LENGTH-C", "FLIPS", "UNSCORED");
    for (const std::string& generator : eval::generators(records)) {
        for (const std::string& aspect : aspects_of(records)) {
            const eval::WinRate rate = eval::win_rate(records, generator, aspect);
            Json& cell = json["win_rates"][generator][aspect];
            cell = Json{{"wins", rate.wins},
                        {"ties", rate.ties},
                        {"losses", rate.losses},
                        {"flips", rate.flips},
                        {"both_orders", rate.both_orders},
                        {"unscored", rate.unscored}};
            cell["rate"] = std::isnan(rate.rate()) ? Json(nullptr) : Json(rate.rate());
            cell["ci95"] = interval_json(rate.ci95);
            cell["length_controlled"] = rate.length_controlled ? Json(*rate.length_controlled) : Json(nullptr);
            cell["length_controlled_ci95"] = interval_json(rate.length_controlled_ci95);
            std::optional<eval::Interval> percent;
            if (rate.ci95) percent = eval::Interval{100 * rate.ci95->low, 100 * rate.ci95->high};
            out += fmt::format(
                "  {:<40} {:>6} {:>6} {:>6} {:>7} {:>16} {:>8} {:>6} {:>9}\n", printable(generator + ", " + aspect),
                decimal(rate.percent(rate.wins)), decimal(rate.percent(rate.ties)), decimal(rate.percent(rate.losses)),
                decimal(100 * rate.rate()), range(percent),
                rate.length_controlled ? decimal(100 * *rate.length_controlled) : "-", rate.flips, rate.unscored);
        }
    }
    print_with_jury(records, json, out, context);
}

void report_mt_bench(const std::vector<eval::EvalRecord>& records, const Context& context) {
    Json json = Json::object();
    std::string out;
    for (const std::string& generator : eval::generators(records)) {
        const eval::MtBenchTable table = eval::mt_bench_table(records, generator);
        const auto number = [](double value) { return std::isnan(value) ? Json(nullptr) : Json(value); };
        Json& row = json["mt_bench"][generator];
        row = Json{
            {"turn_1", number(table.turn_1)}, {"turn_2", number(table.turn_2)}, {"overall", number(table.overall)}};
        row["overall_ci95"] = interval_json(table.overall_ci95);
        row["unscored"] = table.unscored;
        out += fmt::format("\n  {}\n  {:<28} {:>7}\n  {:<28} {:>7}\n  {:<28} {:>7} {}\n", printable(generator),
                           "turn 1", decimal(table.turn_1), "turn 2", decimal(table.turn_2), "overall",
                           decimal(table.overall), range(table.overall_ci95));
        for (const auto& [category, mean] : table.categories) {
            row["categories"][category] = mean;
            out += fmt::format("  {:<28} {:>7}\n", printable(category), decimal(mean));
        }
        out += fmt::format("  {} of {} answers unscored\n", table.unscored,
                           table.unscored + table.scores_1 + table.scores_2);
    }
    print_with_jury(records, json, out, context);
}

void report_difference(const std::vector<eval::EvalRecord>& records, const EvalReport& command,
                       const Context& context) {
    Json json = Json::object();
    std::string out =
        fmt::format("\n  {} minus {}\n  {:<28} {:>11} {:>16} {:>8} {:>6} {:>9}\n", printable(command.run),
                    printable(command.against), "ASPECT", "DIFFERENCE", "95 % INTERVAL", "P", "N", "UNPAIRED");
    for (const eval::Difference& difference : eval::compare(load_records(command.against, command), records)) {
        Json& row = json["differences"][difference.aspect];
        row["mean"] = std::isnan(difference.mean) ? Json(nullptr) : Json(difference.mean);
        row["ci95"] = interval_json(difference.ci95);
        row["p_value"] = difference.p_value;
        row["n"] = difference.n;
        row["unpaired"] = difference.unpaired;
        out += fmt::format("  {:<28} {:>11} {:>16} {:>8.4f} {:>6} {:>9}\n", printable(difference.aspect),
                           decimal(difference.mean), range(difference.ci95), difference.p_value, difference.n,
                           difference.unpaired);
    }
    fmt::print("{}", context.json ? json.dump(2) + "\n" : out);
}

}  // namespace

void add_eval_report_flags(CLI::App& report, EvalReport& command) {
    report.add_option("--compat", command.compat, "Count as the original authors did")
        ->type_name("none|paper")
        ->capture_default_str();
    report.add_option("--against", command.against, "Another run: differences, paired by item")->type_name("DIR");
    report.add_option("--where", command.where, "Only items with this tag, as in task=coding; repeatable")
        ->type_name("FIELD=VALUE")
        ->take_all()
        ->allow_extra_args(false);
    report.add_option("--ids", command.ids, "Only the ids that this JSON file lists")->type_name("FILE");
    report.add_option("--subset", command.subset, "Which of the lists in the --ids file")
        ->type_name("NAME")
        ->capture_default_str();
    report.add_flag("--allow-unscored", command.allow_unscored, "Show means whatever share is unscored");
}

void report_eval(const EvalReport& command, const Context& context) {
    const std::vector<eval::EvalRecord> records = load_records(command.run, command);
    if (!command.against.empty()) return report_difference(records, command, context);
    if (std::ranges::all_of(records, has_preferences)) return report_pairs(records, context);
    if (std::ranges::all_of(records, is_mt_bench)) return report_mt_bench(records, context);
    report_scores(records, command, context);
}

}  // namespace urial::cli
