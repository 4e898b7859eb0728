#include "eval/remote_judge.h"

#include <atomic>

#include <gtest/gtest.h>

#include "eval/chat_reply.h"
#include "support/chat_server.h"
#include "support/expect_error.h"
#include "support/expect_text.h"
#include "support/sandbox.h"

namespace urial::eval {
namespace {

using test::ChatAnswer;
using test::ChatRequest;
using test::ChatServer;
using test::completion;
using test::contains;

const std::string kKey = "sk-canary-0123456789abcdef";
const JudgeRequest kRequest{"be just", "judge this"};
const Json kSchema{{"type", "object"}};

RemoteJudge judge_of(const ChatServer& server, std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
    return RemoteJudge({server.base_url(), "some-model", kKey, timeout});
}

JudgeReply ask(const ChatServer& server) { return judge_of(server).ask(kRequest, kSchema, 50); }

ChatAnswer with_status(int status, const std::string& body, const std::string& headers = "") {
    ChatAnswer answer;
    answer.status = status;
    answer.body = body;
    answer.headers = headers;
    return answer;
}

/// Answers "fine" and keeps the request.
auto keeping(ChatRequest& seen) {
    return [&seen](const ChatRequest& request) {
        seen = request;
        return completion("fine");
    };
}

TEST(RemoteJudge, one_request_is_one_post_of_a_chat_completion_with_the_schema) {
    ChatRequest seen;
    ChatServer server(keeping(seen));
    const JudgeReply reply = ask(server);
    EXPECT_FALSE(reply.failure);
    EXPECT_EQ(reply.text, "fine");
    ASSERT_TRUE(reply.usage);
    EXPECT_EQ(reply.usage->prompt_tokens, 100u);
    EXPECT_EQ(reply.usage->completion_tokens, 10u);
    EXPECT_EQ(server.received(), 1u);
    EXPECT_EQ(seen.target, "/v1/chat/completions");
    EXPECT_EQ(seen.headers["authorization"], "Bearer " + kKey);
    EXPECT_EQ(seen.body["model"], "some-model");
    EXPECT_EQ(seen.body["messages"][0]["content"], "be just");
    EXPECT_EQ(seen.user(), "judge this");
    EXPECT_EQ(seen.body["max_tokens"], 50);
    EXPECT_EQ(seen.body["response_format"]["json_schema"]["schema"]["type"], "object");
    EXPECT_EQ(nlohmann::json::parse(reply.request), seen.body);
}

TEST(RemoteJudge, without_a_schema_only_the_request_says_what_form_the_reply_has) {
    ChatRequest seen;
    ChatServer server(keeping(seen));
    EXPECT_EQ(judge_of(server).ask(kRequest, Json(), 50).text, "fine");
    EXPECT_FALSE(seen.body.contains("response_format"));
    EXPECT_GT(judge_of(server).count_tokens(kRequest, kSchema), judge_of(server).count_tokens(kRequest, Json()));
}

TEST(RemoteJudge, what_the_server_does_not_take_is_left_out_from_then_on) {
    ChatServer server([&](const ChatRequest& request) {
        if (request.body.contains("response_format")) return with_status(400, "unknown field response_format");
        if (request.body.contains("max_tokens"))
            return with_status(400, R"({"error": {"message": "use 'max_completion_tokens' instead"}})");
        if (request.body.contains("temperature")) return with_status(400, "temperature is not supported");
        return completion(request.body["max_completion_tokens"].dump());
    });
    RemoteJudge judge = judge_of(server);
    for (int i = 0; i < 3; ++i) {
        const JudgeReply refused = judge.ask(kRequest, kSchema, 50);
        ASSERT_TRUE(refused.failure);
        EXPECT_TRUE(refused.failure->retryable);
        EXPECT_EQ(refused.failure->retry_after, std::chrono::seconds(0));
        EXPECT_FALSE(refused.failure->may_be_billed);
    }
    EXPECT_EQ(judge.ask(kRequest, kSchema, 50).text, "50");
    EXPECT_EQ(judge.ask(kRequest, kSchema, 60).text, "60");
    EXPECT_EQ(server.received(), 5u);
}

TEST(RemoteJudge, a_complaint_about_something_else_is_a_failure_for_good) {
    ChatServer server([](const ChatRequest&) { return with_status(400, "the context is too short"); });
    const JudgeReply reply = ask(server);
    ASSERT_TRUE(reply.failure);
    EXPECT_FALSE(reply.failure->retryable);
    EXPECT_TRUE(contains(reply.failure->message, "status 400: the context is too short"));
}

TEST(RemoteJudge, overload_and_server_errors_may_be_tried_again_when_the_server_says) {
    for (const int status : {408, 429, 500, 502, 503, 529}) {
        ChatServer server([&](const ChatRequest&) { return with_status(status, "busy", "Retry-After: 7\r\n"); });
        const JudgeReply reply = ask(server);
        ASSERT_TRUE(reply.failure) << status;
        EXPECT_TRUE(reply.failure->retryable) << status;
        EXPECT_EQ(reply.failure->may_be_billed, status == 408 || status == 502) << status;
        EXPECT_EQ(reply.failure->retry_after, std::chrono::seconds(7)) << status;
    }
}

TEST(RemoteJudge, what_no_retry_changes_is_an_error_without_the_key) {
    const std::vector<std::tuple<int, ErrorKind, std::string>> cases{
        {401, ErrorKind::BadInput, "refuses the key"}, {403, ErrorKind::BadInput, "refuses the key"},
        {404, ErrorKind::NotFound, "no model"},        {402, ErrorKind::Unavailable, "nothing left"},
        {429, ErrorKind::Unavailable, "nothing left"}, {307, ErrorKind::BadInput, "redirect"}};
    for (const auto& [status, kind, part] : cases) {
        ChatServer server([code = status](const ChatRequest&) {
            return with_status(code, R"({"error": {"message": "insufficient_quota for )" + kKey + R"("}})",
                               "Location: http://127.0.0.1:9/" + kKey + "\r\n");
        });
        try {
            ask(server);
            ADD_FAILURE() << "no error for " << status;
        } catch (const Error& failure) {
            EXPECT_EQ(failure.kind(), kind) << status;
            EXPECT_TRUE(contains(failure.what(), part));
            EXPECT_FALSE(contains(failure.what(), kKey));
        }
    }
}

TEST(RemoteJudge, a_redirect_is_not_followed_so_that_no_other_server_gets_the_key) {
    ChatServer other([](const ChatRequest&) { return completion("stolen"); });
    ChatServer server(
        [&](const ChatRequest&) { return with_status(302, "", "Location: " + other.base_url() + "\r\n"); });
    EXPECT_ERROR(ask(server), ErrorKind::BadInput, "not followed");
    EXPECT_EQ(other.received(), 0u);
}

TEST(RemoteJudge, a_broken_transfer_may_pass_and_may_be_billed) {
    ChatServer cut([](const ChatRequest&) {
        ChatAnswer answer = completion("fine");
        answer.send = 120;
        return answer;
    });
    ChatServer slow([](const ChatRequest&) {
        ChatAnswer answer = completion("fine");
        answer.delay = std::chrono::milliseconds(300);
        return answer;
    });
    ChatServer garbage([](const ChatRequest&) { return with_status(200, "<html>" + kKey); });
    for (const ChatServer* server : {&cut, &slow, &garbage}) {
        const JudgeReply reply = judge_of(*server, std::chrono::milliseconds(100)).ask(kRequest, kSchema, 50);
        ASSERT_TRUE(reply.failure);
        EXPECT_TRUE(reply.failure->retryable);
        EXPECT_TRUE(reply.failure->may_be_billed);
        EXPECT_FALSE(contains(reply.failure->message, kKey));
    }
}

TEST(RemoteJudge, a_server_that_is_not_there_is_a_failure_that_costs_nothing) {
    std::string url;
    {
        url = ChatServer([](const ChatRequest&) { return completion(""); }).base_url();
    }
    const JudgeReply reply = RemoteJudge({url, "m", kKey, std::chrono::seconds(5)}).ask(kRequest, kSchema, 50);
    ASSERT_TRUE(reply.failure);
    EXPECT_TRUE(reply.failure->retryable);
    EXPECT_FALSE(reply.failure->may_be_billed);
}

TEST(RemoteJudge, a_server_that_stays_away_stops_the_run) {
    RemoteJudge judge({"http://127.0.0.1:1/v1", "m", kKey, std::chrono::seconds(5)});
    for (int i = 0; i < 23; ++i) EXPECT_TRUE(judge.ask(kRequest, kSchema, 50).failure);
    EXPECT_ERROR(judge.ask(kRequest, kSchema, 50), ErrorKind::Unavailable, "cannot be reached");
}

TEST(RemoteJudge, a_key_that_is_said_back_is_replaced) {
    ChatServer server([](const ChatRequest& request) { return completion(request.headers.at("authorization") + "!"); });
    EXPECT_EQ(ask(server).text, "Bearer [key]!");
    ChatServer failing([](const ChatRequest&) {
        return with_status(500, R"({"error": "bad \u0073k-canary-0123456789abcdef and )" + kKey + "\"}");
    });
    EXPECT_EQ(ask(failing).failure->message, "status 500: bad [key] and [key]");
}

TEST(RemoteJudge, a_key_for_this_machine_goes_through_no_proxy) {
    ChatServer proxy([](const ChatRequest&) { return completion("caught"); });
    ChatServer server([](const ChatRequest&) { return completion("fine"); });
    for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"}) {
        const test::ScopedEnvironment variable(name, proxy.base_url());
        const test::ScopedEnvironment no_exception("no_proxy", std::nullopt);
        const test::ScopedEnvironment no_other_exception("NO_PROXY", std::nullopt);
        EXPECT_EQ(ask(server).text, "fine") << name;
    }
    EXPECT_EQ(proxy.received(), 0u);
}

TEST(RemoteJudge, an_address_with_a_password_and_a_key_with_a_line_break_are_refused) {
    EXPECT_ERROR(RemoteJudge({"http://me:secret@host/v1", "m", "", {}}), ErrorKind::BadInput, "user name");
    EXPECT_ERROR(RemoteJudge({"http://host/v1?key=secret", "m", "", {}}), ErrorKind::BadInput, "query");
    EXPECT_ERROR(RemoteJudge({"no address", "m", "", {}}), ErrorKind::BadInput, "no address of a server");
    EXPECT_ERROR(RemoteJudge({"http://host/v1", "m", "sk-1\r\nX-Evil: 1", {}}), ErrorKind::BadInput, "key has a blank");
    EXPECT_NO_THROW(RemoteJudge({"http://host/v1", "m", kKey + "\n", {}})) << "as a file's last line gives it";
}

TEST(RemoteJudge, a_word_counts_a_token_per_four_letters_and_a_sign_one) {
    EXPECT_EQ(estimate_tokens(""), 0u);
    EXPECT_EQ(estimate_tokens("four fivee"), 3u);
    EXPECT_EQ(estimate_tokens("12, x\n"), 5u);
    EXPECT_EQ(estimate_tokens("\xC3\xA4"), 2u);
}

TEST(ChatReply, content_may_be_a_list_of_parts_or_missing) {
    const auto text = [](const std::string& message) {
        return parse_chat_reply(R"({"choices": [{"message": )" + message + "}]}").value().text;
    };
    EXPECT_EQ(text(R"({"content": [{"type": "text", "text": "a"}, {"text": "b"}, {"type": "image"}]})"), "ab");
    EXPECT_EQ(text(R"({"content": null, "refusal": "I can't"})"), "I can't");
    EXPECT_EQ(text("{}"), "");
    EXPECT_FALSE(parse_chat_reply(R"({"choices": [{"message": {}}], "usage": {"prompt_tokens": -1}})")->usage);
}

TEST(ChatReply, what_is_no_chat_completion_is_no_reply) {
    for (const char* body : {"", "fine", "[]", "{}", R"({"error": {"message": "x"}})", R"({"choices": []})",
                             R"({"choices": [1]})", R"({"choices": [{"message": "x"}]})"}) {
        EXPECT_FALSE(parse_chat_reply(body)) << body;
    }
}

}  // namespace
}  // namespace urial::eval
