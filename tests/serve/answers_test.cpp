// Answers that the server writes into conversations, and those who follow them.

#include <atomic>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json_reader.h"
#include "serve/conversation_client.h"
#include "support/expect_text.h"
#include "support/sandbox.h"

namespace urial::test {
namespace {

using serve::Json;
using std::chrono::milliseconds;

/// Answers "echo: " and the question at one millisecond a byte.
std::vector<ServedScript> slow_script() {
    return {{.name = "scripted", .model = std::make_shared<ScriptedModel>([script = echoing_script()](auto text) {
                                     std::this_thread::sleep_for(milliseconds(1));
                                     return script(text);
                                 })}};
}

const std::string kLong(400, 'x');

std::string text_of_events(const std::vector<std::string>& events) {
    std::string text;
    for (const std::string& line : events) {
        if (line == "[DONE]") continue;
        const Json event = parse_json(line).at("event");
        if (event.contains("text")) text += event["text"];
        if (event.contains("choices") && !event["choices"].empty()) {
            text += event["choices"][0]["delta"].value("content", "");
        }
    }
    return text;
}

std::vector<std::size_t> indices(const std::vector<std::string>& events) {
    std::vector<std::size_t> found;
    for (const std::string& line : events) {
        if (line != "[DONE]") found.push_back(parse_json(line).at("index"));
    }
    return found;
}

std::vector<std::size_t> range(std::size_t begin, std::size_t end) {
    std::vector<std::size_t> all;
    for (std::size_t i = begin; i < end; ++i) all.push_back(i);
    return all;
}

TEST(ServeAnswers, are_written_though_nobody_listens) {
    const ApiFixture server;
    const ConversationClient client(server);
    const std::string id = client.create();
    const std::string asked = client.say(id, "user", "hello");
    const Json started = client.call(
        "POST", "/v1/conversations/" + id + "/answers",
        {{"parent", asked}, {"request", chat_body("hello", {{"model", "scripted"}})}, {"details", {{"by", "page"}}}});
    const Json begun = started["messages"][0];
    EXPECT_EQ(begun["state"], "writing");
    EXPECT_EQ(begun["role"], "assistant");
    EXPECT_EQ(begun["parent"], asked);
    const Json written = client.finished(id, begun["id"]);
    EXPECT_EQ(written["state"], "done");
    EXPECT_EQ(written["content"], "echo: hello");
    EXPECT_EQ(written["details"], Json({{"by", "page"}}));
    const Json facts = written["answer"];
    EXPECT_EQ(facts["model"], "scripted");
    EXPECT_EQ(facts["path"], "/v1/chat/completions");
    EXPECT_EQ(facts["finish_reason"], "stop");
    EXPECT_EQ(facts["tokens"], std::string("echo: hello").size() + 1);
    EXPECT_GT(facts["prompt_tokens"], 10);
    EXPECT_GE(facts["ms"], facts["first_token_ms"]);
    EXPECT_EQ(client.get("/v1/conversations/" + id)["current"], written["id"]);
    EXPECT_EQ(client.get("/v1/conversations?q=echo")["data"][0]["message"], written["id"]);
    EXPECT_TRUE(server.comes_to_rest());
}

TEST(ServeAnswers, followers_get_the_events_of_the_plain_stream_each_from_where_it_wants) {
    const ApiFixture server;
    const ConversationClient client(server);
    const std::string id = client.create();
    const Json body = chat_body("h\xC3\xA9llo", {{"logprobs", true}, {"top_logprobs", 2}});
    const std::string message = client.answer(id, "", {{"request", body}}).at(0);
    const auto all = client.events(id, message);
    ASSERT_EQ(all.back(), "[DONE]");
    EXPECT_EQ(indices(all), range(0, all.size() - 1));
    EXPECT_EQ(text_of_events(all), "echo: h\xC3\xA9llo");
    const Json options{{"stream_options", {{"include_usage", true}, {"continuous_usage_stats", true}}}};
    Json asked = body;
    asked.update(options);
    const auto plain = server.stream("/v1/chat/completions", asked);
    ASSERT_EQ(plain.size(), all.size());
    for (std::size_t i = 0; i + 1 < all.size(); ++i) {
        Json kept = parse_json(all[i])["event"];
        Json sent = parse_json(plain[i]);
        for (Json* event : {&kept, &sent}) event->erase("id"), event->erase("created");
        EXPECT_EQ(kept, sent);
    }
    for (const std::size_t from : {std::size_t{3}, all.size() - 1, all.size() + 5}) {
        const auto rest = client.events(id, message, from);
        EXPECT_EQ(indices(rest), range(from, std::max(from, all.size() - 1)));
        EXPECT_EQ(rest.back(), "[DONE]");
    }
    EXPECT_EQ(client.message(id, message)["events"], all.size() - 1);
}

TEST(ServeAnswers, two_followers_one_of_whom_goes_and_comes_back_see_the_same) {
    const ApiFixture server(slow_script());
    const ConversationClient client(server);
    const std::string id = client.create();
    const std::string message = client.answer(id, kLong).at(0);
    std::vector<std::string> steady;
    std::thread listener([&] { steady = client.events(id, message); });
    const std::string path = message_path(id, message) + "/events";
    RawClient leaver(server.port());
    leaver.send(request_text(server.port(), "GET", path));
    std::string seen = leaver.read_until("\"index\":20,");
    leaver.abort();
    const auto rest = client.events(id, message, 20);
    listener.join();
    EXPECT_EQ(text_of_events(steady), "echo: " + kLong);
    EXPECT_EQ(std::vector<std::string>(steady.begin() + 20, steady.end()), rest);
    EXPECT_TRUE(contains(seen, "\"index\":19,"));
    EXPECT_EQ(client.finished(id, message)["content"], "echo: " + kLong);
}

TEST(ServeAnswers, several_at_once_differ_in_their_seeds) {
    const ApiFixture server;
    const ConversationClient client(server);
    const std::string id = client.create("text");
    const Json request{{"prompt", "Q: x\nA: "}, {"temperature", 50}, {"seed", 7}, {"max_tokens", 12}};
    const auto messages = client.answer(
        id, "", {{"path", "/v1/completions"}, {"request", request}, {"count", 3}, {"content", "Begin: "}});
    ASSERT_EQ(messages.size(), 3U);
    std::set<std::string> texts;
    for (const std::string& message : messages) {
        const Json written = client.finished(id, message);
        EXPECT_EQ(written["role"], "text");
        EXPECT_EQ(written["state"], "done");
        EXPECT_TRUE(begins_with(written["content"].get<std::string>(), "Begin: "));
        texts.insert(written["content"]);
    }
    EXPECT_EQ(texts.size(), 3U);
    EXPECT_EQ(client.get("/v1/conversations/" + id)["current"], messages[0]);
}

TEST(ServeAnswers, of_a_comparison_have_the_text_and_every_token) {
    const ApiFixture server;
    const ConversationClient client(server);
    const std::string id = client.create();
    const Json request = chat_body("h\xC3\xA9", {{"base", "scripted@raw"}, {"aligned", "scripted@small"}});
    const std::string message = client.answer(id, "", {{"path", "/v1/shift"}, {"request", request}}).at(0);
    const Json written = client.finished(id, message);
    EXPECT_EQ(written["content"], "echo: h\xC3\xA9");
    EXPECT_EQ(written["answer"]["model"], "scripted@small");
    EXPECT_EQ(written["answer"]["tokens"], written["events"].get<std::size_t>() - 1) << "and the summary";
    EXPECT_TRUE(contains(client.events(id, message).at(0), "\"kl_ab\""));
}

TEST(ServeAnswers, that_are_stopped_keep_what_they_have_said) {
    const ApiFixture server(slow_script());
    const ConversationClient client(server);
    const std::string id = client.create();
    const std::string message = client.answer(id, kLong).at(0);
    RawClient follower(server.port());
    follower.send(request_text(server.port(), "GET", message_path(id, message) + "/events", "Connection: close\r\n"));
    (void)follower.read_until("\"index\":10,");
    const Json stopped = client.call("POST", message_path(id, message) + "/stop");
    EXPECT_EQ(stopped["state"], "stopped");
    const std::string text = stopped["content"];
    EXPECT_TRUE(begins_with("echo: " + kLong, text));
    EXPECT_GE(text.size(), 10U);
    EXPECT_LT(text.size(), 300U);
    std::string rest;
    EXPECT_TRUE(follower.read_to_end(rest));
    EXPECT_TRUE(contains(rest, "[DONE]"));
    EXPECT_TRUE(server.comes_to_rest()) << "the model was told";
    EXPECT_EQ(client.call("POST", message_path(id, message) + "/stop")["state"], "stopped");
    EXPECT_EQ(text_of_events(client.events(id, message)), text);
}

TEST(ServeAnswers, end_with_what_they_are_part_of) {
    const ApiFixture server(slow_script());
    const ConversationClient client(server);
    const std::string id = client.create();
    const std::string asked = client.say(id, "user", kLong);
    const std::string message = client.answer(id, kLong, {{"parent", asked}}).at(0);
    (void)client.call("DELETE", message_path(id, asked));
    EXPECT_TRUE(server.comes_to_rest());
    const std::string other = client.create();
    (void)client.answer(other, kLong);
    (void)client.call("DELETE", "/v1/conversations/" + other + "?forever=true");
    EXPECT_TRUE(server.comes_to_rest());
    (void)client.call("PATCH", message_path(id, asked), {{"deleted", false}});
    EXPECT_EQ(client.message(id, message)["state"], "stopped");
}

TEST(ServeAnswers, beyond_the_number_that_a_key_may_have_are_refused_without_a_trace) {
    const ApiFixture server(slow_script(), true, {}, {}, {.running_of_owner = 2});
    const ConversationClient client(server);
    const std::string id = client.create();
    (void)client.answer(id, kLong, {{"count", 2}});
    const RawReply refused =
        client.ask("POST", "/v1/conversations/" + id + "/answers", Json({{"request", chat_body("x")}}).dump());
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(parse_json(refused.body)["error"]["code"], "queue_full");
    EXPECT_EQ(refused.headers.at("retry-after"), "1");
    EXPECT_EQ(client.get("/v1/conversations/" + id)["messages"].size(), 2U);
}

TEST(ServeAnswers, that_take_too_long_have_failed) {
    const ApiFixture server(slow_script(), true, {}, {},
                            {.save_every = milliseconds(10), .deadline = milliseconds(60)});
    const ConversationClient client(server);
    const std::string id = client.create();
    const Json failed = client.finished(id, client.answer(id, kLong).at(0));
    EXPECT_EQ(failed["state"], "failed");
    EXPECT_TRUE(contains(failed["error"].get<std::string>(), "took longer"));
    EXPECT_TRUE(begins_with(failed["content"].get<std::string>(), "echo: "));
    EXPECT_TRUE(server.comes_to_rest());
    EXPECT_EQ(server.api.metrics.overdue, 1U);
    EXPECT_EQ(server.api.metrics.gone, 0U);
}

TEST(ServeAnswers, with_more_events_than_are_kept_still_have_all_their_text) {
    const ApiFixture server({{.name = "scripted", .model = std::make_shared<ScriptedModel>(echoing_script())}}, true,
                            {}, {}, {.event_bytes = 5000});
    const ConversationClient client(server);
    const std::string id = client.create();
    const std::string message = client.answer(id, kLong).at(0);
    EXPECT_EQ(client.finished(id, message)["content"], "echo: " + kLong);
    const auto events = client.events(id, message);
    EXPECT_EQ(text_of_events(events), "echo: " + kLong);
    EXPECT_TRUE(contains(events.at(events.size() - 2), "\"truncated\":true"));
    EXPECT_LT(events.size(), 100U);
}

TEST(ServeAnswers, more_than_a_client_may_leave_untaken_is_given_as_it_takes_it) {
    const ApiFixture server({{.name = "scripted", .model = std::make_shared<ScriptedModel>(echoing_script())}}, true,
                            {.limits = {.unsent_bytes = 4u << 20}});
    const ConversationClient client(server);
    const std::string id = client.create();
    const store::NewMessage message{.role = "assistant"};
    const std::string written = server.api.store->add("", id, std::vector{message}, 0).front().id;
    const std::string event = Json({{"text", std::string(50'000, 'x')}}).dump();
    for (std::size_t i = 0; i < 12; ++i) {
        server.api.store->save(std::vector<store::AnswerProgress>{{.message = written,
                                                                   .content = "x",
                                                                   .state = store::MessageState::Done,
                                                                   .first_event = i * 20,
                                                                   .events = std::vector(20, event)}});
    }
    const auto events = client.events(id, written);
    ASSERT_EQ(events.size(), 241U) << "12 MB";
    for (std::size_t i = 0; i < 240; ++i) {
        ASSERT_TRUE(events[i].starts_with(fmt::format("{{\"index\":{},", i)));
        ASSERT_GT(events[i].size(), 50'000U);
    }
}

/// Adds messages of a size until no more fit.
void fill_up(store::ConversationStore& store, const std::string& conversation, std::size_t bytes) {
    const store::NewMessage filler{.role = "user", .content = std::string(bytes, 'x')};
    for (int i = 0; i < 1000; ++i) {
        try {
            (void)store.add("", conversation, std::vector{filler}, 0);
        } catch (const Error& failure) {
            EXPECT_EQ(failure.kind(), ErrorKind::Unavailable) << failure.what();
            return;
        }
    }
    ADD_FAILURE() << "it is never full";
}

TEST(ServeAnswers, that_find_the_disk_full_are_kept_until_there_is_room) {
    const TemporaryFolder folder;
    std::atomic<bool> is_full = false;
    const auto model = std::make_shared<ScriptedModel>([&, script = echoing_script()](std::string_view text) {
        while (!is_full) std::this_thread::sleep_for(milliseconds(1));
        return script(text);
    });
    model->set_shading(true);
    const ApiFixture server({{.name = "scripted", .model = model}}, true, {},
                            {.folder = folder.path(), .limits = {.file_bytes = 300'000}},
                            {.save_every = milliseconds(10)});
    const ConversationClient client(server);
    const std::string full = client.create();
    const std::string id = client.create();
    const Json asked = chat_body(std::string(300, 'y'), {{"logprobs", true}, {"top_logprobs", 20}});
    const std::string message = client.answer(id, "", {{"request", asked}}).at(0);
    for (const std::size_t bytes : {20'000, 2'000, 1}) fill_up(*server.api.store, full, bytes);
    is_full = true;
    EXPECT_TRUE(server.comes_to_rest());
    std::this_thread::sleep_for(milliseconds(150));  // more attempts than any follower waits for
    EXPECT_EQ(client.message(id, message)["state"], "writing");
    (void)client.call("DELETE", "/v1/conversations/" + full + "?forever=true");
    const Json written = client.finished(id, message);
    EXPECT_EQ(written["content"], "echo: " + std::string(300, 'y'));
    EXPECT_EQ(client.events(id, message).size(), written["events"].get<std::size_t>() + 1);
}

TEST(ServeAnswers, are_stopped_and_kept_when_the_server_ends) {
    const TemporaryFolder folder;
    std::string id;
    std::string message;
    {
        const ApiFixture server(slow_script(), true, {}, {.folder = folder.path()});
        const ConversationClient client(server);
        id = client.create();
        message = client.answer(id, kLong).at(0);
        RawClient follower(server.port());
        follower.send(request_text(server.port(), "GET", message_path(id, message) + "/events"));
        (void)follower.read_until("\"index\":10,");
        server.api.answers->stop_all();
        EXPECT_TRUE(contains(follower.read_until("[DONE]"), "[DONE]"));
        (void)client.call("POST", "/v1/conversations/" + id + "/answers", {{"request", chat_body("x")}}, 503);
    }
    const ApiFixture server(slow_script(), true, {}, {.folder = folder.path()});
    const ConversationClient client(server);
    const Json kept = client.message(id, message);
    EXPECT_EQ(kept["state"], "stopped");
    EXPECT_GE(kept["content"].get<std::string>().size(), 10U);
    EXPECT_EQ(text_of_events(client.events(id, message)), kept["content"]);
    EXPECT_EQ(client.get("/v1/conversations/" + id)["messages"].size(), 1U);
}

}  // namespace
}  // namespace urial::test
