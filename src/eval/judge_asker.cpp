#include "eval/judge_asker.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "eval/verdict.h"

namespace urial::eval {
namespace {

/// A reply that cannot be read is asked for once more.
constexpr std::size_t kMostReplies = 2;
constexpr std::size_t kNonceLength = 24;

std::string new_nonce() {
    static constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
    thread_local std::random_device source;
    std::uniform_int_distribution<std::size_t> pick(0, kAlphabet.size() - 1);
    std::string nonce;
    while (nonce.size() < kNonceLength) nonce += kAlphabet[pick(source)];
    return nonce;
}

std::size_t count_unscored(const std::vector<AspectVerdict>& verdicts) {
    return static_cast<std::size_t>(std::ranges::count_if(
        verdicts, [](const AspectVerdict& entry) { return std::holds_alternative<Unscored>(entry.verdict); }));
}

struct ReadReply {
    std::string text;
    std::vector<AspectVerdict> verdicts;
};

ReadReply read(const Rubric& rubric, std::string text) {
    std::vector<AspectVerdict> verdicts = parse_reply(rubric, text);
    return {std::move(text), std::move(verdicts)};
}

bool is_settled(const std::vector<ReadReply>& replies) {
    return replies.size() >= kMostReplies || (!replies.empty() && !is_unscored(replies.back().verdicts));
}

/// Of several replies the one that says more; of equals the last.
void fill_in(EvalRecord& record, std::vector<ReadReply> replies) {
    for (ReadReply& reply : replies) {
        if (!record.verdicts.empty() && count_unscored(reply.verdicts) > count_unscored(record.verdicts)) continue;
        record.verdicts = std::move(reply.verdicts);
        record.reply = std::move(reply.text);
    }
}

void fill_in_failure(EvalRecord& record, const Rubric& rubric, const std::string& message) {
    for (const RubricAspect& aspect : rubric.aspects) {
        record.verdicts.push_back({aspect.name, Unscored{UnscoredReason::RequestFailed, message}});
    }
}

}  // namespace

std::optional<double> cost_of_attempt(const JudgeSeat& seat, const JudgeReply& reply, std::optional<double> most) {
    if (reply.usage) return seat.price ? std::optional(cost_of(*seat.price, *reply.usage)) : std::nullopt;
    if (reply.failure && !reply.failure->may_be_billed) return 0;
    return most;
}

std::optional<EvalRecord> settled_record(const JudgeJob& job, const std::vector<std::string>& replies) {
    std::vector<ReadReply> all;
    for (const std::string& reply : replies) all.push_back(read(*job.task->rubric, reply));
    if (!is_settled(all)) return std::nullopt;
    EvalRecord record = unjudged(*job.task, job.seat->judge->name());
    fill_in(record, std::move(all));
    return record;
}

EvalRecord failed_record(const JudgeJob& job, const std::string& message) {
    EvalRecord record = unjudged(*job.task, job.seat->judge->name());
    fill_in_failure(record, *job.task->rubric, message);
    return record;
}

JudgeRequest make_request(const JudgeTask& task) {
    return render(*task.rubric, task.item, task.answer, new_nonce(), task.other);
}

std::optional<double> most_cost(const JudgeSeat& seat, const JudgeRequest& request, const Json& schema,
                                std::size_t max_tokens) {
    if (!seat.price) return std::nullopt;
    return cost_of(*seat.price, {seat.judge->count_tokens(request, schema), max_tokens});
}

std::optional<EvalRecord> JudgeAsker::judge(const JudgeJob& job) {
    const Rubric& rubric = *job.task->rubric;
    std::vector<ReadReply> replies;
    for (const std::string& earlier : log_.replies(job.key)) replies.push_back(read(rubric, earlier));
    std::string last_failure;
    int failures = 0;
    while (!is_settled(replies)) {
        if (stop_.stop_requested()) return std::nullopt;
        std::optional<JudgeReply> reply = send(job);
        if (!reply) return std::nullopt;
        if (!reply->failure) {
            replies.push_back(read(rubric, std::move(reply->text)));
            failures = 0;
            if (is_unscored(replies.back().verdicts)) {
                tell(job, fmt::format("reply {} cannot be read", replies.size()));
            }
            continue;
        }
        last_failure = reply->failure->message;
        if (reply->failure->retryable && stop_.stop_requested()) return std::nullopt;
        if (!reply->failure->retryable || ++failures >= options_.retry.most_failures) break;
        wait_after(job, *reply->failure, failures);
    }
    EvalRecord record = unjudged(*job.task, job.seat->judge->name());
    if (replies.empty()) fill_in_failure(record, rubric, last_failure);
    fill_in(record, std::move(replies));
    return record;
}

std::optional<JudgeReply> JudgeAsker::send(const JudgeJob& job) {
    const JudgeRequest request = make_request(*job.task);
    const Json schema = sent_schema(*job.task->rubric);
    Attempt attempt{job.key, 0, job.seat->judge->name(), job.task->item.id,
                    most_cost(*job.seat, request, schema, options_.max_tokens)};
    const double reserved = attempt.most_cost.value_or(0);
    if (!budget_.reserve(reserved, stop_)) {
        if (!stop_.stop_requested()) out_of_money_ = true;
        return std::nullopt;
    }
    log_.begin(attempt);
    JudgeReply reply;
    std::exception_ptr thrown;
    try {
        reply = job.seat->judge->ask(request, schema, options_.max_tokens);
    } catch (const std::exception& problem) {
        thrown = std::current_exception();
        reply.failure = JudgeFailure{false, problem.what(), std::nullopt, false};
    }
    const std::optional<double> cost = cost_of_attempt(*job.seat, reply, attempt.most_cost);
    log_.end(attempt, reply, cost);
    budget_.settle(reserved, cost.value_or(0));
    if (thrown) std::rethrow_exception(thrown);
    if (reply.failure) tell(job, reply.failure->message);
    return reply;
}

void JudgeAsker::wait_after(const JudgeJob& job, const JudgeFailure& failure, int failures) {
    if (failure.retry_after && *failure.retry_after > options_.retry.longest_retry_after) {
        throw error(ErrorKind::Unavailable,
                    "judge {} asks to come back in {}: run the same command again then, it goes on where it stopped",
                    job.seat->judge->name(), human_seconds(static_cast<double>(failure.retry_after->count())));
    }
    const MutexLock lock(mutex_);
    const double random = std::uniform_real_distribution<double>(0, 1)(random_);
    const auto wait = http::wait_before_retry(options_.retry, failures, failure.retry_after, random);
    waiting_.sleep_for(mutex_, stop_, wait);
}

void JudgeAsker::tell(const JudgeJob& job, std::string_view what) {
    const MutexLock lock(mutex_);
    details_.push_back(fmt::format("item {}, judge {}: {}", job.task->item.id, job.seat->judge->name(), what));
}

std::vector<std::string> JudgeAsker::take_details() {
    const MutexLock lock(mutex_);
    return std::exchange(details_, {});
}

}  // namespace urial::eval
