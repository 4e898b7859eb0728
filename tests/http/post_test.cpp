#include "http/http.h"

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/chat_server.h"
#include "support/expect_text.h"

namespace urial::http {
namespace {

using test::ChatAnswer;
using test::ChatRequest;
using test::ChatServer;
using test::contains;
using test::SendBytes;

constexpr std::size_t kMostBody = 16u << 20;
const std::string kOk = "HTTP/1.1 200 OK\r\n";
const std::string kChunked = kOk + "Transfer-Encoding: chunked\r\n\r\n";

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

Reply post_to(const ChatServer& server, std::chrono::milliseconds timeout) {
    return post({server.base_url() + "/chat/completions", "", R"({"messages":[]})", timeout, {}, {}});
}

TEST(HttpPost, what_a_server_does_with_the_protocol_ends_within_the_limits) {
    std::string many_fields;
    for (int i = 0; i < 20'000; ++i) many_fields += fmt::format("X-{}: {}\r\n", i, i);
    const std::vector<Behaviour> behaviours{
        {"endless headers", endless(kOk, many_fields), "bytes of headers"},
        {"one endless header line", endless(kOk + "X: ", std::string(10'000, 'a')), ""},
        {"endless continue", endless("", "HTTP/1.1 100 Continue\r\n\r\n"), "bytes of headers"},
        {"endless trailers", endless(kChunked + "2\r\n{}\r\n0\r\n", many_fields), "bytes of headers"},
        {"endless body", endless(kOk + "\r\n", std::string(100'000, ' ')), "more than 16777216 bytes"},
        {"endless chunks", endless(kChunked, "3\r\n   \r\n" + repeated("1\r\n \r\n", 5000)),
         "more than 16777216 bytes"},
        {"a slow drip", endless(kOk + "\r\n", " ", std::chrono::milliseconds(50)), "imeout"},
        {"a slow drip of the head", endless(kOk, "X: y\r\n", std::chrono::milliseconds(50)), "imeout"},
        {"silence", [](const SendBytes&) { std::this_thread::sleep_for(std::chrono::seconds(2)); }, "imeout"},
        {"a length that is not sent", once(kOk + "Content-Length: 1000000\r\n\r\n{}"), ""},
        {"a length beyond all numbers", once(kOk + "Content-Length: 99999999999999999999999\r\n\r\n{}"), "", true},
        {"a negative length", once(kOk + "Content-Length: -5\r\n\r\n{}"), ""},
        {"chunks that are none", once(kChunked + "zzz\r\n{}\r\n"), ""},
        {"a chunk beyond all numbers", once(kChunked + "ffffffffffffffffffff\r\n{}\r\n"), ""},
        {"no status line", once("{}"), ""},
        {"nothing", once(""), ""},
        {"half a head", once(kOk), "", true},
    };
    for (const Behaviour& behaviour : behaviours) {
        ChatServer server([&](const ChatRequest&) {
            ChatAnswer answer;
            answer.script = behaviour.script;
            return answer;
        });
        const auto begin = std::chrono::steady_clock::now();
        const Reply answer = post_to(
            server, std::chrono::seconds(contains(behaviour.name, "slow") || behaviour.name == "silence" ? 1 : 20));
        EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15)) << behaviour.name;
        EXPECT_EQ(answer.failure.empty(), behaviour.is_taken) << behaviour.name;
        EXPECT_LE(answer.body.size(), behaviour.is_taken ? 2u : kMostBody) << behaviour.name;
        EXPECT_TRUE(contains(answer.failure, behaviour.failure)) << behaviour.name;
        EXPECT_LE(answer.headers.size(), 20'000u) << behaviour.name;
    }
}

TEST(HttpPost, the_largest_body_is_taken_and_one_byte_more_is_not) {
    for (const std::size_t size : {kMostBody, kMostBody + 1}) {
        ChatServer server([&](const ChatRequest&) {
            ChatAnswer answer;
            answer.body = std::string(size, ' ');
            return answer;
        });
        const Reply answer = post_to(server, std::chrono::seconds(60));
        EXPECT_EQ(answer.failure, size == kMostBody ? "" : "the answer has more than 16777216 bytes");
    }
}

TEST(HttpPost, a_trailer_is_no_header) {
    ChatServer server([](const ChatRequest&) {
        ChatAnswer answer;
        answer.script = once(kChunked + "2\r\n{}\r\n0\r\nRetry-After: 99999\r\n\r\n");
        return answer;
    });
    EXPECT_FALSE(post_to(server, std::chrono::seconds(20)).headers.contains("retry-after"));
}

/// Answers every request alike.
std::function<ChatAnswer(const ChatRequest&)> always(int status, std::string body) {
    return [=](const ChatRequest&) {
        ChatAnswer answer;
        answer.status = status;
        answer.body = body;
        return answer;
    };
}

TEST(HttpPost, a_body_may_be_read_while_it_comes_and_the_rest_left) {
    ChatServer server([](const ChatRequest&) {
        ChatAnswer answer;
        answer.script = endless(kChunked, "6\r\ndata\n\n\r\n");
        return answer;
    });
    PostRequest request{server.base_url() + "/chat/completions", "", "{}", std::chrono::seconds(20), {}, {}};
    std::string seen;
    request.on_body = [&](const Reply& head, std::string_view piece) {
        EXPECT_EQ(head.status, 200);
        EXPECT_EQ(head.headers.at("transfer-encoding"), "chunked");
        seen += piece;
        return seen.size() < 60;
    };
    const Reply reply = post(request);
    EXPECT_EQ(reply.failure, "");
    EXPECT_EQ(reply.body, "");
    EXPECT_EQ(seen.substr(0, 12), "data\n\ndata\n\n");
}

TEST(HttpPost, a_refusal_is_kept_for_its_message_also_where_the_body_is_read_while_it_comes) {
    ChatServer server(always(400, "no such model"));
    PostRequest request{server.base_url() + "/chat/completions", "", "{}", std::chrono::seconds(20), {}, {}};
    request.on_body = [](const Reply&, std::string_view) { return ADD_FAILURE() << "not of a success", true; };
    EXPECT_EQ(post(request).body, "no such model");
}

TEST(HttpPost, what_a_callback_throws_comes_out) {
    ChatServer server(always(200, "fine"));
    PostRequest request{server.base_url() + "/chat/completions", "", "{}", std::chrono::seconds(20), {}, {}};
    request.on_body = [](const Reply&, std::string_view) -> bool { throw std::runtime_error("enough"); };
    EXPECT_THROW(post(request), std::runtime_error);
    request.on_body = nullptr;
    request.on_tick = [] { throw std::runtime_error("cancelled"); };
    EXPECT_THROW(post(request), std::runtime_error);
}

}  // namespace
}  // namespace urial::http
