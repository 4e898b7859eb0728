// A judge on a server that replies in every way that docs/judging.md speaks of, and one that fails in every way that
// servers fail: what is recorded is what was said, and what was sent is what is counted.

#include <atomic>
#include <map>
#include <mutex>

#include <gtest/gtest.h>

#include "base/files.h"
#include "eval/eval_testing.h"
#include "eval/judge_testing.h"
#include "eval/remote_judge.h"
#include "support/chat_server.h"

namespace urial::eval {
namespace {

using test::ChatAnswer;
using test::ChatRequest;
using test::ChatServer;
using test::completion;

constexpr std::size_t kTimes = 50;

/// "4" for a score, else the name of the reason.
struct ReplyKind {
    std::string reply;
    std::string good;
    std::string short_;
};

std::string object(const std::string& score_of_short) {
    return R"({"good": {"reason": "r", "score": 4}, "short": {"reason": "r", "score": )" + score_of_short + "}}";
}

ReplyKind read(const std::string& reply) { return {reply, "4", "5"}; }
ReplyKind lost(const std::string& reply, const std::string& reason) { return {reply, reason, reason}; }
ReplyKind value_lost(const std::string& value, const std::string& reason) { return {object(value), "4", reason}; }

std::vector<ReplyKind> reply_kinds() {
    const std::string fine = object("5");
    return {
        read(fine),
        read("```json\n" + fine + "\n```"),
        read("```\n" + fine + "```"),
        read("Here is my verdict: " + fine),
        read(fine + "\nI hope that helps."),
        read("First.\n" + fine + "\nLast."),
        read("<think>Is it {4}?</think>\n" + fine),
        read("  \n\t" + fine + "\r\n"),
        read(object("\"5\"")),
        read(object("5.0")),
        read(R"({"short": {"score": 5, "reason": "{\"}"}, "good": {"score": 4, "reason": "é\n"}})"),
        lost("", "empty"),
        lost(" \n\t ", "empty"),
        lost("\x1b[32m" + fine + "\x1b[0m", "not text"),
        lost(std::string("\0", 1) + fine, "not text"),
        lost("I'm sorry, but I can't judge this.", "refusal"),
        lost("As an AI, I have no opinion.", "refusal"),
        lost("I can\u2019t help with that.", "refusal"),
        lost("Both aspects are excellent: 5 out of 5.", "no object"),
        lost("4", "no object"),
        lost(fine.substr(0, fine.size() - 1), "truncated"),
        lost(fine.substr(0, 30), "truncated"),
        lost("<think>Let me see, " + fine, "truncated"),
        lost(fine + "\n" + fine, "several objects"),
        lost("The set {a, b} is judged: " + fine, "several objects"),
        lost("[" + fine + "]", "not an object"),
        lost("{'good': 4, 'short': 5}", "invalid JSON"),
        lost(R"({"good": {"reason": "r", "score": 4}, "short": {"reason": "r", "score": 5},})", "invalid JSON"),
        lost(object("NaN"), "invalid JSON"),
        lost(object("1e999"), "invalid JSON"),
        lost(object("5 // fine"), "invalid JSON"),
        lost(R"({"good": {"reason": "r", "score": 4}, "good": {"reason": "r", "score": 5}})", "invalid JSON"),
        lost("{\"good\": {\"reason\": \"a\nb\", \"score\": 4}, \"short\": {\"reason\": \"r\", \"score\": 5}}",
             "invalid JSON"),
        lost(R"({"good": {"reason": "r", "score": 4}})", "wrong keys"),
        lost(R"({"good": {"reason": "r", "score": 4}, "shorts": {"reason": "r", "score": 5}})", "wrong keys"),
        lost("{\"verdict\": " + fine + "}", "wrong keys"),
        lost(R"({"good": {"reason": "r", "score": 4}, "short": {"reason": "r", "score": 5}, "x": 1})", "wrong keys"),
        {R"({"good": {"reason": "r", "score": 4}, "short": 5})", "4", "wrong type"},
        {R"({"good": {"reason": "r", "score": 4}, "short": {"score": 5}})", "4", "wrong keys"},
        {R"({"good": {"reason": "r", "score": 4}, "short": {"reason": null, "score": 5}})", "4", "wrong type"},
        value_lost("null", "wrong type"),
        value_lost("true", "wrong type"),
        value_lost("[5]", "wrong type"),
        value_lost("\"five\"", "not a number"),
        value_lost("\"11/10\"", "not a number"),
        value_lost("\"NaN\"", "not a number"),
        value_lost("\"5 \"", "not a number"),
        value_lost("\"+5\"", "not a number"),
        value_lost("\"\uFF15\"", "not a number"),
        value_lost("0", "out of range"),
        value_lost("11", "out of range"),
        value_lost("-1", "out of range"),
        value_lost("4.5", "out of range"),
        value_lost("\"6\"", "out of range"),
        value_lost("\"N/A\"", "not applicable"),
    };
}

std::string told(const Verdict* verdict) {
    if (const auto* score = std::get_if<Score>(verdict)) return fmt::format("{:g}", score->value);
    if (const auto* unscored = std::get_if<Unscored>(verdict)) return std::string(name(unscored->reason));
    return "another verdict";
}

std::size_t item_of(const ChatRequest& request) { return std::stoul(request.user().substr(sizeof "question")); }

struct RemoteRun {
    explicit RemoteRun(const ChatServer& server) : judge({server.base_url(), "m", "", std::chrono::seconds(1)}) {
        options.folder = folder / "run";
        options.retry = fast_retry();
        options.retry.most_failures = 50;
        options.concurrency = 6;
        options.judges = {{&judge, Price{1, 1}, Json::object()}};
    }
    JudgeSummary run(std::size_t tasks) { return run_judges(some_tasks(tasks), options); }

    TemporaryFolder folder;
    RemoteJudge judge;
    JudgeRunOptions options;
};

TEST(JudgeReplies, each_of_forty_and_more_kinds_lands_where_the_documentation_says) {
    const std::vector<ReplyKind> kinds = reply_kinds();
    ASSERT_GE(kinds.size(), 40u);
    ChatServer server(
        [&](const ChatRequest& request) { return completion(kinds[item_of(request) % kinds.size()].reply); });
    RemoteRun remote(server);
    const JudgeSummary summary = remote.run(kinds.size() * kTimes);
    EXPECT_EQ(summary.progress.failed, 0u);
    const std::vector<EvalRecord> records = load_run(remote.options.folder).records;
    ASSERT_EQ(records.size(), kinds.size() * kTimes);
    std::size_t asked = 0;
    for (const EvalRecord& record : records) {
        const ReplyKind& kind = kinds[std::stoul(record.item.id) % kinds.size()];
        const bool readable = kind.good == "4" && kind.short_ == "5";
        EXPECT_EQ(told(record.find("good")), kind.good) << kind.reply;
        EXPECT_EQ(told(record.find("short")), kind.short_) << kind.reply;
        EXPECT_EQ(record.reply, kind.reply);
        EXPECT_EQ(record.attempts, readable ? 1 : 2) << kind.reply;
        asked += readable ? 1 : 2;
    }
    EXPECT_EQ(server.received(), asked);
    EXPECT_EQ(summary.progress.bill.attempts, asked);
}

/// Three attempts of ten fail, in five ways.
class FaultyServer {
public:
    ChatAnswer answer(const ChatRequest& request) {
        const std::size_t item = item_of(request);
        std::size_t turn = 0;
        {
            const std::lock_guard lock(mutex_);
            turn = attempts_[item]++;
        }
        const std::size_t draw = (item * 7919 + turn * 104'729) % 100;
        ChatAnswer answer = completion(score_reply(item));
        if (draw >= 30) return answer;
        ++faults;
        if (draw == 0 && turn == 0) {
            answer.delay = std::chrono::milliseconds(1'500);
        } else if (draw < 8) {
            answer = {429, "slow down", "Retry-After: 0\r\n"};
        } else if (draw < 15) {
            answer = {500, "no"};
        } else if (draw < 22) {
            answer.send = 20 + item % 150;
        } else {
            answer = {200, "<html>504</html>"};
        }
        return answer;
    }
    static std::string score_reply(std::size_t item) { return object(std::to_string(1 + item % 5)); }

    std::atomic<std::size_t> faults{0};

private:
    std::mutex mutex_;  // guards attempts_
    std::map<std::size_t, std::size_t> attempts_;
};

TEST(JudgeReplies, two_thousand_calls_with_three_faults_in_ten_are_all_recorded_and_all_counted) {
    FaultyServer faulty;
    ChatServer server([&](const ChatRequest& request) { return faulty.answer(request); });
    RemoteRun remote(server);
    const JudgeSummary summary = remote.run(2'000);
    const std::vector<EvalRecord> records = load_run(remote.options.folder).records;
    ASSERT_EQ(records.size(), 2'000u);
    std::size_t attempts = 0;
    for (const EvalRecord& record : records) {
        EXPECT_EQ(record.reply, FaultyServer::score_reply(std::stoul(record.item.id)));
        attempts += static_cast<std::size_t>(record.attempts);
    }
    EXPECT_GT(faulty.faults, 500u);
    EXPECT_EQ(summary.progress.unscored, 0u);
    EXPECT_EQ(attempts, server.received());
    EXPECT_EQ(summary.progress.bill.attempts, server.received());
    EXPECT_EQ(summary.progress.bill.failed, faulty.faults);
    EXPECT_EQ(summary.progress.bill.prompt_tokens, 2'000u * 100);
}

}  // namespace
}  // namespace urial::eval
