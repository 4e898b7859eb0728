#include "experiment/run.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "app/answerers.h"
#include "app/judges.h"
#include "app/judging.h"
#include "app/shift_run.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "generate/batch_run.h"
#include "shift/shift.h"

namespace urial::experiment {
namespace {

using Clock = std::chrono::steady_clock;

double rate(std::uint64_t units, double seconds) { return seconds > 0 ? static_cast<double>(units) / seconds : 0; }

/// What a judged folder has cost so far, USD.
double spent_in(const fs::path& folder) {
    std::error_code none;
    if (!fs::exists(folder / eval::kManifestFile, none)) return 0;
    const eval::Json manifest = read_json_file(folder / eval::kManifestFile);
    return manifest.contains("bill") ? eval::bill_from_json(manifest["bill"]).cost : 0;
}

/// An answer as long as it may be, for estimates.
std::vector<eval::AnsweredItem> longest_answers(const Spec& spec, const Plan& plan) {
    constexpr std::size_t kBytesOfToken = 4;
    const std::string output(static_cast<std::size_t>(spec.sampling.max_tokens) * kBytesOfToken, 'x');
    std::vector<eval::AnsweredItem> answers;
    for (std::size_t i = 0; i < plan.questions.size(); ++i) {
        answers.push_back({eval::item_from_json(plan.questions[i].fields, i), {output, {}, "any"}});
    }
    return answers;
}

class Experiment {
public:
    Experiment(const Spec& spec, Plan& plan, const RunOptions& options) : spec_(spec), plan_(plan), options_(options) {}

    Outcome run() {
        write_plan(spec_, plan_);
        for (Step& step : plan_.steps) {
            if (step.finished) continue;
            if (options_.began) options_.began(step);
            const Clock::time_point began = Clock::now();
            const std::uint64_t units = do_step(step);
            // A step that found all of it done has no speed.
            if (units > 0) step.seconds += std::chrono::duration<double>(Clock::now() - began).count();
            step.units += units;
            write_plan(spec_, plan_);
            if (options_.ended) options_.ended(step);
            if (outcome_.interrupted || outcome_.out_of_money) break;
        }
        return outcome_;
    }

    std::optional<double> most_judging_cost() {
        const std::optional<eval::Rubric> rubric =
            spec_.judging->rubric.empty() ? std::nullopt : std::optional(eval::load_rubric(spec_.judging->rubric));
        const std::vector<eval::JudgeTask> tasks = eval::score_tasks(longest_answers(spec_, plan_), rubric);
        app::Jury& jury = opened_jury();
        double cost = 0;
        for (const Step& step : plan_.steps) {
            if (step.kind != StepKind::Judging || step.finished) continue;
            jury.options.folder = plan_.folder / step.place;
            const eval::JudgeEstimate estimated = eval::estimate_run(tasks, jury.options);
            if (!estimated.unpriced.empty()) return std::nullopt;
            const double share = static_cast<double>(step.total - std::min(step.done, step.total)) /
                                 static_cast<double>(std::max<std::size_t>(1, step.total));
            cost += share * estimated.most_cost;
        }
        return cost;
    }

private:
    /// What it did: new tokens, positions, requests.
    std::uint64_t do_step(Step& step) {
        switch (step.kind) {
            case StepKind::Answers: return answer(step);
            case StepKind::Shift: return compare(step);
            case StepKind::Judging: return judge(step);
        }
        return 0;
    }

    fs::path path_of(const Step& step) const { return plan_.folder / step.place; }
    Step& answers_of(std::size_t method) { return plan_.steps[method]; }  // they come first, in the methods' order
    bool interrupted() const { return options_.interrupted && options_.interrupted(); }
    void show(const Step& step, std::string_view text) const {
        if (options_.progress) options_.progress(step, text);
    }

    app::ModelChoice model_of(const Method& method) const {
        app::ModelChoice choice = options_.loading;
        choice.model = spec_.models[method.model].model;
        choice.adapters = spec_.models[method.model].adapters;
        return choice;
    }

    app::PromptChoice prompt_of(const Method& method) const {
        app::PromptChoice prompt = method.prompt;
        app::adopt_loading(prompt.retrieval.encoder, options_.loading);
        return prompt;
    }

    std::uint64_t answer(Step& step) {
        const Method& method = spec_.methods[step.index];
        make_directories(path_of(step).parent_path());
        const std::unique_ptr<generate::Answerer> answerer = app::open_answerer(
            model_of(method), prompt_of(method), {.parallel = spec_.parallel, .context = spec_.context, .opened = {}},
            options_.callbacks);
        generate::BatchOptions batch;
        batch.output = path_of(step);
        batch.generator = method.label;
        batch.sampling = spec_.sampling;
        batch.origin = {
            {"experiment", spec_.title}, {"method", method.name}, {"questions_sha256", plan_.questions_hash}};
        batch.interrupted = options_.interrupted;
        batch.notice = options_.notice;
        batch.progress = [&](const generate::BatchProgress& progress) {
            step.done = progress.done;
            show(step, fmt::format("{:.0f} tokens/s", rate(progress.tokens, progress.seconds)));
        };
        const generate::BatchSummary summary = generate::run_batch(*answerer, plan_.questions, batch);
        step.done = summary.progress.done;
        finish(step, summary.progress.failed, summary.interrupted);
        return summary.progress.tokens;
    }

    std::uint64_t compare(Step& step) {
        const ShiftPair& pair = spec_.pairs[step.index];
        const Method& base = spec_.methods[pair.base];
        const Method& aligned = spec_.methods[pair.aligned];
        app::PairChoice choice;
        choice.base = side_of(base);
        choice.aligned = side_of(aligned);
        choice.chat_template =
            aligned.prompt.chat_template.empty() ? base.prompt.chat_template : aligned.prompt.chat_template;
        choice.retrieval = prompt_of(base.prompt.retrieval.pool.empty() ? aligned : base).retrieval;
        choice.loading = options_.loading;
        const fs::path answers = path_of(answers_of(pair.aligned));
        const std::vector<shift::ShiftItem> items = app::read_shift_answers(answers, options_.callbacks);
        shift::ShiftOptions shift;
        make_directories(path_of(step).parent_path());
        shift.folder = path_of(step);
        shift.parallel = spec_.parallel;
        shift.max_tokens = spec_.sampling.max_tokens;
        shift.session = app::session_options(choice.loading, options_.callbacks);
        shift.origin = {{"experiment", spec_.title}, {"base", base.name}, {"aligned", aligned.name}};
        shift.interrupted = options_.interrupted;
        shift.notice = options_.notice;
        shift.progress = [&](const shift::ShiftProgress& progress) {
            step.done = progress.done;
            show(step, fmt::format("{:.0f} positions/s", rate(progress.positions, progress.seconds)));
        };
        const shift::ShiftOutcome outcome = app::run_shift(choice, items, shift, options_.callbacks);
        step.done = outcome.progress.done;
        finish(step, outcome.progress.failed, outcome.interrupted);
        if (step.done > 0) (void)app::summarize_shift_run(path_of(step));
        step.finished = step.finished && answers_of(pair.aligned).finished;
        return outcome.progress.positions;
    }

    app::SideChoice side_of(const Method& method) const {
        const ModelEntry& model = spec_.models[method.model];
        return {model.model, model.adapters, method.prompt.prompt};
    }

    app::Jury& opened_jury() {
        if (jury_) return *jury_;
        app::JuryChoice choice;
        choice.judges = spec_.judging->judges;
        choice.local = options_.loading;
        choice.timeout_seconds = options_.loading.timeout_seconds;
        choice.prices = spec_.judging->prices;
        choice.run.max_tokens = static_cast<std::size_t>(spec_.judging->max_tokens);
        choice.run.concurrency = spec_.judging->concurrency;
        return jury_.emplace(app::open_jury(choice, options_.callbacks));
    }

    /// What the judging of one method may cost, so that all together stays below the limit.
    std::optional<double> money_for(const Step& step) const {
        if (!spec_.judging->max_cost) return std::nullopt;
        double elsewhere = 0;
        for (const Step& other : plan_.steps) {
            if (other.kind == StepKind::Judging && other.place != step.place) elsewhere += spent_in(path_of(other));
        }
        return std::max(0.0, *spec_.judging->max_cost - elsewhere);
    }

    std::uint64_t judge(Step& step) {
        app::JudgedFiles files;
        const fs::path answers = path_of(answers_of(step.index));
        files.answers = {answers.string(), answers};
        files.rubric = spec_.judging->rubric;
        const std::vector<eval::JudgeTask> tasks = app::judge_tasks(app::Judging::Score, files, options_.callbacks);
        app::Jury& jury = opened_jury();
        jury.options.folder = path_of(step);
        jury.options.origin = app::origin_of(app::Judging::Score, files);
        jury.options.max_cost = money_for(step);
        jury.options.interrupted = options_.interrupted;
        jury.options.notice = options_.notice;
        jury.options.detail = options_.callbacks.detail;
        jury.options.progress = [&](const eval::JudgeProgress& progress) {
            step.done = progress.done;
            show(step, "");
        };
        make_directories(path_of(step).parent_path());
        const eval::JudgeSummary summary = eval::run_judges(tasks, jury.options);
        step.done = summary.progress.done;
        step.total = summary.progress.total;
        outcome_.out_of_money = summary.out_of_money;
        finish(step, summary.progress.failed, summary.interrupted);
        step.finished = step.finished && summary.finished() && answers_of(step.index).finished;
        return summary.progress.done - std::min(summary.progress.done, summary.resumed);
    }

    void finish(Step& step, std::size_t failed, bool interrupted) {
        outcome_.failed += failed;
        outcome_.interrupted = outcome_.interrupted || interrupted;
        step.finished = failed == 0 && !interrupted;
    }

    const Spec& spec_;
    Plan& plan_;
    const RunOptions& options_;
    Outcome outcome_;
    std::optional<app::Jury> jury_;  // opened for the first step that asks it
};

}  // namespace

Outcome run(const Spec& spec, Plan& plan, const RunOptions& options) { return Experiment(spec, plan, options).run(); }

std::optional<double> most_judging_cost(const Spec& spec, const Plan& plan, const RunOptions& options) {
    if (!spec.judging) return std::nullopt;
    Plan copy = plan;
    return Experiment(spec, copy, options).most_judging_cost();
}

}  // namespace urial::experiment
