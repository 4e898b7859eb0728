#include "http/client.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/chat_server.h"
#include "support/expect_error.h"
#include "support/expect_text.h"

namespace urial::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::ChatAnswer;
using test::ChatRequest;
using test::ChatServer;
using test::completion;
using test::contains;

ChatAnswer with_status(int status, std::string headers = "") {
    ChatAnswer answer;
    answer.status = status;
    answer.headers = std::move(headers);
    return answer;
}

std::string dead_address() {
    return ChatServer([](const ChatRequest&) { return completion(""); }).base_url();
}

ClientOptions quick() {
    ClientOptions options;
    options.timeout = seconds(10);
    options.retry.first_wait = milliseconds(1);
    options.retry.longest_wait = milliseconds(20);
    return options;
}

Client client_of(const std::vector<std::string>& addresses, ClientOptions options = quick()) {
    std::vector<Server> servers;
    for (const std::string& address : addresses) servers.push_back({address, "", "a file"});
    return {std::move(servers), std::move(options)};
}

Attempt one_post(const Channel& channel) { return attempt_of(channel.post("/chat/completions", "{}")); }

Attempt ask(Client& client) { return client.run(one_post, seconds(20)).value(); }

/// From `threads` threads at the same time; the number that succeeded.
int ask_many(Client& client, int threads, int each) {
    std::atomic<int> done = 0;
    std::vector<std::thread> all;
    for (int i = 0; i < threads; ++i) {
        all.emplace_back([&] {
            for (int k = 0; k < each; ++k) done += ask(client).outcome == Outcome::Done ? 1 : 0;
        });
    }
    for (std::thread& thread : all) thread.join();
    return done;
}

TEST(Client, a_request_goes_to_the_least_busy_server) {
    std::atomic<bool> open = false;
    ChatServer slow([&](const ChatRequest&) {
        while (!open) std::this_thread::sleep_for(milliseconds(1));
        return completion("");
    });
    ChatServer fast([](const ChatRequest&) { return completion(""); });
    Client client = client_of({slow.base_url(), fast.base_url()});
    std::thread first([&] { ask(client); });
    while (slow.received() == 0) std::this_thread::sleep_for(milliseconds(1));
    for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(client).outcome, Outcome::Done);
    open = true;
    first.join();
    EXPECT_EQ(fast.received(), 5u);
    for (int i = 0; i < 4; ++i) ask(client);
    EXPECT_EQ(slow.received(), 3u) << "idle servers take turns";
}

TEST(Client, a_server_that_is_gone_is_left_out_and_what_it_had_is_sent_elsewhere) {
    ChatServer alive([](const ChatRequest&) { return completion(""); });
    Client client = client_of({dead_address(), alive.base_url(), dead_address()});
    EXPECT_EQ(ask_many(client, 8, 10), 80);
    EXPECT_EQ(alive.received(), 80u);
}

TEST(Client, a_server_that_comes_back_is_used_again) {
    std::atomic<bool> broken = true;
    ChatServer ill([&](const ChatRequest&) { return broken ? with_status(500) : completion(""); });
    ChatServer well([](const ChatRequest&) { return completion(""); });
    Client client = client_of({ill.base_url(), well.base_url()});
    for (int i = 0; i < 20; ++i) EXPECT_EQ(ask(client).outcome, Outcome::Done);
    broken = false;
    const std::size_t before = ill.received();
    for (int i = 0; i < 500 && ill.received() < before + 5; ++i) {
        ask(client);
        std::this_thread::sleep_for(milliseconds(1));
    }
    EXPECT_GE(ill.received(), before + 5);
}

TEST(Client, the_requests_under_way_adapt_to_what_a_server_takes) {
    std::atomic<int> at_once = 0;
    std::atomic<int> refused = 0;
    ChatServer server([&](const ChatRequest&) {
        const bool takes = ++at_once <= 2;
        if (takes) std::this_thread::sleep_for(milliseconds(2));
        --at_once;
        refused += takes ? 0 : 1;
        return takes ? completion("") : with_status(429);
    });
    Client client = client_of({server.base_url()});
    EXPECT_EQ(ask_many(client, 12, 10), 120);
    EXPECT_LT(refused, 120) << "as many refusals as answers: nothing was learned from them";
}

TEST(Client, the_wish_of_a_busy_server_is_obeyed) {
    using Clock = std::chrono::steady_clock;
    std::vector<Clock::time_point> asked;
    ChatServer server([&](const ChatRequest&) {
        asked.push_back(Clock::now());
        return asked.size() == 1 ? with_status(503, "Retry-After: 1\r\n") : completion("");
    });
    Client client = client_of({server.base_url()});
    EXPECT_EQ(ask(client).outcome, Outcome::Done);
    ASSERT_EQ(asked.size(), 2u);
    EXPECT_GE(asked[1] - asked[0], milliseconds(990));
}

TEST(Client, a_wish_beyond_patience_ends_the_run_at_once) {
    ChatServer server([&](const ChatRequest&) { return with_status(429, "Retry-After: 86400\r\n"); });
    Client client = client_of({server.base_url()});
    EXPECT_ERROR(ask(client), ErrorKind::Unavailable, "asks to come back in");
    EXPECT_EQ(server.received(), 1u);
}

TEST(Client, a_storm_of_refusals_ends_with_the_time_of_the_request) {
    ChatServer server([&](const ChatRequest&) { return with_status(429, "Retry-After: 1\r\n"); });
    Client client = client_of({server.base_url()});
    const Attempt attempt = client.run(one_post, milliseconds(200)).value();
    EXPECT_EQ(attempt.outcome, Outcome::Busy);
    EXPECT_LE(server.received(), 2u);
}

TEST(Client, what_would_be_refused_again_is_sent_once) {
    for (const int status : {301, 307, 400, 401, 403, 404, 405, 413, 422}) {
        ChatServer server([&](const ChatRequest&) { return with_status(status, "Location: http://127.0.0.1:1/\r\n"); });
        Client client = client_of({server.base_url()});
        EXPECT_EQ(ask(client).outcome, Outcome::Refused) << status;
        EXPECT_EQ(server.received(), 1u) << status;
    }
}

TEST(Client, what_breaks_a_server_each_time_is_given_up) {
    ChatServer server([&](const ChatRequest&) { return with_status(500); });
    Client client = client_of({server.base_url()});
    const Attempt attempt = ask(client);
    EXPECT_EQ(attempt.outcome, Outcome::Broken);
    EXPECT_EQ(attempt.reason, "status 500");
    EXPECT_EQ(server.received(), static_cast<std::size_t>(quick().retry.most_failures));
}

TEST(Client, servers_that_never_answer_well_end_the_run_with_their_names) {
    const std::string one = dead_address();
    const std::string other = dead_address();
    Client client = client_of({one, other});
    try {
        ask(client);
        ADD_FAILURE() << "no error";
    } catch (const Error& failure) {
        EXPECT_EQ(failure.kind(), ErrorKind::Unavailable);
        EXPECT_TRUE(contains(failure.what(), one));
        EXPECT_TRUE(contains(failure.what(), other));
    }
    ChatServer broken([](const ChatRequest&) { return with_status(500); });
    Client failing = client_of({broken.base_url()});
    const auto ask_often = [&] {
        for (int i = 0; i < 10; ++i) ask(failing);
    };
    EXPECT_ERROR(ask_often(), ErrorKind::Unavailable, broken.base_url());
}

TEST(Client, who_asks_again_after_the_end_of_a_run_is_served) {
    std::atomic<bool> broken = true;
    ChatServer server([&](const ChatRequest&) { return broken ? with_status(500) : completion(""); });
    Client client = client_of({server.base_url()});
    const auto ask_often = [&] {
        for (int i = 0; i < 10; ++i) ask(client);
    };
    EXPECT_ERROR(ask_often(), ErrorKind::Unavailable, "status 500");
    broken = false;
    EXPECT_EQ(ask(client).outcome, Outcome::Done);
}

TEST(Client, a_request_to_stop_ends_the_waiting) {
    ChatServer server([&](const ChatRequest&) { return with_status(429, "Retry-After: 60\r\n"); });
    Client client = client_of({server.base_url()});
    std::atomic<bool> stop = false;
    std::thread asking([&] { EXPECT_FALSE(client.run(one_post, seconds(300), [&] { return stop.load(); })); });
    while (server.received() == 0) std::this_thread::sleep_for(milliseconds(1));
    stop = true;
    asking.join();
}

TEST(Client, a_key_goes_to_its_own_server_alone) {
    std::string at_one;
    std::string at_other;
    ChatServer other([&](const ChatRequest& request) {
        at_other = request.headers.contains("authorization") ? request.headers.at("authorization") : "none";
        return completion("");
    });
    ChatServer one([&](const ChatRequest& request) {
        at_one = request.headers.at("authorization");
        return with_status(307, "Location: " + other.base_url() + "/stolen\r\n");
    });
    Client client({{one.base_url(), "sk-one-0123456789", "a file"}, {other.base_url(), "", "a file"}}, quick());
    EXPECT_EQ(ask(client).outcome, Outcome::Refused);
    EXPECT_EQ(other.received(), 0u);
    EXPECT_EQ(ask(client).outcome, Outcome::Done);
    EXPECT_EQ(at_one, "Bearer sk-one-0123456789");
    EXPECT_EQ(at_other, "none");
    EXPECT_EQ(client.redact("a sk-one-0123456789 b"), "a [key] b");
    ChatServer describing(
        [&](const ChatRequest&) { return with_status(302, "Location: " + other.base_url() + "/models\r\n"); });
    Client asking({{describing.base_url(), "sk-one-0123456789", "a file"}}, quick());
    const auto get = [](const Channel& channel) { return attempt_of(channel.get("/models")); };
    EXPECT_EQ(asking.run(get, seconds(5))->outcome, Outcome::Refused);
    EXPECT_EQ(other.received(), 1u);
}

TEST(Client, what_a_try_throws_comes_out_and_leaves_room) {
    ChatServer server([](const ChatRequest&) { return completion(""); });
    ClientOptions options = quick();
    options.most_at_once = 1;
    Client client = client_of({server.base_url()}, options);
    const auto throwing = [](const Channel&) -> Attempt { throw error(ErrorKind::BadInput, "enough"); };
    EXPECT_ERROR(client.run(throwing, seconds(5)), ErrorKind::BadInput, "enough");
    EXPECT_EQ(ask(client).outcome, Outcome::Done);
}

TEST(ModelAddress, an_address_names_server_and_model) {
    const auto address = parse_model_address("https://host/v1#org/model");
    ASSERT_TRUE(address);
    EXPECT_EQ(address->base_url, "https://host/v1");
    EXPECT_EQ(address->model, "org/model");
    EXPECT_FALSE(parse_model_address("some-model"));
    EXPECT_ERROR(parse_model_address("https://host/v1"), ErrorKind::BadInput, "#MODEL");
    EXPECT_ERROR(parse_model_address("https://host/v1#"), ErrorKind::BadInput, "#MODEL");
}

TEST(ServerMessage, it_is_one_line_that_a_terminal_may_show) {
    EXPECT_EQ(server_message(R"({"error": {"message": "a\nb\u001b[31m"}})"), "a b\\x1b[31m");
    EXPECT_EQ(server_message(R"({"error": "short"})"), "short");
    EXPECT_EQ(server_message(R"({"message": "plain"})"), "plain");
    EXPECT_EQ(server_message("  <html> \xFF"), "<html> \xEF\xBF\xBD");
}

}  // namespace
}  // namespace urial::http
