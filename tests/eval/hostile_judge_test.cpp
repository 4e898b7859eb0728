// A judge that is broken or means harm, at every layer: what it does ends in a failure or an unscored verdict, within
// the limits of time and size. tests/hostile.py has many more of them and measures the real binary.

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "eval/chat_reply.h"
#include "eval/eval_testing.h"
#include "eval/judge_testing.h"
#include "eval/remote_judge.h"
#include "eval/verdict.h"
#include "http/http.h"
#include "support/chat_server.h"
#include "support/expect_text.h"

namespace urial::eval {
namespace {

using test::ChatAnswer;
using test::ChatRequest;
using test::ChatServer;
using test::completion;
using test::contains;

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

TEST(HostileJudge, a_body_that_is_no_completion_is_a_failure) {
    std::string keys = "{";
    for (int i = 0; i < 150'000; ++i) keys += fmt::format("\"k{}\":0,", i);
    const std::vector<std::string> bodies{
        repeated("[", 88'000),
        repeated("{\"choices\":[", 88'000),
        repeated("[", 88'000) + repeated("]", 88'000),
        R"({"choices":)" + repeated("[", 88'000) + repeated("]", 88'000) + "}",
        keys + "\"choices\":[]}",
        std::string(1000, '\0'),
        "\xFF\xFE{}",
        R"({"choices":[{"message":{"content":"\ud800"}}]})",
        R"({"choices":[{"message":{"content":")" + std::string(17'000'000, 'x'),
        R"({"choices":[{"message":null}]})",
        R"({"choices":{"0":1}})",
        R"({"error":)" + repeated("[", 88'000) + repeated("]", 88'000) + "}",
        "\x1f\x8b\x08",
        "1e999999999",
        "",
    };
    for (const std::string& body : bodies) {
        for (const int status : {200, 400, 500}) {
            ChatServer server([&](const ChatRequest&) {
                ChatAnswer answer;
                answer.status = status;
                answer.body = body;
                return answer;
            });
            RemoteJudge judge({server.base_url(), "m", "", std::chrono::seconds(20)});
            const JudgeReply reply = judge.ask({"", "q"}, Json(), 10);
            ASSERT_TRUE(reply.failure) << body.substr(0, 50);
            EXPECT_LT(reply.failure->message.size(), 2000u) << body.substr(0, 50);
        }
    }
}

TEST(HostileJudge, a_reply_that_is_built_to_break_its_reader_is_unscored) {
    const std::string deep = repeated("[", 88'000) + repeated("]", 88'000);
    std::string keys;
    for (int i = 0; i < 150'000; ++i) keys += fmt::format("\"k{}\":0,", i);
    const auto score = [](const std::string& value) {
        return R"({"good":{"reason":"r","score":)" + value + R"(},"short":{"reason":"r","score":3}})";
    };
    const std::vector<std::string> replies{
        score(deep),
        score(repeated("{\"a\":", 88'000) + "1" + repeated("}", 88'000)),
        score("{" + keys + "\"z\":0}"),
        "{" + keys + "\"good\":1}",
        score("1" + std::string(1'000'000, '0')),
        score("0." + std::string(1'000'000, '0') + "1"),
        score("1e999999"),
        score("\"" + std::string(5'000'000, '3') + "\""),
        score("\"\\u0000\""),
        repeated("{", 5'000'000),
        repeated("}", 5'000'000),
        repeated("{\"", 2'000'000),
        repeated("\xE2\x80\x99", 3'000'000),
        repeated("[", 5'000'000) + score("3"),
        "<think>" + repeated("<think>", 1'000'000),
        repeated("```", 2'000'000),
        std::string(10'000'000, ' '),
        "{\"good\":" + repeated("\\", 5'000'000),
    };
    for (const std::string& reply : replies) {
        const auto begin = std::chrono::steady_clock::now();
        const std::vector<AspectVerdict> verdicts = parse_reply(test_rubric(), reply);
        ASSERT_EQ(verdicts.size(), 2u);
        const auto* unread = std::get_if<Unscored>(&verdicts[0].verdict);
        ASSERT_NE(unread, nullptr) << reply.substr(0, 50);
        EXPECT_LE(unread->raw.size(), 200u) << reply.substr(0, 50);
        EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << reply.substr(0, 50);
    }
}

// The reply stays in the folder, where every later run meets it again.
TEST(HostileJudge, a_run_gets_past_a_score_that_is_nested_88000_deep_and_so_does_its_resumption) {
    const TemporaryFolder folder;
    const std::string deep = repeated("[", 88'000) + repeated("]", 88'000);
    ScriptedJudge judge([&](const ScriptedCall&) {
        return replied(R"({"good":{"reason":"r","score":)" + deep + R"(},"short":{"reason":"r","score":3}})");
    });
    JudgeRunOptions options;
    options.folder = folder / "run";
    options.retry = fast_retry();
    options.judges = {{&judge, std::nullopt, Json::object()}};
    EXPECT_EQ(run_judges(some_tasks(1), options).progress.unscored, 1u);
    std::filesystem::remove(options.folder / kRecordsFile);  // as after a kill between the reply and its record
    EXPECT_EQ(run_judges(some_tasks(1), options).progress.unscored, 1u);
    EXPECT_EQ(load_run(options.folder).records.size(), 1u);
}

}  // namespace
}  // namespace urial::eval
