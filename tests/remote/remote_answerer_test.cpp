#include "remote/remote_answerer.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/mutex.h"
#include "remote/remote_testing.h"
#include "support/expect_error.h"
#include "support/expect_text.h"
#include "support/sandbox.h"
#include "support/scripted_model.h"

namespace urial::remote {
namespace {

using nlohmann::ordered_json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::ChatAnswer;
using test::ChatRequest;
using test::ChatServer;
using test::contains;
using test::SendBytes;

class RemoteAnswererTest : public ::testing::Test {
protected:
    RemoteAnswererTest() {
        options_.output = folder_ / "out.jsonl";
        options_.sampling.max_tokens = 20;
        options_.notice = [this](std::string_view text) { notices_ += std::string(text) + "\n"; };
    }

    generate::BatchSummary run(const std::vector<std::string>& addresses, int count = 6) {
        RemoteAnswerer answerer(servers(addresses), prompt_, 4);
        return generate::run_batch(answerer, questions(count), options_);
    }

    std::shared_ptr<ModelServers> servers(const std::vector<std::string>& addresses) {
        ModelServersOptions options = options_for(addresses);
        options.notice = options_.notice;
        return std::make_shared<ModelServers>(std::move(options));
    }

    std::vector<ordered_json> records() const { return records_of(options_.output); }
    ordered_json manifest() const { return ordered_json::parse(read_file(folder_ / "out.manifest.json")); }

    test::TemporaryFolder folder_;
    generate::BatchOptions options_;
    std::shared_ptr<const generate::PromptSource> prompt_ = generate::in_context_prompt(test::small_prompt());
    std::string notices_;
};

TEST_F(RemoteAnswererTest, a_question_is_one_completion_of_the_rendered_prompt) {
    Mutex mutex;
    ChatRequest seen;
    ChatServer server(serving([&](const ChatRequest& request) {
        const MutexLock lock(mutex);
        seen = request;
        return good(request);
    }));
    run({server.base_url()}, 1);
    EXPECT_EQ(seen.target, "/v1/completions");
    EXPECT_EQ(seen.headers["authorization"], "Bearer " + kKey);
    EXPECT_EQ(seen.body["model"], kModel);
    EXPECT_EQ(seen.body["prompt"], "Preamble.\nQ: query 0\nA: ");
    EXPECT_EQ(seen.body["max_tokens"], 20);
    EXPECT_EQ(seen.body["temperature"], 0);
    EXPECT_EQ(seen.body["top_k"], -1) << "what is off is said: a server may have defaults of its own";
    EXPECT_EQ(seen.body["repetition_penalty"], 1);
    const ordered_json record = records().at(0);
    EXPECT_EQ(record["output"], "re: query 0");
    EXPECT_EQ(record["finish_reason"], "stop");
    EXPECT_EQ(record["prompt_tokens"], 20);
    EXPECT_EQ(record["completion_tokens"], 5);
    EXPECT_TRUE(record["generator"].get<std::string>().starts_with("tiny+small@"));
    EXPECT_FALSE(record.contains("near_ties"));
    EXPECT_EQ(manifest()["servers"][0]["software"], "vLLM");
    EXPECT_EQ(manifest()["servers"][0]["version"], "0.1");
    EXPECT_EQ(manifest()["identity"]["model"]["name"], kModel);
    EXPECT_FALSE(contains(manifest().dump(), kKey));
}

TEST_F(RemoteAnswererTest, the_stream_is_cut_as_soon_as_the_answer_has_ended) {
    std::atomic<int> sent = 0;
    std::atomic<bool> was_cut = false;
    ChatServer server(serving([&](const ChatRequest&) {
        ChatAnswer answer;
        answer.script = [&](const SendBytes& send) {
            send("HTTP/1.1 200 OK\r\n\r\n" + piece("An answer.") + piece("\n# Que") + piece("ry:"));
            while (sent < 100'000 && send(piece(" more"))) ++sent;
            was_cut = sent < 100'000;
        };
        return answer;
    }));
    prompt::PromptSpec spec = test::small_prompt();
    spec.headers = {"# Query:"};
    prompt_ = generate::in_context_prompt(spec);
    run({server.base_url()}, 1);
    EXPECT_EQ(records().at(0)["output"], "An answer.");
    EXPECT_EQ(records().at(0)["finish_reason"], "stop");
    EXPECT_FALSE(records().at(0).contains("completion_tokens")) << "nobody has counted them";
    const auto deadline = std::chrono::steady_clock::now() + seconds(10);
    while (!was_cut && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(milliseconds(1));
    EXPECT_TRUE(was_cut);
}

TEST_F(RemoteAnswererTest, an_aligned_model_gets_messages) {
    Mutex mutex;
    ChatRequest seen;
    ChatServer server(serving([&](const ChatRequest& request) {
        const MutexLock lock(mutex);
        seen = request;
        const std::string text = R"({"choices": [{"index": 0, "delta": {"role": "assistant", "content": )";
        return reply(200, event(text + R"(null}}]})") + event(text + R"("Hello"}}]})") +
                              event(text + R"(" there"}, "finish_reason": "length"}]})") + kDone);
    }));
    prompt_ = generate::server_chat_prompt("Be brief.");
    run({server.base_url()}, 1);
    EXPECT_EQ(seen.target, "/v1/chat/completions");
    EXPECT_EQ(
        seen.body["messages"],
        ordered_json::parse(R"([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "query 0"}])"));
    EXPECT_EQ(records().at(0)["output"], "Hello there");
    EXPECT_EQ(records().at(0)["finish_reason"], "length");
}

TEST_F(RemoteAnswererTest, samples_of_one_question_have_different_seeds) {
    Mutex mutex;
    std::set<std::int64_t> seeds;
    ChatServer server(serving([&](const ChatRequest& request) {
        const MutexLock lock(mutex);
        seeds.insert(request.body.at("seed").get<std::int64_t>());
        return good(request);
    }));
    options_.sampling.temperature = 0.7;
    options_.samples = 3;
    run({server.base_url()}, 2);
    EXPECT_EQ(seeds.size(), 6u);
    EXPECT_GE(*seeds.begin(), 0);
    EXPECT_LE(*seeds.rbegin(), 0x7FFFFFFF);
}

TEST_F(RemoteAnswererTest, a_run_goes_on_where_it_stopped) {
    ChatServer server(serving([](const ChatRequest& request) { return good(request); }));
    run({server.base_url()}, 3);
    const std::size_t before = server.received();
    EXPECT_EQ(run({server.base_url()}, 5).resumed, 3u);
    EXPECT_EQ(server.received(), before + 2 + 2) << "what it is, and two questions";
    EXPECT_EQ(records().size(), 5u);
}

TEST_F(RemoteAnswererTest, another_model_under_the_same_name_does_not_go_on_with_a_run) {
    ChatServer server(serving([](const ChatRequest& request) { return good(request); }));
    run({server.base_url()}, 2);
    ChatServer other([](const ChatRequest& request) {
        return request.target == "/v1/models" ? model_list("vllm", "/models/other") : good(request);
    });
    EXPECT_ERROR(run({other.base_url()}, 3), ErrorKind::BadInput, "model.served.root");
    EXPECT_ERROR(servers({server.base_url(), other.base_url()}), ErrorKind::BadInput, "another model under the name");
}

TEST_F(RemoteAnswererTest, a_model_that_changes_during_a_run_ends_it) {
    std::atomic<int> asked = 0;
    ChatServer server(serving([&](const ChatRequest& request) {
        return ++asked <= 2 ? good(request) : reply(200, stream_of(answer_to(query_of(request)), "org/another"));
    }));
    // Whichever answer of the four under way came first.
    EXPECT_ERROR(run({server.base_url()}, 8), ErrorKind::BadInput, "org/another");
    for (const ordered_json& record : records()) EXPECT_TRUE(record["output"].is_string());
}

TEST_F(RemoteAnswererTest, what_is_wrong_with_the_server_is_said_before_the_first_question) {
    std::string address;
    {
        address = ChatServer([](const ChatRequest&) { return reply(200, ""); }).base_url();
    }
    EXPECT_ERROR(run({address}), ErrorKind::Unavailable, address);
    ChatServer without(
        [](const ChatRequest&) { return reply(200, R"({"data": [{"id": "org/tinny"}, {"id": "b"}]})"); });
    EXPECT_ERROR(run({without.base_url()}), ErrorKind::NotFound, "did you mean org/tinny?");
    EXPECT_ERROR(run({without.base_url()}), ErrorKind::NotFound, "it has org/tinny, b");
    ChatServer locked([](const ChatRequest&) { return reply(401, "who are you"); });
    EXPECT_ERROR(run({locked.base_url()}), ErrorKind::BadInput, "--api-key-file");
    EXPECT_TRUE(records().empty());
}

TEST_F(RemoteAnswererTest, a_server_that_is_loading_is_waited_for) {
    std::atomic<int> asked = 0;
    ChatServer server([&](const ChatRequest& request) {
        if (request.target == "/v1/models" && ++asked <= 2) return reply(503, "loading");
        return serving(good)(request);
    });
    EXPECT_EQ(run({server.base_url()}).progress.done, 6u);
}

TEST_F(RemoteAnswererTest, an_option_that_the_server_lacks_is_refused_before_the_first_question) {
    ChatServer server([](const ChatRequest& request) {
        return request.target == "/v1/models" ? model_list("somebody") : good(request);
    });
    options_.sampling.temperature = 1;
    options_.sampling.top_p = 0.9;
    EXPECT_EQ(run({server.base_url()}).progress.done, 6u);
    options_.overwrite = true;
    options_.sampling.top_k = 40;
    const std::size_t before = server.received();
    EXPECT_ERROR(run({server.base_url()}), ErrorKind::BadInput, "--top-k 40");
    EXPECT_EQ(server.received(), before + 1) << "only what it is was asked";
    options_.sampling.top_k = 0;
    options_.sampling.min_p = 0.1;
    EXPECT_ERROR(run({server.base_url()}), ErrorKind::BadInput, "--min-p 0.1");
    options_.sampling.min_p = 0;
    options_.sampling.repetition_penalty = 1.1;
    EXPECT_ERROR(run({server.base_url()}), ErrorKind::BadInput, "--repetition-penalty 1.1");
}

TEST_F(RemoteAnswererTest, each_software_gets_its_own_names_of_the_options) {
    generate::SamplingOptions sampling;
    sampling.temperature = 1;
    sampling.top_k = 40;
    sampling.repetition_penalty = 1.1;
    const auto body_for = [&](Software software) {
        ordered_json body;
        add_sampling(body, software, sampling, 7);
        return body;
    };
    EXPECT_EQ(body_for(Software::Vllm)["repetition_penalty"], 1.1);
    EXPECT_EQ(body_for(Software::SgLang)["top_k"], 40);
    EXPECT_EQ(body_for(Software::LlamaServer)["repeat_penalty"], 1.1);
    EXPECT_GE(body_for(Software::LlamaServer)["repeat_last_n"], 1 << 20) << "the whole of prompt and answer";
    EXPECT_FALSE(body_for(Software::OpenAi).contains("top_k"));
    EXPECT_EQ(body_for(Software::OpenAi)["seed"], body_for(Software::Vllm)["seed"]);
    sampling.repetition_penalty = 1;
    EXPECT_EQ(body_for(Software::LlamaServer)["repeat_penalty"], 1);
    EXPECT_FALSE(body_for(Software::LlamaServer).contains("repeat_last_n")) << "newer versions refuse -1";
}

TEST_F(RemoteAnswererTest, a_server_is_told_in_its_own_words_how_long_an_answer_may_be) {
    ChatServer server(serving([](const ChatRequest& request) {
        if (request.body.contains("stream_options")) return reply(400, "unknown field stream_options");
        if (request.body.contains("max_tokens")) return reply(400, "use max_completion_tokens instead");
        return good(request);
    }));
    EXPECT_EQ(run({server.base_url()}, 2).progress.done, 2u);
}

TEST_F(RemoteAnswererTest, old_turns_are_left_out_where_the_conversation_is_too_long) {
    ChatServer server(serving([](const ChatRequest& request) {
        const bool is_long = contains(request.body.at("prompt").get<std::string>(), "first");
        return is_long ? reply(400, "This model's maximum context length is 20 tokens") : good(request);
    }));
    std::vector<generate::Instruction> asked = questions(1);
    asked[0].conversation.turns = {{"first", "a"}, {"second", "b"}};
    const auto ask = [&] {
        RemoteAnswerer answerer(servers({server.base_url()}), prompt_, 4);
        return generate::run_batch(answerer, asked, options_);
    };
    EXPECT_EQ(ask().progress.failed, 1u);
    options_.overflow = generate::Overflow::DropOldest;
    options_.overwrite = true;
    EXPECT_EQ(ask().progress.done, 1u);
    EXPECT_TRUE(contains(notices_, "the oldest 1 turns were dropped"));
}

TEST_F(RemoteAnswererTest, half_of_the_servers_may_die_and_nothing_is_lost_or_twice) {
    constexpr int kCount = 60;
    std::atomic<bool> dead = false;
    std::vector<std::unique_ptr<ChatServer>> all;
    std::vector<std::string> addresses;
    for (int i = 0; i < 4; ++i) {
        all.push_back(std::make_unique<ChatServer>(serving([&dead, dies = i % 2 == 0](const ChatRequest& request) {
            std::this_thread::sleep_for(milliseconds(2));
            ChatAnswer answer = good(request);
            if (dies && dead) answer.send = 100;
            return answer;
        })));
        addresses.push_back(all.back()->base_url());
    }
    int done = 0;
    options_.recorded = [&](const ordered_json&) {
        if (++done != 10) return;
        dead = true;
        all[0].reset();
    };
    EXPECT_EQ(run(addresses, kCount).progress.done, static_cast<std::size_t>(kCount));
    std::set<int> ids;
    for (const ordered_json& record : records()) {
        EXPECT_TRUE(ids.insert(record["id"].get<int>()).second);
        EXPECT_EQ(record["output"], fmt::format("re: query {}", record["id"].get<int>()));
    }
    EXPECT_EQ(ids.size(), static_cast<std::size_t>(kCount));
}

TEST_F(RemoteAnswererTest, a_server_that_comes_later_is_asked_what_it_is_and_then_helps) {
    std::atomic<bool> there = false;
    ChatServer late([&](const ChatRequest& request) { return there ? serving(good)(request) : reply(500, "not yet"); });
    ChatServer first(serving([&](const ChatRequest& request) {
        there = true;
        std::this_thread::sleep_for(milliseconds(10));
        return good(request);
    }));
    EXPECT_EQ(run({late.base_url(), first.base_url()}, 60).progress.done, 60u);
    EXPECT_TRUE(contains(notices_, "1 of 2 servers are not there"));
    EXPECT_GT(late.received(), 6u);
    EXPECT_EQ(manifest()["servers"][0]["software"], "vLLM");
}

TEST_F(RemoteAnswererTest, an_interrupted_run_ends_while_answers_are_under_way) {
    std::atomic<int> asked = 0;
    ChatServer server(serving([&](const ChatRequest& request) {
        if (++asked <= 2) return good(request);
        ChatAnswer answer;
        answer.script = [](const SendBytes& send) {
            send("HTTP/1.1 200 OK\r\n\r\n");
            for (int i = 0; i < 500 && send(piece("x")); ++i) std::this_thread::sleep_for(milliseconds(20));
        };
        return answer;
    }));
    options_.interrupted = [&] { return asked > 3 && records().size() >= 2; };
    const auto began = std::chrono::steady_clock::now();
    EXPECT_TRUE(run({server.base_url()}).interrupted);
    EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(8));
    EXPECT_EQ(records().size(), 2u);
}

}  // namespace
}  // namespace urial::remote
