#include "experiment/results.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "experiment/plan.h"
#include "shift/shift.h"

namespace urial::experiment {
namespace {

using nlohmann::ordered_json;
using report::Cell;
using report::Document;
using report::Measure;

/// A method of the manifest with the places of what its steps made.
struct Places {
    std::string name;
    std::string label;
    fs::path answers;
    fs::path judged;  // empty: there is no such step
};

class Folder {
public:
    explicit Folder(const fs::path& folder) : folder_(folder), manifest_(read_manifest(folder)) {}

    std::string title() const { return manifest_.value("title", std::string()); }
    std::vector<Places> methods() const {
        std::vector<Places> all;
        for (const ordered_json& method : manifest_.at("methods")) {
            Places places{method.at("name"), method.at("label"), {}, {}};
            places.answers = place(StepKind::Answers, places.name);
            places.judged = place(StepKind::Judging, places.name);
            all.push_back(std::move(places));
        }
        return all;
    }
    const ordered_json& comparisons() const { return manifest_.at("comparisons"); }
    const ordered_json& pairs() const { return manifest_.at("pairs"); }
    fs::path place(StepKind kind, const std::string& step_name) const {
        for (const ordered_json& step : manifest_.at("steps")) {
            if (step.at("kind") == name(kind) && step.at("name") == step_name) {
                return folder_ / step.at("place").get<std::string>();
            }
        }
        return {};
    }
    std::vector<std::string> unfinished() const {
        std::vector<std::string> lines;
        for (const ordered_json& step : manifest_.at("steps")) {
            if (step.at("finished")) continue;
            lines.push_back(fmt::format("{} of {} ({} of {})", step.at("kind").get<std::string>(),
                                        step.at("name").get<std::string>(), step.at("done").get<std::size_t>(),
                                        step.at("total").get<std::size_t>()));
        }
        return lines;
    }

private:
    fs::path folder_;
    ordered_json manifest_;
};

bool is_there(const fs::path& path) {
    std::error_code none;
    return fs::exists(path, none);
}

/// The answers as records that no judge has seen.
std::vector<eval::EvalRecord> unjudged_records(const eval::LoadedAnswers& answers) {
    std::vector<eval::EvalRecord> records;
    for (const eval::AnsweredItem& answered : answers.answers) {
        eval::EvalRecord record;
        record.item = answered.item;
        record.answer = answered.answer;
        records.push_back(std::move(record));
    }
    return records;
}

double mean_words(const std::vector<eval::AnsweredItem>& answers) {
    double words = 0;
    for (const eval::AnsweredItem& answered : answers) {
        words += static_cast<double>(eval::count_words(answered.answer.output));
    }
    return answers.empty() ? std::numeric_limits<double>::quiet_NaN() : words / static_cast<double>(answers.size());
}

void add_method(const Places& places, const ResultOptions& options, Results& results,
                std::map<std::string, std::size_t>& judged_runs) {
    if (!is_there(places.answers)) return;
    eval::LoadedAnswers answers = eval::load_answers(places.answers);
    MethodResult method{places.label, 0, answers.failed, 0,
                        !places.judged.empty() && is_there(places.judged / eval::kRecordsFile)};
    answers.answers = eval::keep(std::move(answers.answers), options.filter,
                                 [](const eval::AnsweredItem& answered) -> const eval::Item& { return answered.item; });
    method.answers = answers.answers.size();
    method.words = mean_words(answers.answers);
    if (method.answers == 0) return;
    if (method.judged) {
        std::vector<report::JudgedRun> runs = report::load_judged_runs({places.judged}, {places.label}, options.filter);
        results.judged.push_back(report::judged_result(runs.front(), options.summary));
        judged_runs[places.name] = results.runs.size();
        results.runs.push_back(std::move(runs.front()));
    } else {
        results.runs.push_back({places.label, places.answers, ordered_json::object(), unjudged_records(answers), 0});
    }
    results.methods.push_back(std::move(method));
}

void add_differences(const Folder& folder, const std::map<std::string, std::size_t>& judged_runs, bool allow_unscored,
                     Results& results) {
    for (const ordered_json& pair : folder.comparisons()) {
        const auto method = judged_runs.find(pair.at(0));
        const auto against = judged_runs.find(pair.at(1));
        if (method == judged_runs.end() || against == judged_runs.end()) continue;
        results.differences.push_back(
            report::run_difference(results.runs[method->second], results.runs[against->second], allow_unscored));
    }
    report::correct_by_holm(results.differences);
}

void add_shift(const Folder& folder, const std::vector<Places>& methods, Results& results) {
    std::map<std::string, std::string> labels;
    for (const Places& places : methods) labels[places.name] = places.label;
    for (const ordered_json& pair : folder.pairs()) {
        const fs::path place = folder.place(StepKind::Shift, pair.at("name"));
        if (place.empty() || !is_there(shift::records_file(place))) continue;
        shift::Summary summary = shift::summarize(shift::records_file(place));
        if (summary.answers == 0) continue;
        results.shift.push_back({labels[pair.at("base")], labels[pair.at("aligned")], place, std::move(summary)});
    }
}

Measure measure(const shift::Estimate& estimate, double factor, int decimals) {
    return {.value = factor * estimate.value,
            .ci95 = eval::Interval{factor * estimate.low, factor * estimate.high},
            .decimals = decimals};
}

void add_shift_table(const Results& results, Document& document) {
    if (results.shift.empty()) return;
    report::Table table{"Token-distribution shift: what the base model thinks of the aligned answers",
                        {"base model under", "answers of", "unshifted % [95 %]", "marginal %", "shifted % [95 %]",
                         "KL, nats [95 %]", "KL without ends", "answers", "tokens"},
                        {}};
    const auto is_bounded = [](const ShiftResult& pair) { return pair.summary.bounds.has_value(); };
    const bool has_bounds = std::ranges::any_of(results.shift, is_bounded);
    if (has_bounds) table.columns.emplace_back("KL at least [95 %]");
    for (const ShiftResult& pair : results.shift) {
        const shift::Summary& summary = pair.summary;
        table.rows.push_back({pair.base, pair.aligned, measure(summary.shares.unshifted, 100, 1),
                              Measure{.value = 100 * summary.shares.marginal.value, .decimals = 1},
                              measure(summary.shares.shifted, 100, 1), measure(summary.kl_ab, 1, 3),
                              Measure{.value = summary.kl_without_ends.value, .decimals = 3}, summary.answers,
                              summary.positions});
        if (!has_bounds) continue;
        table.rows.back().push_back(summary.bounds ? measure(summary.bounds->kl_ab_lower, 1, 3) : Measure{});
    }
    document.tables.push_back(std::move(table));
}

void add_answers_table(const Results& results, Document& document) {
    report::Table table{"Answers", {"method", "answers", "failed", "words"}, {}};
    for (const MethodResult& method : results.methods) {
        table.rows.push_back(
            {method.label, method.answers, method.failed, Measure{.value = method.words, .decimals = 1}});
    }
    document.tables.push_back(std::move(table));
}

void append(Document& document, Document more) {
    std::ranges::move(more.tables, std::back_inserter(document.tables));
    std::ranges::move(more.notes, std::back_inserter(document.notes));
    std::ranges::move(more.left_out, std::back_inserter(document.left_out));
}

/// Differences of aspects that have a p-value.
std::size_t count_tests(const Results& results) {
    std::size_t count = 0;
    for (const report::RunDifference& difference : results.differences) {
        for (const eval::Difference& entry : difference.aspects) count += entry.n > 0 ? 1 : 0;
    }
    return count;
}

Document document_of(const Results& results, report::Detail detail) {
    Document document;
    if (!results.judged.empty()) {
        append(document, report::judged_document(results.judged, report::Layout::Wide, detail));
    }
    if (results.judged.size() < results.methods.size()) add_answers_table(results, document);
    append(document, report::difference_document(results.differences));
    if (!results.differences.empty()) {
        document.notes.push_back(fmt::format(
            "p by sign flips of whole items; p (Holm) is corrected for all {} comparisons of aspects that were stated "
            "beforehand",
            count_tests(results)));
    }
    add_shift_table(results, document);
    for (const std::string& line : results.unfinished) document.notes.push_back("not finished: " + line);
    return document;
}

ordered_json json_of(const shift::Estimate& estimate) {
    return {{"value", eval::number_json(estimate.value)},
            {"ci95", {eval::number_json(estimate.low), eval::number_json(estimate.high)}}};
}

ordered_json json_of(const Results& results) {
    ordered_json json{{"title", results.title}, {"methods", ordered_json::array()}};
    for (const MethodResult& method : results.methods) {
        json["methods"].push_back({{"label", method.label},
                                   {"answers", method.answers},
                                   {"failed", method.failed},
                                   {"words", eval::number_json(method.words)}});
    }
    for (const report::JudgedResult& judged : results.judged) json["judged"][judged.label] = report::to_json(judged);
    for (const report::RunDifference& difference : results.differences) {
        json["differences"].push_back(
            {{"method", difference.label}, {"against", difference.against}, {"aspects", report::to_json(difference)}});
    }
    for (const ShiftResult& pair : results.shift) {
        const shift::Summary& summary = pair.summary;
        json["shift"].push_back({{"base", pair.base},
                                 {"aligned", pair.aligned},
                                 {"answers", summary.answers},
                                 {"positions", summary.positions},
                                 {"unshifted", json_of(summary.shares.unshifted)},
                                 {"marginal", json_of(summary.shares.marginal)},
                                 {"shifted", json_of(summary.shares.shifted)},
                                 {"kl_ab", json_of(summary.kl_ab)},
                                 {"kl_without_ends", json_of(summary.kl_without_ends)}});
        if (summary.bounds) json["shift"].back()["kl_ab_lower"] = json_of(summary.bounds->kl_ab_lower);
    }
    if (!results.unfinished.empty()) json["unfinished"] = results.unfinished;
    return json;
}

}  // namespace

Results load_results(const fs::path& folder, const ResultOptions& options) {
    const Folder own(folder);
    Results results;
    results.title = own.title();
    const std::vector<Places> methods = own.methods();
    std::map<std::string, std::size_t> judged_runs;
    for (const Places& places : methods) add_method(places, options, results, judged_runs);
    if (results.methods.empty()) {
        throw error(ErrorKind::BadInput, "{}: there is no answer to report on yet", printable(folder.string()));
    }
    add_differences(own, judged_runs, options.summary.allow_unscored, results);
    add_shift(own, methods, results);
    results.unfinished = own.unfinished();
    return results;
}

report::Written results_tables(const Results& results, report::Format format, report::Detail detail) {
    if (format == report::Format::Json) return {json_of(results).dump(2) + "\n", {}};
    if (format == report::Format::Csv) {
        if (results.judged.empty()) {
            throw Error(ErrorKind::BadInput, "--format csv: no method is judged; json has what there is");
        }
        return {report::to_csv(report::judged_csv(results.judged)), {}};
    }
    const Document document = document_of(results, detail);
    switch (format) {
        case report::Format::Markdown: return {report::to_markdown(document), document.left_out};
        case report::Format::Latex: return {report::to_latex(document), document.left_out};
        default: return {report::to_text(document), document.left_out};
    }
}

std::string results_page(const Results& results, const std::string& title) {
    report::JudgedPageOptions options;
    options.title = title.empty() ? results.title : title;
    options.shown_runs = results.runs.size();
    for (const ShiftResult& pair : results.shift) {
        report::ShiftColours colours;
        colours.base = pair.base;
        colours.run = pair.aligned;
        colours.unshifted = pair.summary.shares.unshifted.value;
        colours.marginal = pair.summary.shares.marginal.value;
        colours.shifted = pair.summary.shares.shifted.value;
        colours.kl = pair.summary.kl_ab.value;
        colours.answers = report::coloured_answers(pair.folder);
        options.colours.push_back(std::move(colours));
    }
    std::vector<report::JudgedResult> of_runs;
    for (const report::JudgedRun& run : results.runs) {
        const auto found = std::ranges::find(results.judged, run.label, &report::JudgedResult::label);
        of_runs.push_back(found != results.judged.end() ? *found : report::JudgedResult{.label = run.label});
    }
    return report::judged_page(results.runs, of_runs, results.differences, options);
}

}  // namespace urial::experiment
