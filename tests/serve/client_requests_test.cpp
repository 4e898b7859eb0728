// What writing tools for base models send to /v1/completions, as their sources have it: mikupad with all its samplers
// on at their usual values, and two looms.

#include <gtest/gtest.h>

#include "base/json_reader.h"
#include "serve/api_fixture.h"

namespace urial::test {
namespace {

using serve::Json;

/// mikupad's request to an "OpenAI compatible" server: its own names become those of text-generation-webui.
Json mikupad_body() {
    return parse_json(R"({
        "model": "scripted", "prompt": "Preamble.\nQ: hello\nA: ", "seed": 42, "temperature": 0,
        "dynatemp_range": 0, "dynatemp_exponent": 1, "repetition_penalty": 1.1, "repetition_penalty_range": 1024,
        "penalize_nl": false, "ban_eos_token": false, "logit_bias": {"104": 0.5, "33": -100},
        "presence_penalty": 0, "frequency_penalty": 0, "top_p": 0.95, "top_k": 40, "typical_p": 1, "min_p": 0, "tfs": 1,
        "xtc_threshold": 0.1, "xtc_probability": 0, "dry_multiplier": 0, "dry_base": 1.75, "dry_allowed_length": 2,
        "dry_penalty_last_n": 1024, "dry_sequence_breakers": "[\"\\n\", \":\", \"\\\"\", \"*\"]", "banned_tokens": [],
        "max_tokens": 24, "logprobs": 10, "stream": true, "do_sample": false, "stop": ["\nQ:"]})");
}

TEST(ServeClients, mikupad_gets_a_stream_with_the_likely_tokens_of_each_piece) {
    const ApiFixture server;
    const auto events = server.stream("/v1/completions", mikupad_body());
    std::string text;
    for (std::size_t i = 0; i + 1 < events.size(); ++i) {
        // It reads choices[0].text and the first object of logprobs.top_logprobs, and looks the text up in it.
        const Json choice = parse_json(events[i])["choices"][0];
        const std::string piece = choice["text"];
        text += piece;
        if (piece.empty()) continue;
        ASSERT_EQ(choice["logprobs"]["top_logprobs"].size(), 1U) << "one piece a token: " << events[i];
        EXPECT_TRUE(choice["logprobs"]["top_logprobs"][0].contains(piece)) << events[i];
        EXPECT_GE(choice["logprobs"]["top_logprobs"][0].size(), 10U);
    }
    EXPECT_EQ(text, "echo: hello");
    EXPECT_EQ(events.back(), "[DONE]");
}

TEST(ServeClients, mikupad_without_streams_reads_the_tokens_one_by_one) {
    const ApiFixture server;
    Json body = mikupad_body();
    body["stream"] = false;
    const Json choice = json_of(server.post("/v1/completions", body))["choices"][0];
    const Json& scores = choice["logprobs"];
    ASSERT_EQ(scores["tokens"].size(), scores["top_logprobs"].size());
    EXPECT_EQ(scores["tokens"][0], "e");
    EXPECT_TRUE(scores["top_logprobs"][0].contains("e"));
}

TEST(ServeClients, a_loom_gets_its_branches) {
    const ApiFixture server;
    // loom for Obsidian: neither model nor seed.
    const Json plain =
        parse_json(R"({"prompt": "Once upon a time", "max_tokens": 8, "n": 5, "temperature": 1, "top_p": 1})");
    const Json branches = json_of(server.post("/v1/completions", plain))["choices"];
    ASSERT_EQ(branches.size(), 5U);
    for (const Json& branch : branches) EXPECT_TRUE(branch["text"].is_string());
}

TEST(ServeClients, a_loom_gets_the_prompt_and_the_likely_tokens_of_every_branch) {
    const ApiFixture server;
    // The Python loom: best_of is absent, stop is null, logit_bias empty.
    const std::string prompt = "Preamble.\nQ: hello\nA: ";
    const Json body{{"model", "scripted"}, {"prompt", prompt}, {"temperature", 0.8},
                    {"max_tokens", 12},    {"top_p", 1},       {"echo", true},
                    {"logprobs", 10},      {"n", 3},           {"logit_bias", Json::object()},
                    {"stop", nullptr}};
    const Json reply = json_of(server.post("/v1/completions", body));
    ASSERT_EQ(reply["choices"].size(), 3U);
    for (const Json& choice : reply["choices"]) {
        EXPECT_EQ(choice["text"].get<std::string>().substr(0, prompt.size()), prompt);
        EXPECT_TRUE(choice["finish_reason"].is_string());
        const Json& scores = choice["logprobs"];
        ASSERT_GT(scores["tokens"].size(), prompt.size());
        EXPECT_EQ(scores["tokens"].size(), scores["token_logprobs"].size());
        EXPECT_EQ(scores["tokens"].size(), scores["top_logprobs"].size());
        for (std::size_t i = 1; i < scores["tokens"].size(); ++i) {
            EXPECT_TRUE(scores["top_logprobs"][i].contains(scores["tokens"][i].get<std::string>())) << i;
        }
    }
}

}  // namespace
}  // namespace urial::test
