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
#include "eval/http_post.h"
#include "eval/judge_testing.h"
#include "eval/remote_judge.h"
#include "eval/verdict.h"
#include "support/chat_server.h"
#include "support/expect_text.h"

namespace urial::eval {
namespace {

using test::ChatAnswer;
using test::ChatRequest;
using test::ChatServer;
using test::completion;
using test::contains;
using test::SendBytes;

constexpr std::size_t kMostBody = 16u << 20;
const std::string kHead = "HTTP/1.1 200 OK\r\n";
const std::string kChunked = kHead + "Transfer-Encoding: chunked\r\n\r\n";

using Script = std::function<void(const SendBytes&)>;

/// Sends `head`, and then `part` until the client goes.
Script endless(std::string head, std::string part, std::chrono::milliseconds pause = std::chrono::milliseconds(0)) {
    return [=](const SendBytes& send) {
        if (!send(head)) return;
        while (send(part)) std::this_thread::sleep_for(pause);
    };
}

Script once(std::string bytes) {
    return [=](const SendBytes& send) { send(bytes); };
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

struct Behaviour {
    std::string name;
    Script script;
    std::string failure;    ///< a part of what is said
    bool is_taken = false;  ///< libcurl makes an answer of it, with what came of the body
};

HttpAnswer post_to(const ChatServer& server, std::chrono::milliseconds timeout) {
    return http_post({server.base_url() + "/chat/completions", "", R"({"messages":[]})", timeout});
}

TEST(HostileJudge, what_a_server_does_with_the_protocol_ends_within_the_limits) {
    std::string many_fields;
    for (int i = 0; i < 20'000; ++i) many_fields += fmt::format("X-{}: {}\r\n", i, i);
    const std::vector<Behaviour> behaviours{
        {"endless headers", endless(kHead, many_fields), "bytes of headers"},
        {"one endless header line", endless(kHead + "X: ", std::string(10'000, 'a')), ""},
        {"endless continue", endless("", "HTTP/1.1 100 Continue\r\n\r\n"), "bytes of headers"},
        {"endless trailers", endless(kChunked + "2\r\n{}\r\n0\r\n", many_fields), "bytes of headers"},
        {"endless body", endless(kHead + "\r\n", std::string(100'000, ' ')), "more than 16777216 bytes"},
        {"endless chunks", endless(kChunked, "3\r\n   \r\n" + repeated("1\r\n \r\n", 5000)),
         "more than 16777216 bytes"},
        {"a slow drip", endless(kHead + "\r\n", " ", std::chrono::milliseconds(50)), "imeout"},
        {"a slow drip of the head", endless(kHead, "X: y\r\n", std::chrono::milliseconds(50)), "imeout"},
        {"silence", [](const SendBytes&) { std::this_thread::sleep_for(std::chrono::seconds(2)); }, "imeout"},
        {"a length that is not sent", once(kHead + "Content-Length: 1000000\r\n\r\n{}"), ""},
        {"a length beyond all numbers", once(kHead + "Content-Length: 99999999999999999999999\r\n\r\n{}"), "", true},
        {"a negative length", once(kHead + "Content-Length: -5\r\n\r\n{}"), ""},
        {"chunks that are none", once(kChunked + "zzz\r\n{}\r\n"), ""},
        {"a chunk beyond all numbers", once(kChunked + "ffffffffffffffffffff\r\n{}\r\n"), ""},
        {"no status line", once("{}"), ""},
        {"nothing", once(""), ""},
        {"half a head", once(kHead), "", true},
    };
    for (const Behaviour& behaviour : behaviours) {
        ChatServer server([&](const ChatRequest&) {
            ChatAnswer answer;
            answer.script = behaviour.script;
            return answer;
        });
        const auto begin = std::chrono::steady_clock::now();
        const HttpAnswer answer = post_to(
            server, std::chrono::seconds(contains(behaviour.name, "slow") || behaviour.name == "silence" ? 1 : 20));
        EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15)) << behaviour.name;
        EXPECT_EQ(answer.failure.empty(), behaviour.is_taken) << behaviour.name;
        EXPECT_LE(answer.body.size(), behaviour.is_taken ? 2u : kMostBody) << behaviour.name;
        EXPECT_TRUE(contains(answer.failure, behaviour.failure)) << behaviour.name;
        EXPECT_LE(answer.headers.size(), 20'000u) << behaviour.name;
    }
}

TEST(HostileJudge, the_largest_body_is_taken_and_one_byte_more_is_not) {
    for (const std::size_t size : {kMostBody, kMostBody + 1}) {
        ChatServer server([&](const ChatRequest&) {
            ChatAnswer answer;
            answer.body = std::string(size, ' ');
            return answer;
        });
        const HttpAnswer answer = post_to(server, std::chrono::seconds(60));
        EXPECT_EQ(answer.failure, size == kMostBody ? "" : "the answer has more than 16777216 bytes");
    }
}

TEST(HostileJudge, a_trailer_is_no_header) {
    ChatServer server([](const ChatRequest&) {
        ChatAnswer answer;
        answer.script = once(kChunked + "2\r\n{}\r\n0\r\nRetry-After: 99999\r\n\r\n");
        return answer;
    });
    EXPECT_FALSE(post_to(server, std::chrono::seconds(20)).headers.contains("retry-after"));
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

TEST(HostileJudge, a_key_that_is_said_back_a_million_times_is_replaced_in_one_pass) {
    const std::string key = "sk-0123456789";
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(redact(repeated(key, 1'000'000), key), repeated("[key]", 1'000'000));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

}  // namespace
}  // namespace urial::eval
