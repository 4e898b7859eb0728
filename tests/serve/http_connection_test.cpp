// One connection, many requests: keep-alive, pipelining, HTTP/1.0, bodies in every form, and bytes that are no HTTP.

#include <random>

#include <gtest/gtest.h>

#include "serve/hostile_clients.h"
#include "serve/served_routes.h"

namespace urial::serve::test {
namespace {

TEST(HttpConnection, requests_follow_each_other_on_one_connection) {
    ServedRoutes served;
    RawClient client(served.port());
    for (int i = 0; i < 5; ++i) {
        const std::string body = fmt::format("{{\"i\":{}}}", i);
        ASSERT_TRUE(client.send(served.request("POST", "/echo", "", body)));
        const auto reply = client.reply();
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->body, body);
    }
}

TEST(HttpConnection, pipelined_requests_are_answered_in_their_order) {
    ServedRoutes served({}, {{"POST", "/slow", [](HttpRequest&& request, auto exchange) {
                                  std::this_thread::sleep_for(milliseconds(20));
                                  exchange->reply({.body = request.body});
                              }}});
    RawClient client(served.port());
    std::string all;
    for (int i = 0; i < 20; ++i)
        all += served.request("POST", i % 2 ? "/echo" : "/slow", "", fmt::format("{}", i + 100));
    ASSERT_TRUE(client.send(all));
    for (int i = 0; i < 20; ++i) {
        const auto reply = client.reply();
        ASSERT_TRUE(reply) << i;
        EXPECT_EQ(reply->body, fmt::format("{}", i + 100));
    }
}

TEST(HttpConnection, a_side_that_is_closed_after_quick_requests_still_gets_their_answers) {
    ServedRoutes served;
    RawClient client(served.port());
    ASSERT_TRUE(client.send(served.request("GET", "/health") + served.request("GET", "/health")));
    client.close_sending_side();
    for (int i = 0; i < 2; ++i) {
        const auto reply = client.reply();
        ASSERT_TRUE(reply) << i;
        EXPECT_EQ(reply->status, 200);
    }
    EXPECT_TRUE(client.is_closed_by_server());
}

TEST(HttpConnection, http_1_0_closes_unless_it_is_asked_to_stay) {
    ServedRoutes served;
    RawClient closing(served.port());
    ASSERT_TRUE(closing.send("GET /health HTTP/1.0\r\n\r\n"));
    EXPECT_EQ(closing.reply().value_or(RawReply{}).headers["connection"], "close");
    EXPECT_TRUE(closing.is_closed_by_server());

    RawClient staying(served.port());
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(staying.send("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
        EXPECT_EQ(staying.reply().value_or(RawReply{}).headers["connection"], "keep-alive");
    }
    RawClient asked(served.port());
    ASSERT_TRUE(asked.send(served.request("GET", "/health", "Connection: close\r\n")));
    EXPECT_EQ(asked.reply().value_or(RawReply{}).headers["connection"], "close");
    EXPECT_TRUE(asked.is_closed_by_server());
}

TEST(HttpConnection, head_has_the_header_of_get_and_no_body) {
    ServedRoutes served;
    RawClient client(served.port());
    ASSERT_TRUE(client.send(served.request("HEAD", "/health") + served.request("GET", "/health")));
    const auto head = client.reply(false);
    ASSERT_TRUE(head);
    EXPECT_EQ(head->headers.at("content-length"), "2");
    const auto get = client.reply();
    ASSERT_TRUE(get);
    EXPECT_EQ(get->status, 200);
    EXPECT_EQ(get->body, "{}");
}

TEST(HttpConnection, a_body_in_chunks_is_the_same_body_however_it_is_cut) {
    ServedRoutes served;
    const std::string head =
        served.request("POST", "/echo", "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n");
    const std::string request =
        head + "4\r\n{\"a\"\r\n3;x=y\r\n: 1\r\n1\r\n}\r\n0\r\nX-Trailer: 1\r\n\r\n" + served.request("GET", "/health");
    for (std::size_t piece : {std::size_t{1}, std::size_t{7}, request.size()}) {
        RawClient client(served.port());
        for (std::size_t at = 0; at < request.size(); at += piece) {
            ASSERT_TRUE(client.send(std::string_view(request).substr(at, piece)));
            if (piece == 1 && at % 16 == 0) std::this_thread::sleep_for(milliseconds(1));
        }
        const auto reply = client.reply();
        ASSERT_TRUE(reply) << piece;
        EXPECT_EQ(reply->body, "{\"a\": 1}") << piece;
        EXPECT_EQ(client.reply().value_or(RawReply{}).body, "{}") << piece;
    }
}

TEST(HttpConnection, a_client_that_waits_for_100_continue_gets_it_only_when_it_is_admitted) {
    ServedRoutes served;
    const std::string expects = "Expect: 100-continue\r\nContent-Length: 2\r\n";
    RawClient client(served.port());
    ASSERT_TRUE(client.send(served.request("POST", "/echo", "Content-Type: application/json\r\n" + expects)));
    EXPECT_EQ(client.reply().value_or(RawReply{}).status, 100);
    ASSERT_TRUE(client.send("{}"));
    EXPECT_EQ(client.reply().value_or(RawReply{}).status, 200);

    EXPECT_EQ(served.status(served.request("POST", "/none", "Content-Type: application/json\r\n" + expects)), 404);
    EXPECT_EQ(served.status(served.request("POST", "/echo", "Expect: magic\r\n", "{}")), 417);
}

TEST(HttpConnection, where_a_body_ends_must_be_unambiguous) {
    ServedRoutes served;
    const std::string json = "Content-Type: application/json\r\n";
    const std::string chunks = "2\r\n{}\r\n0\r\n\r\n";
    const std::string smuggled = "GET /health HTTP/1.1\r\nHost: " + served.host() + "\r\n\r\n";
    const std::vector<std::string> requests = {
        served.request("POST", "/echo", json + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n") + chunks,
        served.request("POST", "/echo", json + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n") + chunks,
        served.request("POST", "/echo", json + "Content-Length: 2\r\nContent-Length: 2\r\n") + "{}",
        served.request("POST", "/echo", json + "Content-Length: 2\r\nContent-Length: 3\r\n") + "{}",
        served.request("POST", "/echo", json + "Content-Length: 2, 2\r\n") + "{}",
        served.request("POST", "/echo", json + "Content-Length: +2\r\n") + "{}",
        served.request("POST", "/echo", json + "Content-Length: 0x2\r\n") + "{}",
        served.request("POST", "/echo", json + "Content-Length: -2\r\n") + "{}",
        served.request("POST", "/echo", json + "Content-Length: 99999999999999999999999\r\n") + "{}",
        served.request("POST", "/echo", json + "Transfer-Encoding: gzip, chunked\r\n") + chunks,
        served.request("POST", "/echo", json + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") + chunks,
        served.request("POST", "/echo", json + "Transfer-Encoding: xchunked\r\n") + chunks,
        served.request("POST", "/echo", json + "Transfer-Encoding: chunked\r\n") + "zz\r\n{}\r\n0\r\n\r\n",
        served.request("POST", "/echo", json + "Transfer-Encoding: chunked\r\n") + "2\r\n{}{}\r\n0\r\n\r\n",
        served.request("POST", "/echo", json + "Transfer-Encoding : chunked\r\n") + chunks,
        "POST /echo HTTP/1.0\r\nHost: " + served.host() + "\r\n" + json + "Transfer-Encoding: chunked\r\n\r\n" + chunks,
    };
    for (const std::string& request : requests) {
        RawClient client(served.port());
        client.send(request + smuggled);
        const auto reply = client.reply();
        ASSERT_TRUE(reply) << request;
        EXPECT_EQ(reply->status, 400) << request;
        EXPECT_TRUE(client.is_closed_by_server()) << request;  // the second request was not answered
    }
    EXPECT_EQ(served.calls, 0);
}

TEST(HttpConnection, sizes_have_limits) {
    ServedRoutes served({.limits = {.header_bytes = 1000, .body_bytes = 5000}});
    const std::string json = "Content-Type: application/json\r\n";
    EXPECT_EQ(served.status(served.request("GET", "/health", "X: " + std::string(700, 'x') + "\r\n")), 200);
    EXPECT_EQ(served.status(served.request("GET", "/health", "X: " + std::string(1000, 'x') + "\r\n")), 431);
    EXPECT_EQ(served.status("GET /" + std::string(100'000, 'x')), 431);
    std::string fields;
    for (int i = 0; i < 300; ++i) fields += fmt::format("x{}: 1\r\n", i);
    EXPECT_EQ(served.status(served.request("GET", "/health", fields)), 431);

    EXPECT_EQ(served.status(served.request("POST", "/echo", "", std::string(5000, ' '))), 200);
    EXPECT_EQ(served.status(served.request("POST", "/echo", "", std::string(5001, ' '))), 413);
    std::string chunks;
    for (int i = 0; i < 51; ++i) chunks += "64\r\n" + std::string(100, ' ') + "\r\n";
    const std::string chunked = served.request("POST", "/echo", json + "Transfer-Encoding: chunked\r\n");
    EXPECT_EQ(served.status(chunked + chunks + "0\r\n\r\n"), 413);
    EXPECT_EQ(served.status(chunked + "ffffffffffffffff\r\n"), 413);
    EXPECT_EQ(served.status(chunked + "0\r\nX: " + std::string(2000, 'x')), 431);
    EXPECT_EQ(served.status(chunked + "1;" + std::string(2000, 'x')), 431);
    EXPECT_EQ(served.calls, 1);
}

TEST(HttpConnection, a_header_that_drips_in_lines_has_the_same_limit) {
    ServedRoutes served({.limits = {.header_bytes = 1000}});
    RawClient client(served.port());
    client.send("GET /health HTTP/1.1\r\nHost: " + served.host() + "\r\n");
    for (int i = 0; i < 100; ++i) {
        client.send(fmt::format("x{}: 0123456789\r\n", i));
        std::this_thread::sleep_for(milliseconds(1));
    }
    EXPECT_EQ(client.reply().value_or(RawReply{}).status, 431);
}

TEST(HttpConnection, a_client_that_sends_a_large_refused_body_still_reads_why) {
    ServedRoutes served;
    RawClient client(served.port());
    client.send(served.request("POST", "/none", "", std::string(3u << 20, ' ')));
    EXPECT_EQ(client.reply().value_or(RawReply{}).status, 404);
}

TEST(HttpConnection, of_malformed_requests_none_crashes_hangs_or_is_answered_with_a_failure) {
    ServedRoutes served({.limits = {.header_deadline = milliseconds(30),
                                    .body_deadline = milliseconds(30),
                                    .idle_deadline = milliseconds(30)}});
    const std::string json = "Content-Type: application/json\r\n";
    const std::vector<std::string> seeds = {
        served.request("GET", "/health"),
        served.request("POST", "/echo", "", R"({"a": [1, 2, "x"]})"),
        served.request("POST", "/echo", json + "Transfer-Encoding: chunked\r\n") +
            "5\r\n{\"a\":\r\n3\r\n 1}\r\n0\r\n\r\n",
        served.request("POST", "/echo", json + "Expect: 100-continue\r\nContent-Length: 2\r\n") + "{}",
        "GET /health HTTP/1.0\r\n\r\n",
        "\x16\x03\x01\x02\x01\x01" + std::string(200, '\x7f'),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    };
    std::mt19937 random(20240811);
    for (int i = 0; i < 500; ++i) {
        using namespace urial::test;
        expect_survival(served.port(), "127.0.0.1", broken(seeds, http_pieces(), random), random);
    }
    EXPECT_EQ(served.status(served.request("GET", "/health")), 200);
}

}  // namespace
}  // namespace urial::serve::test
