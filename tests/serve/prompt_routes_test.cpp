// /v1/render, /v1/prompts/{name} and prompts that come with a request.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json_reader.h"
#include "prompt/prompt.h"
#include "serve/api_fixture.h"
#include "support/expect_text.h"

namespace urial::test {
namespace {

using serve::Json;

/// The test's prompt with another preamble.
std::string spec_with(const std::string& preamble) {
    prompt::PromptSpec spec = small_prompt();
    spec.name = "mine";
    spec.preamble = preamble;
    return prompt::format_spec(spec);
}

Json render(const ApiFixture& server, const Json& body) { return json_of(server.post("/v1/render", body)); }

TEST(ServeRender, shows_exactly_what_the_model_gets) {
    const ApiFixture server;
    const Json shown = render(server, chat_body("hello", {{"model", "scripted@small"}}));
    EXPECT_EQ(shown["text"], "Preamble.\nQ: hello\nA: ");
    EXPECT_EQ(shown["model"], "scripted@small");
    const Json answered = json_of(server.post("/v1/chat/completions", chat_body("hello", {{"max_tokens", 1}})));
    EXPECT_EQ(shown["tokens"], answered["usage"]["prompt_tokens"]);
    EXPECT_EQ(shown["context"], 1000);
    Json continued = chat_body("hello", {{"continue_final_message", true}});
    continued["messages"].push_back({{"role", "assistant"}, {"content", "echo: he"}});
    EXPECT_EQ(render(server, continued)["text"], "Preamble.\nQ: hello\nA: echo: he");
}

TEST(ServeRender, without_messages_is_of_the_part_that_all_conversations_have) {
    const ApiFixture server;
    for (const Json& body : {Json::object(), Json({{"messages", Json::array()}})}) {
        EXPECT_TRUE(begins_with(render(server, body)["text"].get<std::string>(), "Preamble."));
    }
    EXPECT_EQ(server.post("/v1/render", {{"messages", 5}}).status, 400);
}

TEST(ServeRender, says_what_prompt_check_says) {
    const ApiFixture server;
    prompt::PromptSpec spec = small_prompt();
    const Json findings = render(server, {{"prompt_spec", prompt::format_spec(spec)}})["findings"];
    const auto expected = prompt::check(spec, std::nullopt, 1000);
    ASSERT_GT(expected.size(), 0U);
    ASSERT_GE(findings.size(), expected.size());
    EXPECT_EQ(findings[0]["text"], expected[0].text);
}

TEST(ServePromptSpec, answers_under_a_prompt_that_comes_with_the_request) {
    const auto model = std::make_shared<ScriptedModel>(
        answer_after("A: ", [](std::string_view prompt) { return std::string(prompt.substr(0, prompt.find('\n'))); }));
    const ApiFixture server({{.name = "scripted", .model = model}});
    for (int i = 0; i < 20; ++i) {  // more than are kept
        const Json reply =
            json_of(server.post("/v1/chat/completions",
                                chat_body("x", {{"prompt_spec", spec_with(fmt::format("Preamble {}.\n", i % 12))}})));
        EXPECT_EQ(reply["choices"][0]["message"]["content"], fmt::format("Preamble {}.", i % 12));
        EXPECT_EQ(reply["model"], "scripted@mine");
    }
}

TEST(ServePromptSpec, that_cannot_be_is_refused_by_name) {
    const ApiFixture server;
    const std::string good = spec_with("p");
    for (const Json& wrong : {Json(5), Json("no toml ="), Json("name = \"x\"\nfile = \"/etc/passwd\"\n"),
                              Json("name = \"x\"\npreamble = 7\n"), Json(good + "#" + std::string(256u << 10, 'x'))}) {
        for (const char* path : {"/v1/render", "/v1/chat/completions"}) {
            const http::Reply reply = server.post(path, chat_body("x", {{"prompt_spec", wrong}}));
            EXPECT_EQ(reply.status, 400) << reply.body;
            EXPECT_EQ(json_of(reply)["error"]["param"], "prompt_spec") << reply.body;
        }
    }
    const http::Reply both = server.post("/v1/render", {{"model", "scripted@raw"}, {"prompt_spec", good}});
    EXPECT_EQ(json_of(both)["error"]["param"], "prompt_spec");
}

TEST(ServePrompts, one_of_them_is_a_specification_that_can_be_sent_back) {
    const ApiFixture server;
    const Json shown = json_of(server.get("/v1/prompts/small"));
    EXPECT_EQ(shown["name"], "small");
    EXPECT_EQ(shown["preamble"], small_prompt().preamble);
    EXPECT_EQ(shown["examples"].size(), small_prompt().examples.size());
    const Json body = chat_body("hello", {{"prompt_spec", shown["spec"]}});
    EXPECT_EQ(render(server, body)["text"], render(server, chat_body("hello"))["text"]);
    EXPECT_EQ(server.get("/v1/prompts/none").status, 404);
}

TEST(ServeModels, say_what_the_page_wants_to_know) {
    const ApiFixture server;
    const Json about = json_of(server.get("/v1/models"))["data"][0]["urial"];
    EXPECT_EQ(about["uses_adapters"], true);
    EXPECT_EQ(about["context"], 1000);
    EXPECT_EQ(about["default_prompt"], "small");
    EXPECT_EQ(about["wants_bos"], true);
}

}  // namespace
}  // namespace urial::test
