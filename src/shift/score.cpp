#include "shift/score.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "shift/pair_run.h"

namespace urial::shift {
namespace {

using Clock = std::chrono::steady_clock;

bool are_generated(std::span<const ShiftItem* const> items) {
    return std::ranges::any_of(items, [](const ShiftItem* item) { return !is_given(*item); });
}

/// Of one session.
int cells(const std::vector<PairTask>& tasks, std::vector<Token> PairTask::*prompt, std::size_t prefix,
          std::size_t at_once, int max_tokens) {
    std::vector<std::size_t> needs;
    for (const PairTask& task : tasks) needs.push_back((task.*prompt).size() + task.answer_cells(max_tokens));
    return session_cells(std::move(needs), prefix, at_once);
}

}  // namespace

bool is_given(const ShiftItem& item) { return !item.answer_ids.empty() || item.answer_text; }

Scorer::Scorer(const Side& base, const Side& aligned, std::size_t allowed_mismatch)
    : base_(base),
      aligned_(aligned),
      base_prompt_(base.model, base.prompt),
      aligned_prompt_(aligned.model, aligned.prompt),
      vocabulary_(compare_vocabularies(*base.model, *aligned.model, allowed_mismatch)) {}

int Scorer::sequences(std::span<const ShiftItem* const> items, const ScoreOptions& options) {
    const int most = are_generated(items) ? std::min(options.parallel, kMostSequences) : kGivenSequences;
    return static_cast<int>(std::min(items.size(), static_cast<std::size_t>(most)));
}

PairTask Scorer::task_of(const ShiftItem& item, int max_tokens) const {
    PairTask task;
    task.base_prompt = item.base_prompt_ids.empty() ? base_prompt_.tokenize(item.conversation) : item.base_prompt_ids;
    task.aligned_prompt =
        item.aligned_prompt_ids.empty() ? aligned_prompt_.tokenize(item.conversation) : item.aligned_prompt_ids;
    task.answer = item.answer_ids;
    if (task.answer.empty() && item.answer_text) {
        task.answer = aligned_prompt_.answer_tokens(item.conversation, task.aligned_prompt, *item.answer_text);
        const std::optional<Token> end = aligned_.prompt->answer_end(*aligned_.model);
        if (item.answer_ended && end) task.answer.push_back(*end);
    }
    // An end that only the aligned model knows is not compared, in written answers neither.
    if (task.answer.size() > 1 && aligned_.model->ends_generation(task.answer.back()) &&
        !vocabulary_.shares(task.answer.back())) {
        task.answer.pop_back();
    }
    for (const Token token : task.answer) {
        if (vocabulary_.shares(token)) continue;
        throw error(ErrorKind::BadInput, "token {} of the answer is not shared by the two vocabularies", token);
    }
    const std::size_t answer = task.answer_cells(max_tokens);
    check_room(*base_.model, task.base_prompt.size(), answer);
    check_room(*aligned_.model, task.aligned_prompt.size(), answer);
    return task;
}

void Scorer::score(std::span<const ShiftItem* const> items, const ScoreOptions& options,
                   const std::function<void()>& ready, const Done& done) const {
    std::vector<PairTask> tasks;
    for (std::size_t i = 0; i < items.size(); ++i) {
        try {
            tasks.push_back(task_of(*items[i], options.max_tokens));
            if (options.on_position) {
                tasks.back().on_position = [&options, i](const PositionStats& at) { options.on_position(i, at); };
            }
            tasks.back().on_done = [&done, i](ScoredAnswer&& scored) { done(i, std::move(scored)); };
        } catch (const Error& failure) {
            ScoredAnswer failed;
            failed.failure = failure.what();
            done(i, std::move(failed));
        }
    }
    if (tasks.empty()) return;
    PairRunOptions run_options;
    run_options.session = options.session;
    run_options.sequences = std::min(sequences(items, options), static_cast<int>(tasks.size()));
    const std::size_t at_once = are_generated(items) ? static_cast<std::size_t>(run_options.sequences) : kGivenAtOnce;
    run_options.base_context =
        cells(tasks, &PairTask::base_prompt, base_prompt_.prefix().size(), at_once, options.max_tokens);
    run_options.aligned_context =
        cells(tasks, &PairTask::aligned_prompt, aligned_prompt_.prefix().size(), at_once, options.max_tokens);
    run_options.top_k = options.top_k;
    run_options.max_tokens = options.max_tokens;
    run_options.answer_form = aligned_.prompt->answer_form();
    run_options.live = options.live;
    PairRun run(base_, aligned_, base_prompt_.prefix(), aligned_prompt_.prefix(), vocabulary_, run_options);
    ready();
    for (PairTask& task : tasks) run.submit(std::move(task));
    tasks.clear();
    const Clock::time_point start = Clock::now();
    while (run.step()) {
        if (options.progress) {
            options.progress({.positions = run.positions(),
                              .seconds = std::chrono::duration<double>(Clock::now() - start).count(),
                              .statistics_seconds = run.statistics_seconds(),
                              .base_seconds = run.base_seconds(),
                              .aligned_seconds = run.aligned_seconds()});
        }
        if (options.interrupted && options.interrupted()) throw engine::Cancelled();
    }
}

std::vector<ScoredAnswer> score_answers(const Side& base, const Side& aligned, std::span<const ShiftItem> items,
                                        const ScoreOptions& options) {
    std::vector<const ShiftItem*> pointers;
    for (const ShiftItem& item : items) pointers.push_back(&item);
    std::vector<ScoredAnswer> scored(items.size());
    Scorer(base, aligned, options.allowed_vocabulary_mismatch)
        .score(
            pointers, options, [] {}, [&](std::size_t i, ScoredAnswer&& answer) { scored[i] = std::move(answer); });
    return scored;
}

}  // namespace urial::shift
