#include "eval/judge_tasks.h"

#include <map>

#include "base/error.h"
#include "base/hash.h"
#include "eval/mt_bench.h"

namespace urial::eval {
namespace {

constexpr std::size_t kKeyDigits = 32;
constexpr int kMostTurns = 2;  // the built-in rubrics of MT-bench know two

using SharedRubric = std::shared_ptr<const Rubric>;

SharedRubric share(Rubric rubric) { return std::make_shared<const Rubric>(std::move(rubric)); }

}  // namespace

EvalRecord unjudged(const JudgeTask& task, const std::string& judge) {
    EvalRecord record;
    record.item = task.item;
    record.answer = task.answer;
    record.other = task.other;
    record.rubric = task.rubric->name;
    record.rubric_version = task.rubric->version;
    record.judge = judge;
    record.turn = task.turn;
    record.steering = steering_of(task.answer, task.other, task.turn);
    return record;
}

std::string task_key(const JudgeTask& task, const std::string& judge) {
    const Json record = to_json(unjudged(task, judge));
    const std::string text = record.dump(-1, ' ', false, Json::error_handler_t::replace);
    return sha256_hex(format_rubric(*task.rubric) + '\0' + text).substr(0, kKeyDigits);
}

std::vector<JudgeTask> score_tasks(const std::vector<AnsweredItem>& answers, std::optional<Rubric> rubric) {
    const SharedRubric safety = share(rubric ? *rubric : load_rubric("just-eval-safety"));
    const SharedRubric general = share(rubric ? *std::move(rubric) : load_rubric("just-eval"));
    std::vector<JudgeTask> tasks;
    for (const AnsweredItem& answered : answers) {
        const bool is_safety = answered.item.category == "safety";
        tasks.push_back({is_safety ? safety : general, answered.item, answered.answer, std::nullopt, 1});
    }
    return tasks;
}

PairTasks pair_tasks(const std::vector<AnsweredItem>& a, const std::vector<AnsweredItem>& b, const Rubric& rubric) {
    const SharedRubric shared = share(rubric);
    std::map<std::string, const AnsweredItem*> partners;
    for (const AnsweredItem& answered : b) partners.emplace(answered.item.id, &answered);
    PairTasks result;
    for (const AnsweredItem& first : a) {
        const auto found = partners.find(first.item.id);
        if (found == partners.end()) {
            ++result.unpaired;
            continue;
        }
        const AnsweredItem& second = *found->second;
        if (first.item.instruction != second.item.instruction) {
            throw error(ErrorKind::BadInput, "item {}: the two files have different instructions for it",
                        first.item.id);
        }
        if (first.answer.generator == second.answer.generator) {
            throw error(ErrorKind::BadInput,
                        "item {}: both answers are by \"{}\"; the field \"generator\" must tell them apart",
                        first.item.id, first.answer.generator);
        }
        result.tasks.push_back({shared, first.item, first.answer, second.answer, 1});
        result.tasks.push_back({shared, first.item, second.answer, first.answer, 1});
        partners.erase(found);
    }
    result.unpaired += partners.size();
    if (result.tasks.empty()) throw Error(ErrorKind::BadInput, "the two files have no item in common (by id)");
    return result;
}

std::vector<JudgeTask> tag_tasks(const std::vector<Item>& items, const Rubric& rubric) {
    const SharedRubric shared = share(rubric);
    std::vector<JudgeTask> tasks;
    for (const Item& item : items) tasks.push_back({shared, item, {}, std::nullopt, 1});
    return tasks;
}

std::vector<JudgeTask> mt_bench_tasks(const std::vector<AnsweredItem>& answers) {
    std::map<std::string, SharedRubric> rubrics;
    std::vector<JudgeTask> tasks;
    for (const AnsweredItem& answered : answers) {
        const auto turns = static_cast<int>(1 + answered.answer.follow_ups.size());
        if (turns > kMostTurns) {
            throw error(ErrorKind::BadInput, "item {}: it has {} answered turns; MT-bench judges {}", answered.item.id,
                        turns, kMostTurns);
        }
        for (int turn = 1; turn <= turns; ++turn) {
            SharedRubric& rubric = rubrics[mt_bench_rubric(answered.item, turn)];
            if (!rubric) rubric = share(load_rubric(mt_bench_rubric(answered.item, turn)));
            tasks.push_back({rubric, answered.item, answered.answer, std::nullopt, turn});
        }
    }
    return tasks;
}

}  // namespace urial::eval
