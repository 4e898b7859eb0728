// Clients that are slow, idle, many or gone: deadlines, limits of connections and of unread answers, streams, the end.

#include <random>

#include <sys/resource.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "serve/served_routes.h"
#include "support/heap_bytes.h"

namespace urial::serve::test {
namespace {

using Clock = std::chrono::steady_clock;

/// Exchanges that a test answers itself.
class Kept {
public:
    Route route(std::string path) {
        return {"GET", std::move(path), [this](HttpRequest&&, std::shared_ptr<Exchange> exchange) {
                    const MutexLock lock(mutex_);
                    exchanges_.push_back(std::move(exchange));
                }};
    }
    std::size_t count() const {
        const MutexLock lock(mutex_);
        return exchanges_.size();
    }
    /// The next one, when it has come.
    std::shared_ptr<Exchange> take() {
        EXPECT_TRUE(comes_true([this] { return count() > 0; }));
        const MutexLock lock(mutex_);
        if (exchanges_.empty()) return nullptr;
        std::shared_ptr<Exchange> exchange = std::move(exchanges_.front());
        exchanges_.erase(exchanges_.begin());
        return exchange;
    }

private:
    mutable Mutex mutex_;
    std::vector<std::shared_ptr<Exchange>> exchanges_ GUARDED_BY(mutex_);
};

/// A stream of 2,000 events of so many bytes, or until the client has gone.
Route flood(std::size_t bytes) {
    return {"GET", "/flood", [bytes](HttpRequest&&, std::shared_ptr<Exchange> exchange) {
                exchange->begin_events();
                const std::string data(bytes, 'x');
                for (int i = 0; i < 2000 && !exchange->is_gone(); ++i) {
                    exchange->send_event(data);
                    std::this_thread::sleep_for(milliseconds(1));
                }
                exchange->end();
            }};
}

milliseconds since(Clock::time_point begin) { return std::chrono::duration_cast<milliseconds>(Clock::now() - begin); }

/// Sends a byte each 10 ms until the server has had enough; how long that took.
milliseconds drip(RawClient& client) {
    const auto begin = Clock::now();
    while (since(begin) < milliseconds(5000) && client.send("x")) std::this_thread::sleep_for(milliseconds(10));
    return since(begin);
}

TEST(HttpLimits, dripping_extends_no_deadline) {
    ServedRoutes served({.limits = {.header_deadline = milliseconds(200), .body_deadline = milliseconds(300)}});
    RawClient header(served.port());
    ASSERT_TRUE(header.send("GET /health HTTP/1.1\r\nHost: " + served.host() + "\r\nX: "));
    EXPECT_LT(drip(header), milliseconds(2500));
    RawClient body(served.port());
    ASSERT_TRUE(
        body.send(served.request("POST", "/echo", "Content-Type: application/json\r\nContent-Length: 100000\r\n")));
    EXPECT_LT(drip(body), milliseconds(2500));
    EXPECT_EQ(served.calls, 0);
}

TEST(HttpLimits, a_request_that_comes_too_late_is_408_and_an_idle_connection_just_ends) {
    ServedRoutes served({.limits = {.header_deadline = milliseconds(150),
                                    .body_deadline = milliseconds(150),
                                    .idle_deadline = milliseconds(150)}});
    RawClient header(served.port());
    ASSERT_TRUE(header.send("GET /hea"));
    EXPECT_EQ(header.reply().value_or(RawReply{}).status, 408);
    RawClient body(served.port());
    ASSERT_TRUE(body.send(served.request("POST", "/echo", "Content-Type: application/json\r\nContent-Length: 10\r\n")));
    EXPECT_EQ(body.reply().value_or(RawReply{}).status, 408);
    RawClient silent(served.port());
    EXPECT_TRUE(silent.is_closed_by_server());
    RawClient idle(served.port());
    ASSERT_TRUE(idle.send(served.request("GET", "/health")));
    EXPECT_EQ(idle.reply().value_or(RawReply{}).status, 200);
    EXPECT_TRUE(idle.is_closed_by_server());
}

TEST(HttpLimits, one_who_does_not_read_is_disconnected_by_the_deadline_or_by_what_is_unsent) {
    ServedRoutes by_time({.limits = {.unsent_bytes = 1u << 30, .write_deadline = milliseconds(200)}}, {flood(20'000)});
    RawClient slow(by_time.port());
    ASSERT_TRUE(slow.send(by_time.request("GET", "/flood")));
    EXPECT_TRUE(comes_true([&] { return !by_time.log().empty(); }));

    ServedRoutes by_size({.limits = {.unsent_bytes = 1u << 20}}, {flood(100'000)});
    RawClient full(by_size.port());
    const auto begin = Clock::now();
    ASSERT_TRUE(full.send(by_size.request("GET", "/flood")));
    EXPECT_TRUE(comes_true([&] { return !by_size.log().empty(); }));
    EXPECT_LT(since(begin), milliseconds(5000));  // long before the deadline
    EXPECT_LT(by_size.log().at(0).response_bytes, 60u << 20);
}

TEST(HttpLimits, a_large_answer_reaches_one_who_reads_slowly) {
    const std::string large(20u << 20, 'y');
    ServedRoutes served({.limits = {.unsent_bytes = 1u << 20}},
                        {{"GET", "/large", [&](HttpRequest&&, auto exchange) { exchange->reply({.body = large}); }}});
    RawClient client(served.port());
    ASSERT_TRUE(client.send(served.request("GET", "/large")));
    std::this_thread::sleep_for(milliseconds(50));
    EXPECT_EQ(client.reply().value_or(RawReply{}).body, large);
}

TEST(HttpLimits, an_answer_that_takes_too_long_is_ended_and_its_work_too) {
    Kept kept;
    ServedRoutes served({.limits = {.answer_deadline = milliseconds(150)}}, {kept.route("/slow")});
    std::atomic<int> ended = 0;
    RawClient client(served.port());
    ASSERT_TRUE(client.send(served.request("GET", "/slow")));
    std::shared_ptr<Exchange> unanswered = kept.take();
    ASSERT_TRUE(unanswered);
    unanswered->on_gone([&] { ++ended; });
    EXPECT_EQ(client.reply().value_or(RawReply{}).status, 504);
    EXPECT_TRUE(comes_true([&] { return ended == 1; }));
    unanswered->reply({.body = "late"});  // is dropped: the next reply is the next request's

    ASSERT_TRUE(client.send(served.request("GET", "/slow")));
    std::shared_ptr<Exchange> stream = kept.take();
    ASSERT_TRUE(stream);
    stream->on_gone([&] { ++ended; });
    stream->begin_events();
    stream->send_event("first");
    const RawReply reply = client.reply().value_or(RawReply{});
    EXPECT_EQ(reply.status, 200);
    EXPECT_TRUE(reply.body.starts_with("data: first\n\n"));
    EXPECT_NE(reply.body.find("\"code\":\"timeout\""), std::string::npos) << reply.body;
    EXPECT_TRUE(comes_true([&] { return ended == 2; }));
    EXPECT_EQ(served.log().at(0).failure, "deadline");
    EXPECT_EQ(served.status(served.request("GET", "/health", "Connection: close\r\n")), 200);
}

TEST(HttpLimits, of_too_many_connections_the_last_are_told_so) {
    ServedRoutes served({.limits = {.connections = 6, .connections_per_address = 4}});
    std::vector<RawClient> clients;
    for (int i = 0; i < 4; ++i) clients.emplace_back(served.port());
    EXPECT_TRUE(comes_true([&] { return served.status("") == 429; }));
    RawClient other(served.port(), "127.0.0.2");
    RawClient last(served.port(), "127.0.0.2");
    RawClient beyond(served.port(), "127.0.0.2");
    const auto reply = beyond.reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 503);
    EXPECT_EQ(reply->headers.at("retry-after"), "1");
    EXPECT_TRUE(beyond.is_closed_by_server());
    ASSERT_TRUE(other.send(served.request("GET", "/health")));
    EXPECT_EQ(other.reply().value_or(RawReply{}).status, 200);
    clients.clear();
    EXPECT_TRUE(comes_true([&] { return served.status(served.request("GET", "/health")) == 200; }));
}

TEST(HttpLimits, health_stays_quick_beside_dripping_idle_and_unreading_clients_and_busy_handlers) {
    const auto sleep = [](HttpRequest&&, std::shared_ptr<Exchange> exchange) {
        std::this_thread::sleep_for(milliseconds(300));
        exchange->reply({});
    };
    ServedRoutes served({}, {flood(100'000), {"GET", "/sleep", sleep}});
    std::vector<RawClient> clients;
    for (int i = 0; i < 60; ++i) {
        clients.emplace_back(served.port(), "127.0.0.2");
        clients.back().send("GET /health HTTP/1.1\r\nX: ");
        clients.emplace_back(served.port(), "127.0.0.3");
    }
    for (int i = 0; i < 8; ++i) {
        clients.emplace_back(served.port(), "127.0.0.4");
        clients.back().send(served.request("GET", i % 2 ? "/flood" : "/sleep"));
    }
    std::vector<milliseconds> times;
    for (int i = 0; i < 100; ++i) {
        for (std::size_t c = 0; c < 120; c += 2) clients[c].send("x");
        const auto begin = Clock::now();
        ASSERT_EQ(served.status(served.request("GET", "/health")), 200);
        times.push_back(since(begin));
    }
    std::ranges::sort(times);
    EXPECT_LT(times[98], milliseconds(1000));
}

TEST(HttpLimits, without_file_descriptors_the_server_waits_and_goes_on) {
    ServedRoutes served;
    ASSERT_EQ(served.status(served.request("GET", "/health")), 200);
    RawClient before(served.port());
    RawClient waiting(served.port());  // its descriptor is here; the server's shall be missing
    rlimit full{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &full), 0);
    const int next = ::dup(0);
    ASSERT_GE(next, 0);
    rlimit none = full;
    none.rlim_cur = static_cast<rlim_t>(next) + 1;  // the clients' connections are taken first, or not at all
    ::close(next);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    std::vector<RawClient> more;
    try {
        for (int i = 0; i < 10; ++i) more.emplace_back(served.port());
    } catch (const std::runtime_error&) {
    }
    rusage begin{};
    rusage end{};
    ::getrusage(RUSAGE_SELF, &begin);
    std::this_thread::sleep_for(milliseconds(400));
    ::getrusage(RUSAGE_SELF, &end);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &full), 0);
    const auto micros = [](const timeval& time) { return time.tv_sec * 1'000'000 + time.tv_usec; };
    EXPECT_LT(micros(end.ru_utime) + micros(end.ru_stime) - micros(begin.ru_utime) - micros(begin.ru_stime), 200'000);
    EXPECT_EQ(served.status(served.request("GET", "/health")), 200);
}

TEST(HttpStreams, events_come_as_they_are_sent_and_the_connection_stays) {
    Kept kept;
    ServedRoutes served({}, {kept.route("/stream")});
    RawClient client(served.port());
    ASSERT_TRUE(client.send(served.request("GET", "/stream")));
    const auto exchange = kept.take();
    ASSERT_TRUE(exchange);
    exchange->begin_events();
    const std::string head = client.read_until("\r\n\r\n");
    EXPECT_NE(head.find("content-type: text/event-stream"), std::string::npos);
    exchange->send_event("one");
    EXPECT_EQ(client.read_until("\n\n\r\n"), "b\r\ndata: one\n\n\r\n");
    exchange->send_event("two");
    EXPECT_EQ(client.read_until("\n\n\r\n"), "b\r\ndata: two\n\n\r\n");
    exchange->end();
    EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
    exchange->send_event("late");
    exchange->reply({.body = "late"});
    ASSERT_TRUE(client.send(served.request("GET", "/health")));
    EXPECT_EQ(client.reply().value_or(RawReply{}).body, "{}");
}

TEST(HttpStreams, in_http_1_0_a_stream_goes_to_the_end_of_the_connection) {
    Kept kept;
    ServedRoutes served({}, {kept.route("/stream")});
    RawClient client(served.port());
    ASSERT_TRUE(client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    const auto exchange = kept.take();
    ASSERT_TRUE(exchange);
    exchange->begin_events();
    exchange->send_event("one");
    exchange->end();
    const auto reply = client.reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->body, "data: one\n\n");
    EXPECT_TRUE(reply->is_whole);
}

TEST(HttpStreams, a_comment_comes_after_silence_and_only_then) {
    Kept kept;
    ServedRoutes served({.limits = {.ping_after = milliseconds(300)}}, {kept.route("/stream")});
    RawClient client(served.port());
    ASSERT_TRUE(client.send(served.request("GET", "/stream")));
    const auto exchange = kept.take();
    ASSERT_TRUE(exchange);
    exchange->begin_events();
    client.read_until("\r\n\r\n");
    const auto begin = Clock::now();
    EXPECT_EQ(client.read_until(":\n\n\r\n"), "3\r\n:\n\n\r\n");
    EXPECT_GE(since(begin), milliseconds(200));
    for (int i = 0; i < 8; ++i) {
        exchange->send_event("x");
        std::this_thread::sleep_for(milliseconds(50));
    }
    exchange->end();
    EXPECT_EQ(client.read_until("0\r\n\r\n").find(":\n\n"), std::string::npos);
}

TEST(HttpStreams, a_failure_in_a_stream_is_an_event_and_one_that_is_let_go_breaks_off) {
    const auto fails = [](HttpRequest&&, std::shared_ptr<Exchange> exchange) {
        exchange->begin_events();
        exchange->send_event("one");
        throw Error(ErrorKind::BadInput, "no more");
    };
    const auto forgets = [](HttpRequest&&, std::shared_ptr<Exchange> exchange) { exchange->begin_events(); };
    ServedRoutes served({}, {{"GET", "/fails", fails}, {"GET", "/forgets", forgets}});
    const auto failed = ask(served.port(), served.request("GET", "/fails"));
    ASSERT_TRUE(failed);
    EXPECT_TRUE(failed->is_whole);
    EXPECT_TRUE(failed->body.starts_with("data: one\n\ndata: {\"error\":{\"message\":\"no more\"")) << failed->body;
    const auto forgotten = ask(served.port(), served.request("GET", "/forgets"));
    EXPECT_FALSE(forgotten && forgotten->is_whole);
}

TEST(HttpStreams, a_client_that_goes_is_noticed_in_every_phase) {
    Kept kept;
    ServedRoutes served({}, {kept.route("/wait")});
    std::atomic<int> gone = 0;
    const auto notice = [&](bool streams, std::string more, auto leave) {
        SCOPED_TRACE(fmt::format("streams {} more {}", streams, more.size()));
        RawClient client(served.port());
        ASSERT_TRUE(client.send(served.request("GET", "/wait") + more));
        const auto exchange = kept.take();
        ASSERT_TRUE(exchange);
        if (streams) exchange->begin_events();
        exchange->on_gone([&] { ++gone; });
        EXPECT_FALSE(exchange->is_gone());
        const int before = gone;
        leave(client);
        const auto begin = Clock::now();
        EXPECT_TRUE(comes_true([&] { return gone == before + 1; }));
        EXPECT_LT(since(begin), milliseconds(1000));
        EXPECT_TRUE(exchange->is_gone());
        bool at_once = false;
        exchange->on_gone([&] { at_once = true; });
        EXPECT_TRUE(at_once);
        exchange->send_event("dropped");
        exchange->reply({});
    };
    for (const bool streams : {false, true}) {
        for (const std::string& more : {std::string(), std::string("GET /"), std::string(200'000, 'x')}) {
            notice(streams, more, [](RawClient& client) { client.close(); });
            notice(streams, more, [](RawClient& client) { client.abort(); });
            notice(streams, more, [](RawClient& client) { client.close_sending_side(); });
        }
    }
    EXPECT_EQ(gone, 18);
}

TEST(HttpStreams, one_who_sends_too_much_ahead_is_disconnected) {
    Kept kept;
    ServedRoutes served({.limits = {.header_bytes = 1000, .body_bytes = 5000}}, {kept.route("/wait")});
    RawClient client(served.port());
    ASSERT_TRUE(client.send(served.request("GET", "/wait")));
    const auto exchange = kept.take();
    ASSERT_TRUE(exchange);
    ASSERT_TRUE(client.send(std::string(5500, 'x')));
    std::this_thread::sleep_for(milliseconds(50));
    EXPECT_FALSE(exchange->is_gone());
    client.send(std::string(600, 'x'));
    EXPECT_TRUE(comes_true([&] { return exchange->is_gone(); }));
}

TEST(HttpStreams, a_handler_that_is_faster_than_the_server_fills_no_memory) {
    Kept kept;
    std::atomic<bool> is_busy = false;
    std::atomic<bool> goes_on = false;
    ServedRoutes served({}, {kept.route("/stream"),
                             {"GET", "/busy",
                              [&](HttpRequest&&, auto exchange) {
                                  is_busy = true;
                                  comes_true([&] { return goes_on.load(); });
                                  exchange->reply({});
                              },
                              false, true}});
    RawClient client(served.port());
    ASSERT_TRUE(client.send(served.request("GET", "/stream")));
    const auto exchange = kept.take();
    ASSERT_TRUE(exchange);
    exchange->begin_events();
    RawClient blocker(served.port());
    ASSERT_TRUE(blocker.send(served.request("GET", "/busy")));
    ASSERT_TRUE(comes_true([&] { return is_busy.load(); }));
    const std::size_t before = urial::test::heap_bytes();
    for (int i = 0; i < 200; ++i) exchange->send_event(std::string(1u << 20, 'x'));
    const std::size_t after = urial::test::heap_bytes();
    goes_on = true;
    EXPECT_LT(after, before + (60u << 20));
    EXPECT_TRUE(comes_true([&] { return exchange->is_gone(); }));
    EXPECT_EQ(blocker.reply().value_or(RawReply{}).status, 200);
}

TEST(HttpStreams, nobody_is_told_of_a_client_that_goes_after_the_end) {
    Kept kept;
    ServedRoutes served({}, {kept.route("/wait")});
    bool told = false;
    std::shared_ptr<Exchange> exchange;
    {
        RawClient client(served.port());
        ASSERT_TRUE(client.send(served.request("GET", "/wait")));
        exchange = kept.take();
        ASSERT_TRUE(exchange);
        exchange->on_gone([&] { told = true; });
        exchange->reply({.body = "all"});
        EXPECT_EQ(client.reply().value_or(RawReply{}).body, "all");
    }
    EXPECT_TRUE(comes_true([&] { return served.log().size() == 1; }));
    served.server->stop();
    served.join();
    exchange->on_gone([&] { told = true; });
    EXPECT_FALSE(told);
    EXPECT_FALSE(exchange->is_gone());
}

TEST(HttpStreams, of_clients_that_go_at_random_moments_each_is_noticed_once) {
    std::atomic<int> begun = 0;
    std::atomic<int> ended = 0;
    std::atomic<int> gone = 0;
    std::vector<std::thread> writers;
    Mutex writers_mutex;
    const auto stream = [&](HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
        ++begun;
        exchange->on_gone([&] { ++gone; });
        const int events = std::stoi(request.query);
        const MutexLock lock(writers_mutex);
        writers.emplace_back([&, exchange = std::move(exchange), events] {
            exchange->begin_events();
            for (int i = 0; i < events; ++i) {
                exchange->send_event("x");
                std::this_thread::sleep_for(milliseconds(1));
            }
            exchange->end();
            ++ended;
        });
    };
    constexpr int kClients = 500;
    std::size_t logged = 0;
    {
        ServedRoutes served({}, {{"GET", "/stream", stream}});
        std::mt19937 random(7);
        for (int i = 0; i < kClients; ++i) {
            RawClient client(served.port());
            ASSERT_TRUE(client.send(served.request("GET", fmt::format("/stream?{}", random() % 6))));
            if (random() % 4 != 0) std::this_thread::sleep_for(std::chrono::microseconds(random() % 6000));
            if (random() % 2) client.abort();
        }
        EXPECT_TRUE(
            comes_true([&] { return ended == begun && served.log().size() >= static_cast<std::size_t>(begun); }));
        EXPECT_EQ(served.status(served.request("GET", "/health")), 200);
        logged = static_cast<std::size_t>(std::ranges::count(served.log(), "/stream", &LogLine::route));
    }
    for (std::thread& writer : writers) writer.join();
    EXPECT_EQ(logged, static_cast<std::size_t>(begun));
    EXPECT_LE(gone, begun);
    EXPECT_GT(gone, 50);
    EXPECT_LT(gone, begun - 50);
}

TEST(HttpStop, exchanges_under_way_finish_and_nobody_else_is_served) {
    Kept kept;
    ServedRoutes served({}, {kept.route("/wait")});
    RawClient idle(served.port());
    RawClient busy(served.port());
    ASSERT_TRUE(busy.send(served.request("GET", "/wait") + served.request("GET", "/health")));
    const auto exchange = kept.take();
    ASSERT_TRUE(exchange);
    served.server->stop();
    EXPECT_TRUE(idle.is_closed_by_server());
    EXPECT_THROW(RawClient(served.port()), std::runtime_error);
    exchange->reply({.body = "done"});
    const auto reply = busy.reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->body, "done");
    EXPECT_EQ(reply->headers.at("connection"), "close");
    EXPECT_TRUE(busy.is_closed_by_server());
    busy.close();
    served.join();
}

TEST(HttpStop, what_does_not_finish_is_disconnected_after_the_drain_or_by_the_second_stop) {
    for (const bool stops_twice : {false, true}) {
        Kept kept;
        ServedRoutes served({.limits = {.drain = milliseconds(stops_twice ? 60'000 : 200)}}, {kept.route("/wait")});
        RawClient client(served.port());
        ASSERT_TRUE(client.send(served.request("GET", "/wait")));
        const auto exchange = kept.take();
        ASSERT_TRUE(exchange);
        std::atomic<int> gone = 0;
        exchange->on_gone([&] { ++gone; });
        served.server->stop();
        if (stops_twice) served.server->stop();
        const auto begin = Clock::now();
        served.join();
        EXPECT_LT(since(begin), milliseconds(5000));
        EXPECT_EQ(gone, 1);
        served.end();
        exchange->reply({});  // after all has ended
        EXPECT_TRUE(exchange->is_gone());
    }
}

TEST(HttpLog, a_line_has_sizes_and_the_route_and_nothing_that_a_client_wrote) {
    ServedRoutes served;
    ASSERT_EQ(served.status(served.request("POST", "/echo?secret=1", "X-Secret: secret\r\n", "\"secret\"")), 200);
    ASSERT_EQ(served.status(served.request("SECRET", "/secret")), 404);
    ASSERT_TRUE(comes_true([&] { return served.log().size() == 2; }));
    const LogLine echo = served.log()[0];
    EXPECT_EQ(echo.method, "POST");
    EXPECT_EQ(echo.route, "/echo");
    EXPECT_EQ(echo.status, 200);
    EXPECT_EQ(echo.request_bytes, 8u);
    EXPECT_EQ(echo.response_bytes, 8u);
    const LogLine none = served.log()[1];
    EXPECT_EQ(none.method + none.route, "");
    EXPECT_EQ(none.status, 404);
}

}  // namespace
}  // namespace urial::serve::test
