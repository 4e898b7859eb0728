#pragma once

// What a judging run has to do: which rubric is put to a judge for which item and answer. Pure functions.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eval/dataset.h"
#include "eval/record.h"
#include "eval/rubric.h"

namespace urial::eval {

struct JudgeTask {
    std::shared_ptr<const Rubric> rubric;
    Item item;
    Answer answer;                ///< empty for tags
    std::optional<Answer> other;  ///< pairs: answer is shown as A, other as B
    int turn = 1;
};

/// The record of a task without what the judge said.
EvalRecord unjudged(const JudgeTask& task, const std::string& judge);

/// Names one judgement by everything that decides it: the rubric's text, the judge, item, answers and their order.
std::string task_key(const JudgeTask& task, const std::string& judge);

/// `rubric` for every item, or without one just-eval, and just-eval-safety for items of the category "safety".
std::vector<JudgeTask> score_tasks(const std::vector<AnsweredItem>& answers, std::optional<Rubric> rubric);

/// Both orders of every pair. Items are matched by id. Throws Error{BadInput} where an id has different instructions,
/// where no id is common, and where both sides have the same generator.
struct PairTasks {
    std::vector<JudgeTask> tasks;
    std::size_t unpaired = 0;  ///< answers of either side without a partner
};
PairTasks pair_tasks(const std::vector<AnsweredItem>& a, const std::vector<AnsweredItem>& b, const Rubric& rubric);

std::vector<JudgeTask> tag_tasks(const std::vector<Item>& items, const Rubric& rubric);

/// Every turn that was answered, with the rubric that mt_bench_rubric() names.
std::vector<JudgeTask> mt_bench_tasks(const std::vector<AnsweredItem>& answers);

}  // namespace urial::eval
