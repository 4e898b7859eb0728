#include "eval/judge_run.h"

#include <algorithm>

#include <sys/stat.h>

#include "eval/judge_run_fixture.h"
#include "support/expect_error.h"
#include "support/expect_text.h"

namespace urial::eval {
namespace {

using test::contains;

TEST_F(JudgeRunTest, every_task_becomes_one_record_and_the_manifest_says_what_made_it) {
    ScriptedJudge judge([](const ScriptedCall&) { return replied(kGoodReply); });
    options.origin = Json{{"command", "score"}};
    const JudgeSummary summary = run(judge, some_tasks(20), Price{10, 20});
    EXPECT_TRUE(summary.finished());
    EXPECT_EQ(summary.progress.unscored, 0u);
    EXPECT_EQ(records().size(), 20u);
    EXPECT_EQ(std::get<Score>(records().front().verdicts.front().verdict).value, 4);
    EXPECT_EQ(records().front().attempts, 1);
    const Json manifest = load_run(options.folder).manifest;
    EXPECT_EQ(manifest["origin"]["command"], "score");
    EXPECT_EQ(manifest["judges"][0]["name"], "scripted");
    EXPECT_EQ(manifest["rubrics"][0]["name"], "test");
    EXPECT_EQ(manifest["bill"]["attempts"], 20);
    // 20 replies of 100 and 10 tokens at 10 and 20 USD a million.
    EXPECT_NEAR(manifest["bill"]["cost_usd"].get<double>(), 20 * (100 * 10 + 10 * 20) / 1e6, 1e-12);
}

TEST_F(JudgeRunTest, all_files_are_readable_by_their_owner_alone) {
    ScriptedJudge judge([](const ScriptedCall&) { return replied(kGoodReply); });
    run(judge, some_tasks(1));
    for (const std::string_view name : {kManifestFile, kRecordsFile, kRawFile, kLedgerFile}) {
        struct stat status {};
        ASSERT_EQ(::stat((options.folder / name).c_str(), &status), 0) << name;
        EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
    }
}

TEST_F(JudgeRunTest, a_reply_that_cannot_be_read_is_asked_for_once_more) {
    ScriptedJudge judge([](const ScriptedCall& call) { return replied(call.number == 1 ? "no idea" : kGoodReply); });
    const JudgeSummary summary = run(judge, some_tasks(1));
    EXPECT_EQ(summary.progress.unscored, 0u);
    EXPECT_EQ(records().front().attempts, 2);
    EXPECT_EQ(lines_in(options.folder / kRawFile), 2u);
}

TEST_F(JudgeRunTest, a_second_unreadable_reply_is_kept_as_unscored_with_its_text) {
    ScriptedJudge judge([](const ScriptedCall& call) { return replied(call.number == 1 ? "{" : "no idea"); });
    const JudgeSummary summary = run(judge, some_tasks(1));
    EXPECT_EQ(summary.progress.unscored, 1u);
    EXPECT_EQ(summary.progress.failed, 0u);
    EXPECT_EQ(judge.calls(), 2u);
    EXPECT_EQ(records().front().reply, "no idea");
    EXPECT_EQ(reason(), UnscoredReason::NoObject);
}

TEST_F(JudgeRunTest, of_two_replies_the_one_with_more_verdicts_is_kept) {
    const std::string half = R"({"good": {"reason": "r", "score": 3}, "short": {"reason": "r", "score": "six"}})";
    ScriptedJudge judge([&](const ScriptedCall& call) { return replied(call.number == 1 ? half : "no idea"); });
    run(judge, some_tasks(1));
    EXPECT_EQ(records().front().reply, half);
    EXPECT_TRUE(std::holds_alternative<Score>(*records().front().find("good")));
    EXPECT_TRUE(std::holds_alternative<Unscored>(*records().front().find("short")));
}

TEST_F(JudgeRunTest, a_failure_that_may_pass_is_tried_again_and_every_attempt_is_counted) {
    ScriptedJudge judge([](const ScriptedCall& call) { return call.number < 4 ? failed(true) : replied(kGoodReply); });
    const JudgeSummary summary = run(judge, some_tasks(1), Price{1, 1});
    EXPECT_EQ(records().front().attempts, 4);
    EXPECT_EQ(summary.progress.bill.attempts, 4u);
    EXPECT_EQ(summary.progress.bill.failed, 3u);
    EXPECT_NEAR(summary.progress.bill.cost, 110 / 1e6, 1e-12) << "the server refused the others";
}

TEST_F(JudgeRunTest, attempts_are_bounded_and_the_next_run_tries_again) {
    bool broken = true;
    ScriptedJudge judge([&](const ScriptedCall&) { return broken ? failed(true) : replied(kGoodReply); });
    const JudgeSummary summary = run(judge, some_tasks(1));
    EXPECT_EQ(judge.calls(), 6u);
    EXPECT_EQ(summary.progress.failed, 1u);
    EXPECT_EQ(reason(), UnscoredReason::RequestFailed);
    broken = false;
    const JudgeSummary again = run(judge, some_tasks(1));
    EXPECT_EQ(again.progress.failed, 0u);
    ASSERT_EQ(records().size(), 1u);
    EXPECT_EQ(records().front().attempts, 7);
    EXPECT_EQ(again.progress.bill.attempts, 7u);
    EXPECT_EQ(again.progress.bill.failed, 6u);
}

TEST_F(JudgeRunTest, a_failure_for_good_is_not_tried_again) {
    ScriptedJudge judge([](const ScriptedCall&) { return failed(false); });
    run(judge, some_tasks(1));
    EXPECT_EQ(judge.calls(), 1u);
    EXPECT_EQ(reason(), UnscoredReason::RequestFailed);
}

TEST_F(JudgeRunTest, an_unreadable_reply_counts_more_than_the_failures_after_it) {
    ScriptedJudge judge([](const ScriptedCall& call) { return call.number == 1 ? replied("no idea") : failed(true); });
    run(judge, some_tasks(1));
    EXPECT_EQ(reason(), UnscoredReason::NoObject);
}

TEST_F(JudgeRunTest, an_attempt_that_may_be_billed_counts_with_the_most_it_can_cost) {
    ScriptedJudge judge([](const ScriptedCall& call) {
        JudgeReply reply = failed(true);
        reply.failure->may_be_billed = true;
        return call.number == 1 ? reply : replied(kGoodReply);
    });
    const JudgeSummary summary = run(judge, some_tasks(1), Price{1, 1});
    // The scripted judge estimates 1000 tokens for the request; the reply may have 1024.
    EXPECT_NEAR(summary.progress.bill.cost, (1000 + 1024 + 110) / 1e6, 1e-12);
}

TEST_F(JudgeRunTest, a_long_retry_after_stops_the_run_which_can_be_continued) {
    bool broken = true;
    ScriptedJudge judge([&](const ScriptedCall&) {
        JudgeReply reply = failed(true);
        reply.failure->retry_after = std::chrono::seconds(3600);
        return broken ? reply : replied(kGoodReply);
    });
    EXPECT_ERROR(run(judge, some_tasks(3)), ErrorKind::Unavailable, "come back in 1h00m");
    EXPECT_ERROR(load_run(options.folder), ErrorKind::BadInput, "not finished");
    broken = false;
    EXPECT_TRUE(run(judge, some_tasks(3)).finished());
    EXPECT_EQ(records().size(), 3u);
}

TEST_F(JudgeRunTest, what_a_judge_throws_stops_the_run_and_its_attempt_is_counted) {
    ScriptedJudge judge([](const ScriptedCall& call) -> JudgeReply {
        if (call.total > 3) throw Error(ErrorKind::BadInput, "the key is refused");
        return replied(kGoodReply);
    });
    options.concurrency = 1;
    EXPECT_ERROR(run(judge, some_tasks(9)), ErrorKind::BadInput, "the key is refused");
    EXPECT_EQ(lines_in(options.folder / kRecordsFile), 3u);
    EXPECT_EQ(lines_in(options.folder / kLedgerFile), 8u) << "four attempts, sent and ended";
}

// The four lines that one attempt leaves come in this order: the ledger's begin, the raw reply, the ledger's end, the
// record. A run that is killed leaves a beginning of that sequence, the last line perhaps in part.
TEST_F(JudgeRunTest, a_local_judge_on_other_threads_is_said) {
    ScriptedJudge judge([](const ScriptedCall&) { return replied(kGoodReply); });
    options.judges = {{&judge, std::nullopt, Json{{"threads", 2}}}};
    run_judges(some_tasks(1), options);
    std::string notices;
    options.notice = [&](std::string_view text) { notices += text; };
    options.judges.front().description["threads"] = 4;
    run_judges(some_tasks(2), options);
    EXPECT_TRUE(contains(notices, "scripted: threads was 2 and is now 4")) << notices;
}

TEST_F(JudgeRunTest, no_request_is_sent_that_might_exceed_the_limit) {
    ScriptedJudge judge([](const ScriptedCall&) { return replied(kGoodReply); });
    options.concurrency = 8;
    // A request costs at most 2024 and really 110 micro-dollars.
    options.max_cost = 4000 / 1e6;
    const JudgeSummary summary = run(judge, some_tasks(100), Price{1, 1});
    EXPECT_TRUE(summary.out_of_money);
    EXPECT_FALSE(summary.finished());
    EXPECT_LE(summary.progress.bill.cost, *options.max_cost);
    EXPECT_GT(summary.progress.bill.cost, (4000 - 2024 - 110) / 1e6) << "it stopped too early";
    const JudgeSummary again = run(judge, some_tasks(100), Price{1, 1});
    EXPECT_EQ(again.progress.done, summary.progress.done) << "the limit is for all runs together";
    options.max_cost = 1;
    EXPECT_TRUE(run(judge, some_tasks(100), Price{1, 1}).finished());
    EXPECT_EQ(judge.calls(), 100u);
}

TEST_F(JudgeRunTest, a_limit_without_a_price_is_an_error_before_anything_is_sent) {
    ScriptedJudge judge([](const ScriptedCall&) { return replied(kGoodReply); });
    options.max_cost = 1;
    EXPECT_ERROR(run(judge, some_tasks(1)), ErrorKind::BadInput, "price of scripted is not known");
    EXPECT_EQ(judge.calls(), 0u);
    EXPECT_FALSE(fs::exists(options.folder));
}

TEST_F(JudgeRunTest, a_request_that_cannot_be_made_is_an_error_before_anything_is_sent) {
    ScriptedJudge judge([](const ScriptedCall&) { return replied(kGoodReply); });
    std::vector<JudgeTask> tasks = some_tasks(2);
    Rubric rubric = *tasks[1].rubric;
    rubric.text = "{{reference}}";
    tasks[1].rubric = std::make_shared<const Rubric>(rubric);
    EXPECT_ERROR(run(judge, tasks), ErrorKind::BadInput, "reference");
    EXPECT_EQ(judge.calls(), 0u);
}

TEST_F(JudgeRunTest, every_judge_of_a_jury_is_asked_about_everything) {
    ScriptedJudge one([](const ScriptedCall&) { return replied(kGoodReply); }, "one");
    ScriptedJudge two([](const ScriptedCall&) { return replied(kGoodReply); }, "two");
    options.judges = {{&one, std::nullopt, {}}, {&two, std::nullopt, {}}};
    EXPECT_TRUE(run_judges(some_tasks(3), options).finished());
    EXPECT_EQ(one.calls(), 3u);
    EXPECT_EQ(two.calls(), 3u);
    EXPECT_EQ(std::ranges::count(records(), "two", &EvalRecord::judge), 3);
    ScriptedJudge namesake([](const ScriptedCall&) { return replied(kGoodReply); }, "one");
    options.judges = {{&one, std::nullopt, {}}, {&namesake, std::nullopt, {}}};
    EXPECT_ERROR(run_judges(some_tasks(3), options), ErrorKind::BadInput, "two judges are named one");
}

TEST_F(JudgeRunTest, an_estimate_sends_nothing_writes_nothing_and_leaves_out_what_is_there) {
    ScriptedJudge judge([](const ScriptedCall&) { return replied(kGoodReply); });
    options.judges = {{&judge, Price{1, 2}, {}}};
    const JudgeEstimate all = estimate_run(some_tasks(10), options);
    EXPECT_EQ(all.requests, 10u);
    EXPECT_EQ(all.prompt_tokens, 10'000u);
    EXPECT_EQ(all.most_completion_tokens, 10'240u);
    EXPECT_NEAR(all.most_cost, (10'000 + 2 * 10'240) / 1e6, 1e-12);
    EXPECT_EQ(judge.calls(), 0u);
    EXPECT_FALSE(fs::exists(options.folder));
    run_judges(some_tasks(4), options);
    const JudgeEstimate rest = estimate_run(some_tasks(10), options);
    EXPECT_EQ(rest.requests, 6u);
    EXPECT_EQ(rest.recorded, 4u);
    options.judges[0].price = std::nullopt;
    EXPECT_EQ(estimate_run(some_tasks(10), options).unpriced, std::vector<std::string>{"scripted"});
}

}  // namespace
}  // namespace urial::eval
