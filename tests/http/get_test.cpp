#include "http/http.h"

#include <thread>

#include <gtest/gtest.h>

#include "support/chat_server.h"

namespace urial::http {
namespace {

using test::ChatAnswer;
using test::ChatRequest;
using test::ChatServer;
using test::SendBytes;

const std::string kHead = "HTTP/1.1 200 OK\r\n";

/// Gets from a server that sends `head`, and then `part` until the client goes.
Reply get_endless(const std::string& head, const std::string& part, GetRequest request = {},
                  std::chrono::milliseconds pause = std::chrono::milliseconds(0)) {
    ChatServer server([&](const ChatRequest&) {
        ChatAnswer answer;
        answer.script = [&](const SendBytes& send) {
            if (!send(head)) return;
            while (send(part)) std::this_thread::sleep_for(pause);
        };
        return answer;
    });
    request.url = server.base_url() + "/models";
    return get(request);
}

TEST(HttpGet, headers_and_trailers_without_an_end_are_cut_off) {
    const std::string lines = "A: 1\r\nB: 2\r\nC: 3\r\n";
    EXPECT_EQ(get_endless(kHead, lines).failure, "the answer has more than 262144 bytes of headers");
    EXPECT_EQ(get_endless("", "HTTP/1.1 100 Continue\r\n\r\n").failure,
              "the answer has more than 262144 bytes of headers");
    EXPECT_EQ(get_endless(kHead + "Transfer-Encoding: chunked\r\n\r\n0\r\n", lines).failure,
              "the answer has more than 262144 bytes of headers");
}

TEST(HttpGet, the_body_of_a_refusal_is_not_read_to_its_end) {
    const Reply reply = get_endless("HTTP/1.1 404 None\r\n\r\n", std::string(10'000, 'x'));
    EXPECT_EQ(reply.status, 404);
    EXPECT_EQ(reply.failure, "");
}

TEST(HttpGet, a_reply_that_drips_ends_with_its_time) {
    GetRequest request;
    request.timeout = std::chrono::milliseconds(300);
    request.on_body = [](const Reply&, std::string_view) { return true; };
    const Reply reply = get_endless(kHead + "\r\n", "x", request, std::chrono::milliseconds(20));
    EXPECT_FALSE(reply.failure.empty());
    EXPECT_TRUE(reply.may_pass);
}

}  // namespace
}  // namespace urial::http
