#include "experiment/plan.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "generate/record.h"
#include "generate/run_identity.h"
#include "shift/shift.h"

namespace urial::experiment {
namespace {

using nlohmann::ordered_json;

fs::path manifest_of(const fs::path& folder) { return folder / eval::kManifestFile; }
/// The experiment's own file, as it was.
fs::path text_of(const fs::path& folder) { return folder / "experiment.toml"; }

/// A name that may be a file's, with the hash of the file.
ordered_json name_or_file(const std::string& text) {
    std::error_code none;
    if (text.empty() || !fs::is_regular_file(text, none)) return text;
    return {{"file", text}, {"sha256", sha256_file(text)}};
}

/// Models are too large to be hashed for a plan; the runs themselves look whether a file has changed.
ordered_json inputs_of(const ModelEntry& model) { return {{"spec", model.model}, {"lora", model.adapters}}; }

ordered_json inputs_of(const app::PromptChoice& prompt) {
    ordered_json inputs{{"name", name_or_file(prompt.prompt)}};
    if (!prompt.form.empty()) inputs["form"] = prompt.form;
    if (!prompt.system.empty()) inputs["system"] = prompt.system;
    if (!prompt.chat_template.empty()) inputs["chat_template"] = name_or_file(prompt.chat_template);
    if (prompt.prompt != app::kRetrievalPrompt) return inputs;
    const app::RetrievalChoice& retrieval = prompt.retrieval;
    inputs["pool"] = name_or_file(retrieval.pool);
    inputs["shots"] = retrieval.shots;
    inputs["preamble"] = retrieval.preamble;
    inputs["encoder"] = retrieval.encoder.encoder;
    return inputs;
}

Step make_step(StepKind kind, std::size_t index, const std::string& step_name, ordered_json inputs) {
    Step step;
    step.kind = kind;
    step.index = index;
    step.name = step_name;
    step.key = sha256_hex(inputs.dump()).substr(0, 8);
    step.place = fmt::format("{}/{}-{}{}", name(kind), step_name, step.key, kind == StepKind::Answers ? ".jsonl" : "");
    step.inputs = std::move(inputs);
    return step;
}

std::vector<Step> steps_of(const Spec& spec, const Plan& plan) {
    std::vector<Step> steps;
    for (std::size_t i = 0; i < spec.methods.size(); ++i) {
        const Method& method = spec.methods[i];
        steps.push_back(make_step(StepKind::Answers, i, method.name,
                                  {{"questions", plan.questions_hash},
                                   {"label", method.label},
                                   {"model", inputs_of(spec.models[method.model])},
                                   {"prompt", inputs_of(method.prompt)},
                                   {"sampling", generate::describe_sampling(spec.sampling)},
                                   {"context", spec.context}}));
    }
    for (std::size_t i = 0; i < spec.pairs.size(); ++i) {
        const Method& base = spec.methods[spec.pairs[i].base];
        steps.push_back(make_step(StepKind::Shift, i, spec.pairs[i].name,
                                  {{"answers", steps[spec.pairs[i].aligned].key},
                                   {"model", inputs_of(spec.models[base.model])},
                                   {"prompt", inputs_of(base.prompt)}}));
    }
    if (!spec.judging) return steps;
    for (std::size_t i = 0; i < spec.methods.size(); ++i) {
        steps.push_back(make_step(StepKind::Judging, i, spec.methods[i].name,
                                  {{"answers", steps[i].key},
                                   {"judges", spec.judging->judges},
                                   {"rubric", name_or_file(spec.judging->rubric)},
                                   {"max_tokens", spec.judging->max_tokens}}));
    }
    return steps;
}

Error no_experiment(const fs::path& folder) {
    return error(ErrorKind::BadInput, "{} is there and is no experiment's folder: name another one",
                 printable(folder.string()));
}

bool is_entry(const ordered_json& entry) {
    const auto all = [&](std::initializer_list<const char*> keys, bool (ordered_json::*is_type)() const noexcept) {
        return std::ranges::all_of(keys,
                                   [&](const char* key) { return entry.contains(key) && (entry[key].*is_type)(); });
    };
    return entry.is_object() && all({"kind", "name", "key", "place"}, &ordered_json::is_string) &&
           all({"total", "done", "units"}, &ordered_json::is_number_unsigned) &&
           all({"finished"}, &ordered_json::is_boolean) && all({"seconds"}, &ordered_json::is_number) &&
           all({"inputs"}, &ordered_json::is_object);
}

bool are_texts(const ordered_json& object, std::initializer_list<const char*> keys) {
    return object.is_object() &&
           std::ranges::all_of(keys, [&](const char* key) { return object.contains(key) && object[key].is_string(); });
}

/// A list of which all entries are as they should be.
template <typename IsEntry>
bool is_list(const ordered_json& manifest, const char* key, const IsEntry& is_right) {
    const ordered_json list = manifest.value(key, ordered_json());
    return list.is_array() && std::ranges::all_of(list, is_right);
}

/// Those inputs of the step that were otherwise.
std::vector<std::string> changes(const ordered_json& before, const ordered_json& now) {
    std::vector<std::string> names;
    for (const auto& [key, value] : now.items()) {
        if (!before.is_object() || before.value(key, ordered_json()) != value) names.push_back(key);
    }
    return names;
}

/// The manifest of an earlier run into the folder; null where there is none.
ordered_json earlier_manifest(const fs::path& folder) {
    std::error_code none;
    if (!fs::exists(folder, none) || (fs::is_directory(folder, none) && fs::is_empty(folder, none))) return nullptr;
    if (fs::exists(manifest_of(folder), none)) return read_manifest(folder);
    if (!fs::exists(text_of(folder), none)) throw no_experiment(folder);
    return nullptr;
}

/// A killed run has had no time to say how far it came.
std::size_t count_done(const Plan& plan, const Step& step) {
    const fs::path place = plan.folder / step.place;
    if (step.kind == StepKind::Judging) return eval::recorded_keys(place).size();
    const fs::path records = step.kind == StepKind::Shift ? shift::records_file(place) : place;
    std::size_t count = 0;
    std::error_code none;
    if (!fs::exists(records, none)) return 0;
    (void)for_each_written_line(records, [&](std::size_t, const ordered_json& record) {
        if (!generate::is_failure(record)) ++count;
    });
    return count;
}

void take_over(const ordered_json& entry, Step& step) {
    step.done = entry.value("done", std::size_t{0});
    step.finished = entry.value("finished", false);
    step.seconds = entry.value("seconds", 0.0);
    step.units = entry.value("units", std::uint64_t{0});
}

ordered_json entry_of(const Step& step) {
    return {{"kind", name(step.kind)}, {"name", step.name},    {"key", step.key},           {"place", step.place},
            {"total", step.total},     {"done", step.done},    {"finished", step.finished}, {"seconds", step.seconds},
            {"units", step.units},     {"inputs", step.inputs}};
}

/// What earlier plans know of the steps, and which steps only they have.
void compare_with(const ordered_json& manifest, const fs::path& folder, Plan& plan) {
    plan.earlier = ordered_json::array();
    ordered_json last = ordered_json::array();
    ordered_json known = ordered_json::array();
    if (manifest.is_object()) {
        last = manifest["steps"];
        known = manifest["earlier"];
        known.insert(known.end(), last.begin(), last.end());
    }
    std::set<std::string> places;
    for (Step& step : plan.steps) {
        places.insert(step.place);
        for (const ordered_json& entry : known) {
            std::error_code none;
            if (entry.value("place", "") == step.place && fs::exists(folder / step.place, none)) take_over(entry, step);
        }
        if (!step.finished) step.done = count_done(plan, step);
        for (const ordered_json& entry : last) {
            const bool is_same = entry.value("kind", "") == name(step.kind) && entry.value("name", "") == step.name;
            if (!is_same || entry.value("key", "") == step.key) continue;
            step.before = entry.value("place", "");
            step.changed = changes(entry.value("inputs", ordered_json()), step.inputs);
        }
    }
    for (ordered_json& entry : known) {
        if (!places.contains(entry.value("place", ""))) plan.earlier.push_back(std::move(entry));
    }
}

std::vector<generate::Instruction> questions_of(const Spec& spec) {
    std::vector<generate::Instruction> all = generate::read_instructions(spec.questions);
    const eval::Filter filter = app::filter_of(spec.items);
    const std::size_t total = all.size();
    std::size_t position = 0;
    std::map<std::string, eval::Item> items;
    if (!filter.where.empty() || filter.ids) {
        for (const generate::Instruction& question : all) {
            items[question.id] = eval::item_from_json(question.fields, position++);
        }
    }
    std::vector<generate::Instruction> kept =
        eval::keep(std::move(all), filter,
                   [&](const generate::Instruction& question) -> const eval::Item& { return items[question.id]; });
    if (kept.empty()) {
        throw error(ErrorKind::BadInput, "{}: the conditions leave none of {} questions",
                    printable(spec.questions.string()), total);
    }
    return kept;
}

/// What steps like this one have done in a second; 0: not known.
double rate_of(const Plan& plan, const Step& step, std::string_view input) {
    double seconds = 0;
    double units = 0;
    const auto add = [&](const ordered_json& entry) {
        if (entry.value("kind", "") != name(step.kind)) return;
        if (entry.at("inputs").value(input, ordered_json()) != step.inputs.value(input, ordered_json())) return;
        seconds += entry.value("seconds", 0.0);
        units += entry.value("units", 0.0);
    };
    for (const Step& other : plan.steps) add(entry_of(other));
    for (const ordered_json& entry : plan.earlier) add(entry);
    return seconds > 0 ? units / seconds : 0;
}

/// New tokens of an answer, as steps of this experiment have them; else the most.
double tokens_of_answer(const Spec& spec, const Plan& plan) {
    double tokens = 0;
    double answers = 0;
    for (const Step& step : plan.steps) {
        if (step.kind != StepKind::Answers || step.done == 0 || step.units == 0) continue;
        tokens += static_cast<double>(step.units);
        answers += static_cast<double>(step.done);
    }
    return answers > 0 ? tokens / answers : spec.sampling.max_tokens;
}

}  // namespace

std::string_view name(StepKind kind) {
    switch (kind) {
        case StepKind::Answers: return "answers";
        case StepKind::Judging: return "judging";
        case StepKind::Shift: return "shift";
    }
    return "";
}

ordered_json read_manifest(const fs::path& folder) {
    const ordered_json manifest = read_json_file(manifest_of(folder));
    if (!manifest.is_object() || manifest.value("format", ordered_json()) != kFormat) throw no_experiment(folder);
    const auto is_method = [](const ordered_json& entry) { return are_texts(entry, {"name", "label"}); };
    const auto is_pair = [](const ordered_json& entry) { return are_texts(entry, {"name", "base", "aligned"}); };
    const auto is_comparison = [](const ordered_json& entry) {
        return entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string();
    };
    if (!are_texts(manifest, {"title"}) || !is_list(manifest, "steps", is_entry) ||
        !is_list(manifest, "earlier", is_entry) || !is_list(manifest, "methods", is_method) ||
        !is_list(manifest, "pairs", is_pair) || !is_list(manifest, "comparisons", is_comparison)) {
        throw error(ErrorKind::BadInput, "{} is damaged: remove it, and the same command finds again what was done",
                    printable(manifest_of(folder).string()));
    }
    return manifest;
}

Plan make_plan(const Spec& spec, const fs::path& folder) {
    Plan plan;
    plan.folder = folder;
    const ordered_json manifest = earlier_manifest(folder);
    plan.questions = questions_of(spec);
    Sha256 hash;
    for (const generate::Instruction& question : plan.questions) {
        hash.update(question.id + "\n" + question.fields.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
    }
    plan.questions_hash = hash.finish_hex();
    plan.steps = steps_of(spec, plan);
    compare_with(manifest, folder, plan);
    for (Step& step : plan.steps) {
        step.total =
            plan.questions.size() * (step.kind == StepKind::Judging ? spec.judging->judges.size() : std::size_t{1});
    }
    return plan;
}

void write_plan(const Spec& spec, const Plan& plan) {
    make_directories(plan.folder);
    ordered_json methods = ordered_json::array();
    for (const Method& method : spec.methods) methods.push_back({{"name", method.name}, {"label", method.label}});
    ordered_json comparisons = ordered_json::array();
    for (const Comparison& comparison : spec.comparisons) {
        comparisons.push_back({spec.methods[comparison.method].name, spec.methods[comparison.against].name});
    }
    ordered_json pairs = ordered_json::array();
    for (const ShiftPair& pair : spec.pairs) {
        pairs.push_back({{"name", pair.name},
                         {"base", spec.methods[pair.base].name},
                         {"aligned", spec.methods[pair.aligned].name}});
    }
    ordered_json steps = ordered_json::array();
    for (const Step& step : plan.steps) steps.push_back(entry_of(step));
    const ordered_json manifest{{"format", kFormat},
                                {"title", spec.title},
                                {"questions", {{"count", plan.questions.size()}, {"sha256", plan.questions_hash}}},
                                {"methods", std::move(methods)},
                                {"comparisons", std::move(comparisons)},
                                {"pairs", std::move(pairs)},
                                {"steps", std::move(steps)},
                                {"earlier", plan.earlier}};
    write_file_atomic(text_of(plan.folder), spec.text);
    write_file_atomic(manifest_of(plan.folder),
                      manifest.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n");
}

Estimate estimate(const Spec& spec, const Plan& plan, const Step& step) {
    Estimate estimated;
    if (step.finished) return estimated;
    const auto left = static_cast<double>(step.total - std::min(step.done, step.total));
    const double tokens = tokens_of_answer(spec, plan);
    double units = left * tokens;
    double rate = 0;
    switch (step.kind) {
        case StepKind::Answers:
            estimated.most_tokens =
                static_cast<std::uint64_t>(left) * static_cast<std::uint64_t>(spec.sampling.max_tokens);
            rate = rate_of(plan, step, "model");
            break;
        case StepKind::Shift: rate = rate_of(plan, step, "model"); break;
        case StepKind::Judging:
            estimated.most_tokens =
                static_cast<std::uint64_t>(left) * static_cast<std::uint64_t>(spec.judging->max_tokens);
            units = left;
            rate = rate_of(plan, step, "judges");
            break;
    }
    if (rate > 0) estimated.seconds = units / rate;
    return estimated;
}

}  // namespace urial::experiment
