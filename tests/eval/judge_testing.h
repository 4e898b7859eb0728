#pragma once

// What the tests of judging share: a judge that answers from a function, a rubric of two aspects, tasks made from it.

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "eval/judge_run.h"

namespace urial::eval {

struct ScriptedCall {
    JudgeRequest request;
    std::size_t number = 0;  ///< of this item, from 1
    std::size_t total = 0;   ///< of all items, from 1
};

/// Every request is estimated at 1000 tokens. The script is called by one thread at a time.
class ScriptedJudge final : public Judge {
public:
    using Script = std::function<JudgeReply(const ScriptedCall&)>;
    explicit ScriptedJudge(Script script, std::string name = "scripted")
        : script_(std::move(script)), name_(std::move(name)) {}

    const std::string& name() const override { return name_; }
    std::size_t count_tokens(const JudgeRequest&, const Json&) const override { return 1000; }
    JudgeReply ask(const JudgeRequest& request, const Json&, std::size_t) override {
        std::this_thread::sleep_for(delay);
        const std::lock_guard lock(mutex_);
        const std::string item = request.user.substr(0, request.user.find('|'));
        return script_({request, ++by_item_[item], ++calls_});
    }
    void interrupt() override { interrupted = true; }
    std::size_t calls() const {
        const std::lock_guard lock(mutex_);
        return calls_;
    }

    std::chrono::milliseconds delay{0};
    std::atomic<bool> interrupted = false;

private:
    const Script script_;
    const std::string name_;
    mutable std::mutex mutex_;  // guards what follows
    std::size_t calls_ = 0;
    std::map<std::string, std::size_t> by_item_;
};

inline const std::string kGoodReply =
    R"({"good": {"reason": "it is", "score": 4}, "short": {"reason": "it is", "score": 5}})";

inline JudgeReply replied(const std::string& text) { return {text, Usage{100, 10}, std::nullopt, "{}"}; }

inline JudgeReply failed(bool retryable) {
    return {"", std::nullopt, JudgeFailure{retryable, "it is down", std::nullopt, false}, "{}"};
}

/// Waits of no length, so that tests of failures take none.
inline http::RetryOptions fast_retry() {
    http::RetryOptions retry;
    retry.first_wait = std::chrono::milliseconds(0);
    return retry;
}

/// The request is "QUESTION|NONCE|ANSWER".
inline Rubric test_rubric() {
    Rubric rubric;
    rubric.name = "test";
    rubric.version = "1";
    rubric.text = "{{instruction}}|{{nonce}}|{{output}}";
    rubric.aspects = {{"good", "is it good?", {}, false, false}, {"short", "is it short?", {}, false, false}};
    return rubric;
}

inline std::vector<JudgeTask> some_tasks(std::size_t count) {
    const auto rubric = std::make_shared<const Rubric>(test_rubric());
    std::vector<JudgeTask> tasks;
    for (std::size_t i = 0; i < count; ++i) {
        JudgeTask task{rubric, {}, {"an answer", {}, "model"}, std::nullopt, 1};
        task.item.id = std::to_string(i);
        task.item.instruction = "question " + task.item.id;
        tasks.push_back(std::move(task));
    }
    return tasks;
}

}  // namespace urial::eval
