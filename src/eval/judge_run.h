#pragma once

// A judging run: tasks are put to one or several judges, a few at a time, and every reply is recorded at once. It may
// be killed at any point and goes on where it stopped; docs/judging.md says what is counted and kept. The calling
// thread waits, reports progress and may interrupt; threads of the run do the asking.

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/judge.h"
#include "eval/judge_log.h"
#include "eval/judge_tasks.h"
#include "eval/price.h"
#include "http/http.h"

namespace urial::eval {

/// One judge of the jury.
struct JudgeSeat {
    Judge* judge = nullptr;      ///< outlives the run
    std::optional<Price> price;  ///< std::nullopt: not known
    Json description;            ///< what the manifest says about it
};

struct JudgeProgress {
    std::size_t done = 0;  ///< judgements recorded, those of earlier runs included
    std::size_t total = 0;
    std::size_t unscored = 0;  ///< of them, with some aspect unscored
    std::size_t failed = 0;    ///< of those, because no request got a reply
    Bill bill;
};

struct JudgeRunOptions {
    std::filesystem::path folder;
    std::vector<JudgeSeat> judges;  ///< names must differ
    std::size_t max_tokens = 1024;  ///< the most that a reply may have
    int concurrency = 4;            ///< requests in flight
    http::RetryOptions retry;
    std::optional<double> max_cost;     ///< USD for the folder, all runs together
    Json origin;                        ///< what the caller adds to the manifest: command, files
    std::function<bool()> interrupted;  ///< true: send nothing more, wait for what is in flight, stop
    std::function<void(const JudgeProgress&)> progress;
    std::function<void(std::string_view)> notice;  ///< a line for the user: resuming, repairs
    std::function<void(std::string_view)> detail;  ///< a line for the curious: failures, unreadable replies
};

struct JudgeSummary {
    JudgeProgress progress;
    std::size_t resumed = 0;  ///< judgements that earlier runs had left
    bool interrupted = false;
    std::map<std::string, std::size_t> failures;  ///< why judgements of this run failed, and how many for each reason
    bool out_of_money = false;                    ///< the next request did not fit under max_cost
    bool finished() const { return progress.done == progress.total; }
};

/// Each reply that cannot be read is asked for once more. Throws Error{BadInput} before anything is sent when a request
/// cannot be made or a price is missing under max_cost; what a judge throws (a refused key) stops the run. In every
/// case the folder can be continued.
JudgeSummary run_judges(const std::vector<JudgeTask>& tasks, const JudgeRunOptions& options);

/// The key of every judgement of the run that its folder (where one is named) does not have yet, with its task and its
/// judge's place.
struct OpenJudgement {
    std::string key;
    const JudgeTask* task = nullptr;
    std::size_t seat = 0;
};
std::vector<OpenJudgement> open_judgements(const std::vector<JudgeTask>& tasks, const JudgeRunOptions& options);

/// What a judge is asked, with a new random nonce. Throws Error{BadInput} where the rubric needs what is not there.
JudgeRequest make_request(const JudgeTask& task);

/// A reply that came in another way than by asking.
struct KeyedReply {
    std::string key;  ///< task_key()
    JudgeReply reply;
};
struct ImportedReplies {
    JudgeSummary run;
    std::size_t read = 0;
    std::size_t taken = 0;
    std::size_t unreadable = 0;  ///< replies without a verdict: one more is to be asked for
    std::size_t failed = 0;      ///< judgements whose replies all say why there is none
    std::size_t missing = 0;     ///< judgements without a reply that can be read
    std::size_t repeated = 0;    ///< replies to a judgement that is recorded
    std::size_t foreign = 0;     ///< replies to none of these
};
/// Writes the run's folder from the replies that `next` gives, until it gives none. What is missing is left to a later
/// import, or to run_judges(). Throws as run_judges().
ImportedReplies import_replies(const std::vector<JudgeTask>& tasks, const JudgeRunOptions& options,
                               const std::function<std::optional<KeyedReply>()>& next);

/// What a run would send if every request succeeded at once; judgements that the folder has already are left out.
struct JudgeEstimate {
    std::size_t requests = 0;
    std::size_t recorded = 0;  ///< judgements that are there already
    std::size_t prompt_tokens = 0;
    std::size_t most_completion_tokens = 0;
    double most_cost = 0;               ///< USD, of the judges that have a price
    std::vector<std::string> unpriced;  ///< judges without one
};
JudgeEstimate estimate_run(const std::vector<JudgeTask>& tasks, const JudgeRunOptions& options);

}  // namespace urial::eval
