// A server that does everything wrong that a server can. What passes costs another try and nothing else: every question
// has its one right answer. What stays ends each question with a reason, or the run with an error, within the limits of
// time and size. A key is nowhere but at its server.

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/mutex.h"
#include "base/text.h"
#include "remote/remote_testing.h"
#include "support/expect_text.h"
#include "support/sandbox.h"
#include "support/scripted_model.h"

namespace urial::remote {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::ChatAnswer;
using test::ChatRequest;
using test::ChatServer;
using test::contains;
using test::SendBytes;
using Handler = ChatServer::Handler;

constexpr int kQuestions = 5;
constexpr std::size_t kMostSent = 40u << 20;  // of one answer, what the socket took beside it included
const std::string kHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
const std::string kOpenHead = kHead + "\r\n";

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

enum class Kind {
    Passes,   ///< another try helps
    Taken,    ///< it is an answer all the same
    Refused,  ///< this question has no answer, others may
    Fatal,    ///< no question will have one
};

struct Behaviour {
    std::string name;
    Handler handler;
    Kind kind = Kind::Passes;
    std::string reason = {};  ///< a part of what is said
    milliseconds timeout = seconds(10);
};

Handler always(int status, std::string body = "", std::string headers = "") {
    return [=](const ChatRequest&) { return reply(status, body, headers); };
}

Handler scripted(std::function<void(const SendBytes&)> script) {
    return [=](const ChatRequest&) {
        ChatAnswer answer;
        answer.script = script;
        return answer;
    };
}

Handler bytes(std::string text) {
    return scripted([=](const SendBytes& send) { send(text); });
}

/// A stream that is right in its form and ends when the server closes.
Handler stream(const std::string& events) { return bytes(kOpenHead + events); }

std::atomic<std::size_t> most_sent{0};

Handler endless(std::string head, std::string part, milliseconds pause = milliseconds(0)) {
    return scripted([=](const SendBytes& send) {
        std::size_t sent = 0;
        if (!send(head)) return;
        while (sent < 2 * kMostSent && send(part)) {
            sent += part.size();
            most_sent = std::max<std::size_t>(most_sent, sent);
            std::this_thread::sleep_for(pause);
        }
    });
}

/// What is wrong with the answer is what `change` makes of the right one.
Handler changed(std::function<std::string(const std::string& text)> change) {
    return [=](const ChatRequest& request) { return reply(200, change(answer_to(query_of(request)))); };
}

std::string whole_json(const std::string& text) {
    return nlohmann::json{{"model", kModel},
                          {"choices", {{{"index", 0}, {"text", text}, {"finish_reason", "stop"}}}},
                          {"usage", {{"prompt_tokens", 3}, {"completion_tokens", 2}}}}
        .dump();
}

std::vector<Behaviour> behaviours(const std::string& stranger) {
    const std::string location = "Location: " + stranger + "/completions\r\n";
    const milliseconds short_time(300);
    return {
        // what passes: the status
        {"500", always(500, "boom")},
        {"502 with a page", always(502, "<html>bad gateway</html>")},
        {"503", always(503)},
        {"503, come at once", always(503, "", "Retry-After: 0\r\n")},
        {"429", always(429, "slow down")},
        {"429, come at once", always(429, "", "Retry-After: 0\r\n")},
        {"429 until a day that is over", always(429, "", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n")},
        {"429 with nonsense", always(429, "", "Retry-After: soon\r\n")},
        {"529", always(529)},
        {"408", always(408)},
        {"500 that says the key", always(500, R"({"error": {"message": "no \u0073k-canary-0123456789abcdef"}})")},
        // the connection
        {"no byte", bytes("")},
        {"no status line", bytes("{}")},
        {"half a head", bytes("HTTP/1.1 200 OK\r\nContent-")},
        {"a head and no body", stream("")},
        {"a length that is not sent", bytes(kHead + "Content-Length: 100000\r\n\r\n" + piece("re"))},
        {"a negative length", bytes(kHead + "Content-Length: -5\r\n\r\n" + piece("re"))},
        {"chunks that are none", bytes(kHead + "Transfer-Encoding: chunked\r\n\r\nzzz\r\n{}\r\n")},
        {"endless headers", endless(kHead, repeated("X-1: 2\r\n", 500))},
        {"endless continue", endless("", "HTTP/1.1 100 Continue\r\n\r\n")},
        {"silence", scripted([](const SendBytes&) { std::this_thread::sleep_for(milliseconds(400)); }), Kind::Refused,
         "imeout", short_time},
        {"an endless queue", endless(kOpenHead, ": waiting\n\n", milliseconds(20)), Kind::Refused, "imeout",
         short_time},
        {"an endless drip", endless(kOpenHead, "d", milliseconds(20)), Kind::Refused, "imeout", short_time},
        // the stream
        {"torn before the first word", stream(": waiting\n\n")},
        {"torn in the answer", stream(piece("re: qu"))},
        {"torn in an event", stream(piece("re: qu") + "data: {\"choices\":[{\"ind")},
        {"torn before its end is said", stream(piece("re: query") + piece(" 1"))},
        {"done without an answer", stream(kDone)},
        {"done without a reason", stream(piece("re: query") + kDone)},
        {"no JSON", stream(event("nonsense"))},
        {"another JSON", stream(event("[1, 2]"))},
        {"a deep JSON", stream(event(repeated("[", 100'000)))},
        {"no choices", endless(kOpenHead, event(R"({"id": 1})"))},
        {"choices that are no list", stream(event(R"({"choices": {"0": 1}})"))},
        {"a choice that is no object", stream(event(R"({"choices": ["re"]})"))},
        {"a number for a text", stream(event(R"({"choices": [{"index": 0, "text": 7}]})"))},
        {"a choice that nobody asked for", stream(event(R"({"choices": [{"index": 1, "text": "re"}]})"))},
        {"two models in one answer", stream(piece("re: ") + piece("query", "other") + finish() + kDone)},
        {"an error in the middle", stream(piece("re") + event(R"({"error": {"message": "CUDA out of memory"}})"))},
        {"an abort", stream(piece("re") + finish("abort") + kDone)},
        {"text after the end", stream(piece("re") + finish() + piece("!") + kDone)},
        {"bytes that are no UTF-8", stream("data: {\"choices\":[{\"text\":\"\xFF\xFE\"}]}\n\n")},
        {"half a character", stream(event(R"({"choices": [{"index": 0, "text": "\ud800"}]})"))},
        {"an event without end", endless(kOpenHead, std::string(100'000, 'x'))},
        {"an answer without end", endless(kOpenHead, piece(std::string(10'000, 'a')))},
        // one object
        {"a page", always(200, "<html>hello</html>")},
        {"nothing", always(200, "")},
        {"an empty object", always(200, "{}")},
        {"an error with status 200", always(200, R"({"error": {"message": "overloaded"}})")},
        {"no choice", always(200, R"({"choices": []})")},
        {"half an object", always(200, whole_json("re").substr(0, 40))},
        {"zeros", always(200, std::string(1000, '\0'))},
        {"packed", always(200, "\x1f\x8b\x08")},
        {"an object without end", endless(kOpenHead, "{\"a\": \"" + std::string(500'000, 'x'))},
        {"blanks without end", endless(kOpenHead, std::string(100'000, ' '))},
        // what is an answer all the same
        {"no word that it is done", changed([](const std::string& text) { return piece(text) + finish(); }),
         Kind::Taken},
        {"returns and line feeds", changed([](const std::string& text) {
             return replace_all(": hello\n\nevent: x\n" + stream_of(text), "\n", "\r\n");
         }),
         Kind::Taken},
        {"one object instead of a stream", changed(whole_json), Kind::Taken},
        {"chatter after the end",
         [](const ChatRequest& request) {
             const std::string text = answer_to(query_of(request));
             return endless(kOpenHead + piece(text) + finish(), counts(1, 1))(request);
         },
         Kind::Taken},
        {"torn after the end",
         [](const ChatRequest& request) {
             return bytes(kHead + "Content-Length: 100000\r\n\r\n" + piece(answer_to(query_of(request))) +
                          finish())(request);
         },
         Kind::Taken},
        // what would be the same again
        {"400", always(400, "bad top_k"), Kind::Refused, "status 400: bad top_k"},
        {"413", always(413), Kind::Refused, "status 413"},
        {"422", always(422, R"({"detail": "no"})"), Kind::Refused, "status 422"},
        {"too long", always(400, R"({"error": {"message": "maximum context length is 8"}})"), Kind::Refused,
         "maximum context length"},
        {"401", always(401, "who? " + kKey), Kind::Fatal, "refuses the key"},
        {"403", always(403), Kind::Fatal, "refuses the key"},
        {"404", always(404), Kind::Fatal, "knows no model"},
        {"402", always(402), Kind::Fatal, "nothing left"},
        {"no money", always(429, R"({"error": {"code": "insufficient_quota"}})"), Kind::Fatal, "nothing left"},
        {"301", always(301, "", location), Kind::Fatal, "redirect"},
        {"302", always(302, "", location), Kind::Fatal, "redirect"},
        {"307", always(307, "", location), Kind::Fatal, "redirect"},
        {"308", always(308, "", location), Kind::Fatal, "redirect"},
        {"come back tomorrow", always(429, "", "Retry-After: 86400\r\n"), Kind::Fatal, "asks to come back"},
    };
}

struct Outcome {
    std::string error;  ///< that ended the run
    std::vector<nlohmann::ordered_json> records;
    std::string all_texts;  ///< whatever a person or a file could see
};

Outcome run(const std::vector<std::string>& addresses, milliseconds timeout, int count = kQuestions) {
    const test::TemporaryFolder folder;
    Outcome outcome;
    generate::BatchOptions options;
    options.output = folder / "out.jsonl";
    options.sampling.max_tokens = 8;
    options.notice = [&](std::string_view text) { outcome.all_texts += text; };
    try {
        RemoteAnswerer answerer(std::make_shared<ModelServers>(options_for(addresses, timeout)),
                                generate::in_context_prompt(test::small_prompt()), 3);
        generate::run_batch(answerer, questions(count), options);
    } catch (const Error& failure) {
        outcome.error = failure.what();
    }
    outcome.records = records_of(options.output);
    for (const auto& entry : fs::directory_iterator(folder.path())) outcome.all_texts += read_file(entry.path());
    outcome.all_texts += outcome.error;
    return outcome;
}

/// Every question has exactly one record, with its right answer.
void expect_all_answered(const Outcome& outcome, const std::string& name, int count = kQuestions) {
    EXPECT_EQ(outcome.error, "") << name;
    std::set<int> seen;
    for (const nlohmann::ordered_json& record : outcome.records) {
        const int id = record.at("id");
        EXPECT_TRUE(seen.insert(id).second) << name << ": twice " << id;
        EXPECT_EQ(record.at("output"), answer_to(fmt::format("query {}", id))) << name << record.dump();
    }
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(count)) << name;
}

void expect_refused(const Outcome& outcome, const Behaviour& behaviour) {
    EXPECT_EQ(outcome.error, "") << behaviour.name;
    EXPECT_EQ(outcome.records.size(), static_cast<std::size_t>(kQuestions)) << behaviour.name;
    for (const nlohmann::ordered_json& record : outcome.records) {
        EXPECT_TRUE(record.at("output").is_null()) << behaviour.name;
        EXPECT_TRUE(contains(record.at("error").get<std::string>(), behaviour.reason)) << behaviour.name;
    }
}

TEST(MisbehavingServer, what_passes_loses_no_question_and_answers_none_twice) {
    ChatServer stranger([](const ChatRequest&) { return reply(200, "{}"); });
    for (const Behaviour& behaviour : behaviours(stranger.base_url())) {
        Mutex mutex;
        std::map<std::string, int> tries;
        ChatServer server(serving([&](const ChatRequest& request) {
            const bool is_first = [&] {
                const MutexLock lock(mutex);
                return ++tries[query_of(request)] == 1;
            }();
            const bool behaves = behaviour.kind == Kind::Passes && !is_first;
            return behaves ? good(request) : behaviour.handler(request);
        }));
        const auto began = std::chrono::steady_clock::now();
        const Outcome outcome = run({server.base_url()}, behaviour.timeout);
        EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(15)) << behaviour.name;
        switch (behaviour.kind) {
            case Kind::Passes:
            case Kind::Taken: expect_all_answered(outcome, behaviour.name); break;
            case Kind::Refused: expect_refused(outcome, behaviour); break;
            case Kind::Fatal:
                EXPECT_TRUE(contains(outcome.error, behaviour.reason)) << behaviour.name;
                EXPECT_TRUE(outcome.records.empty()) << behaviour.name;
                EXPECT_LE(server.received(), 2u + 3u) << behaviour.name << ": sent again";
                break;
        }
        EXPECT_FALSE(contains(outcome.all_texts, kKey)) << behaviour.name;
        EXPECT_LT(most_sent.exchange(0), kMostSent) << behaviour.name;
    }
    EXPECT_EQ(stranger.received(), 0u) << "a redirect was followed";
}

}  // namespace
}  // namespace urial::remote
