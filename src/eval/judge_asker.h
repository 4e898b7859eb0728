#pragma once

// One judgement from the first request to the record: retries, second asking, budget. Shared by the threads of a run.

#include <atomic>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "eval/judge_run.h"

namespace urial::eval {

struct JudgeJob {
    const JudgeTask* task = nullptr;
    const JudgeSeat* seat = nullptr;
    std::string key;
};

/// USD; std::nullopt without a price.
std::optional<double> most_cost(const JudgeSeat& seat, const JudgeRequest& request, const Json& schema,
                                std::size_t max_tokens);

/// What an attempt is taken to cost: by its tokens; nothing where the server said no; else the most that it can be.
std::optional<double> cost_of_attempt(const JudgeSeat& seat, const JudgeReply& reply, std::optional<double> most);

/// The record of a judgement from all replies to it; std::nullopt where another one is to be asked for.
std::optional<EvalRecord> settled_record(const JudgeJob& job, const std::vector<std::string>& replies);
/// The record of one whose requests all failed.
EvalRecord failed_record(const JudgeJob& job, const std::string& message);

class JudgeAsker {
public:
    /// `stop` ends waiting and keeps from sending; what is in flight is waited for.
    JudgeAsker(JudgeLog& log, Budget& budget, const JudgeRunOptions& options, std::stop_token stop)
        : log_(log), budget_(budget), options_(options), stop_(std::move(stop)) {}

    /// std::nullopt when the run was stopped or the money did not suffice: then nothing is to be recorded.
    std::optional<EvalRecord> judge(const JudgeJob& job);

    bool out_of_money() const { return out_of_money_; }
    /// Lines about failures since the last call.
    std::vector<std::string> take_details();

private:
    std::optional<JudgeReply> send(const JudgeJob& job);
    void wait_after(const JudgeJob& job, const JudgeFailure& failure, int failures);
    void tell(const JudgeJob& job, std::string_view what);

    JudgeLog& log_;
    Budget& budget_;
    const JudgeRunOptions& options_;
    const std::stop_token stop_;
    std::atomic<bool> out_of_money_{false};
    Mutex mutex_;
    Condition waiting_;
    std::mt19937_64 random_ GUARDED_BY(mutex_){std::random_device{}()};
    std::vector<std::string> details_ GUARDED_BY(mutex_);
};

}  // namespace urial::eval
