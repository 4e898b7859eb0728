#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json_reader.h"
#include "serve/api_fixture.h"
#include "serve/completion_shape.h"
#include "shift/score.h"

namespace urial::test {
namespace {

using serve::Json;

std::string content_of(const Json& reply) { return reply.at("choices").at(0).at("message").at("content"); }

/// The error of a reply that must be one.
Json error_in(const http::Reply& reply, int status) {
    EXPECT_EQ(reply.status, status) << reply.body;
    return json_of(reply).at("error");
}

TEST(ServeChat, answers_under_the_default_prompt) {
    const ApiFixture server;
    const Json reply = json_of(server.post("/v1/chat/completions", chat_body("hello")));
    EXPECT_EQ(content_of(reply), "echo: hello");
    EXPECT_EQ(reply["object"], "chat.completion");
    EXPECT_EQ(reply["model"], "scripted");
    EXPECT_EQ(reply["choices"][0]["finish_reason"], "stop");
    EXPECT_EQ(reply["choices"][0]["stop_reason"], nullptr);
    const std::size_t prompt = std::string("Preamble.\nQ: hello\nA: ").size() + 1;  // bytes and BOS
    EXPECT_EQ(reply["usage"]["prompt_tokens"], prompt);
    EXPECT_EQ(reply["usage"]["completion_tokens"], std::string("echo: hello").size() + 1);  // and the end of the text
}

TEST(ServeChat, a_stream_says_the_same_piece_by_piece) {
    const ApiFixture server;
    const auto events = server.stream("/v1/chat/completions",
                                      chat_body("h\xC3\xA9llo", {{"stream_options", {{"include_usage", true}}}}));
    ASSERT_GT(events.size(), 4U);
    EXPECT_EQ(events.back(), "[DONE]");
    std::string text;
    std::size_t roles = 0;
    for (std::size_t i = 0; i + 2 < events.size(); ++i) {
        const Json chunk = parse_json(events[i]);
        ASSERT_EQ(chunk["choices"].size(), 1U) << events[i];
        const Json& choice = chunk["choices"][0];
        roles += choice["delta"].contains("role") ? 1 : 0;
        text += choice["delta"].value("content", "");
        EXPECT_EQ(choice["finish_reason"].is_null(), i + 3 < events.size()) << "the last chunk of a choice ends it";
        EXPECT_TRUE(chunk["usage"].is_null());
    }
    EXPECT_EQ(text, "echo: h\xC3\xA9llo");
    EXPECT_EQ(roles, 1U);
    EXPECT_TRUE(parse_json(events.front())["choices"][0]["delta"].contains("content")) << "no role before the text";
    const Json usage = parse_json(events[events.size() - 2]);
    EXPECT_TRUE(usage["choices"].empty());
    EXPECT_GT(usage["usage"]["completion_tokens"], 0);
}

TEST(ServeChat, earlier_turns_and_the_system_message_stand_in_the_prompt) {
    // The answer is the whole prompt, in hexadecimal so that no marker stands in it.
    const auto model = std::make_shared<ScriptedModel>(answer_after("A: ", [](std::string_view prompt) {
        std::string shown;
        for (const char c : prompt) shown += c == '\n' ? '|' : c == ':' ? ';' : c;
        return shown;
    }));
    const ApiFixture server({{.name = "scripted", .model = model}});
    const Json messages = Json::array(
        {{{"role", "system"}, {"content", "Be kind."}},
         {{"role", "developer"}, {"content", "Be brief."}},
         {{"role", "user"}, {"content", "one"}},
         {{"role", "assistant"}, {"content", "1"}},
         {{"role", "user"},
          {"content", Json::array({{{"type", "text"}, {"text", "tw"}}, {{"type", "text"}, {"text", "o"}}})}}});
    const Json reply = json_of(server.post("/v1/chat/completions", {{"messages", messages}, {"temperature", 0}}));
    EXPECT_EQ(content_of(reply), "Preamble.||Be kind.||Be brief.|Q; one|A; 1|Q; two|A; ");
}

TEST(ServeChat, a_last_message_of_the_assistant_is_continued_where_that_is_asked) {
    const ApiFixture server;
    Json body = chat_body("hello");
    body["messages"].push_back({{"role", "assistant"}, {"content", "echo: he"}});
    EXPECT_EQ(error_in(server.post("/v1/chat/completions", body), 400)["param"], "messages");
    body["continue_final_message"] = true;
    body["add_generation_prompt"] = false;
    EXPECT_EQ(content_of(json_of(server.post("/v1/chat/completions", body))), "llo");
}

TEST(ServeChat, the_model_field_chooses_the_prompt) {
    const ApiFixture server;
    const Json raw = json_of(server.post("/v1/chat/completions", chat_body("Q: x\nA: ", {{"model", "scripted@raw"}})));
    EXPECT_EQ(content_of(raw), "echo: x");
    EXPECT_EQ(raw["model"], "scripted@raw");
    const Json failure = error_in(server.post("/v1/chat/completions", chat_body("x", {{"model", "gpt-4"}})), 404);
    EXPECT_EQ(failure["code"], "model_not_found");
    EXPECT_EQ(error_in(server.post("/v1/chat/completions", chat_body("x", {{"model", "scripted@none"}})), 404)["param"],
              "model");
}

TEST(ServeChat, several_choices_begin_with_the_first) {
    const ApiFixture server;
    const Json whole = json_of(server.post("/v1/chat/completions", chat_body("hello", {{"n", 3}})));
    ASSERT_EQ(whole["choices"].size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(whole["choices"][i]["index"], i);
        EXPECT_EQ(whole["choices"][i]["message"]["content"], "echo: hello");
    }
    const auto events = server.stream("/v1/chat/completions", chat_body("hello", {{"n", 3}}));
    EXPECT_EQ(parse_json(events.front())["choices"][0]["index"], 0);
    std::vector<std::string> texts(3);
    std::set<std::size_t> ended;
    for (std::size_t i = 0; i + 1 < events.size(); ++i) {
        const Json choice = parse_json(events[i])["choices"][0];
        const auto index = choice["index"].get<std::size_t>();
        texts.at(index) += choice["delta"].value("content", "");
        if (!choice["finish_reason"].is_null()) {
            EXPECT_TRUE(ended.insert(index).second);
        }
    }
    EXPECT_EQ(ended.size(), 3U);
    for (const std::string& text : texts) EXPECT_EQ(text, "echo: hello");
}

TEST(ServeChat, log_probabilities_are_those_of_the_models_own_distribution) {
    const ApiFixture server;
    const Json reply = json_of(server.post(
        "/v1/chat/completions",
        chat_body("ab", {{"logprobs", true}, {"top_logprobs", 2}, {"temperature", 0}, {"presence_penalty", 2}})));
    const Json& content = reply["choices"][0]["logprobs"]["content"];
    ASSERT_EQ(content.size(), std::string("echo: ab").size());
    // One logit is 10, 257 are 0.
    const double expected = 10 - std::log(std::exp(10.0) + 257);
    EXPECT_NEAR(content[0]["logprob"].get<double>(), expected, 1e-6);
    EXPECT_EQ(content[0]["token"], "e");
    EXPECT_EQ(content[0]["bytes"], Json::array({101}));
    ASSERT_EQ(content[0]["top_logprobs"].size(), 2U);
    EXPECT_EQ(content[0]["top_logprobs"][0]["token"], "e");
    EXPECT_NEAR(content[0]["top_logprobs"][1]["logprob"].get<double>(), expected - 10, 1e-6);
}

TEST(ServeChat, what_is_wrong_is_named) {
    const ApiFixture server;
    const auto param = [&](Json members) {
        const http::Reply reply = server.post("/v1/chat/completions", chat_body("x", std::move(members)));
        const Json failure = error_in(reply, 400);
        EXPECT_EQ(failure["type"], "invalid_request_error");
        return failure["param"];
    };
    EXPECT_EQ(param({{"temperature", -1}}), "temperature");
    EXPECT_EQ(param({{"temperature", "hot"}}), "temperature");
    EXPECT_EQ(param({{"top_p", 1.5}}), "top_p");
    EXPECT_EQ(param({{"n", 9}}), "n");
    EXPECT_EQ(param({{"n", 0}}), "n");
    EXPECT_EQ(param({{"max_tokens", -1}}), "max_tokens");
    EXPECT_EQ(param({{"max_tokens", 1.5}}), "max_tokens");
    EXPECT_EQ(param({{"seed", 1e300}}), "seed");
    EXPECT_EQ(param({{"stop", Json::array({""})}}), "stop");
    EXPECT_EQ(param({{"stop", Json(std::vector<std::string>(17, "x"))}}), "stop");
    EXPECT_EQ(param({{"logit_bias", {{"1000", 1}}}}), "logit_bias");
    EXPECT_EQ(param({{"logit_bias", {{"1", 101}}}}), "logit_bias.1");
    EXPECT_EQ(param({{"top_logprobs", 3}}), "top_logprobs");
    EXPECT_EQ(param({{"logprobs", true}, {"top_logprobs", 101}}), "top_logprobs");
    EXPECT_EQ(param({{"stop_token_ids", Json::array({258})}}), "stop_token_ids");
    EXPECT_EQ(param({{"stream", true}, {"prompt_logprobs", 1}}), "prompt_logprobs");
    EXPECT_EQ(param({{"tools", Json::array({1})}}), "tools");
    EXPECT_EQ(param({{"response_format", {{"type", "yaml"}}}}), "response_format.type");
    EXPECT_EQ(param({{"response_format", {{"type", "json_schema"}}}}), "response_format.json_schema.schema");
    EXPECT_EQ(error_in(server.post("/v1/chat/completions", {{"messages", Json::array()}}), 400)["param"], "messages");
    EXPECT_EQ(error_in(server.post("/v1/chat/completions",
                                   {{"messages", Json::array({{{"role", "tool"}, {"content", "x"}}})}}),
                       400)["param"],
              "messages[0].role");
    EXPECT_EQ(error_in(server.post_text("/v1/chat/completions", "{"), 400)["code"], "invalid_json");
    EXPECT_EQ(error_in(server.post_text("/v1/chat/completions", "[1]"), 400)["code"], "invalid_json");
}

TEST(ServeChat, what_asks_for_nothing_passes_and_unknown_fields_are_counted) {
    const ApiFixture server;
    const Json neutral{{"stop", nullptr},
                       {"logprobs", nullptr},
                       {"tools", Json::array()},
                       {"tool_choice", "none"},
                       {"repetition_penalty", 1.0},
                       {"user", "somebody"},
                       {"top_k", -1},
                       {"response_format", {{"type", "text"}}},
                       {"use_beam_search", false},
                       {"n", 1.0}};
    EXPECT_EQ(server.post("/v1/chat/completions", chat_body("x", neutral)).status, 200);
    EXPECT_EQ(server.api.metrics.unknown_fields, 0U);
    const http::Reply reply =
        server.post("/v1/chat/completions", chat_body("x", {{"surprise", 1}, {"another\r\nSet-Cookie", 2}}));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(server.api.metrics.unknown_fields, 2U);
    EXPECT_FALSE(reply.headers.contains("set-cookie"));
}

TEST(ServeChat, what_the_description_does_not_allow_is_refused_also_where_nothing_would_read_it) {
    const ApiFixture server;
    const auto format = [](Json schema) {
        return Json{{"response_format", {{"type", "text"}, {"json_schema", std::move(schema)}}}};
    };
    const auto message = [](Json first) {
        return Json{{"messages", Json::array({std::move(first), {{"role", "user"}, {"content", "x"}}})}};
    };
    const Json text_part{{"type", "text"}};
    const std::pair<Json, const char*> kBodies[] = {
        {format(1), "response_format.json_schema"},
        {format({{"name", 1}}), "response_format.json_schema.name"},
        {format({{"strict", "yes"}}), "response_format.json_schema.strict"},
        {format({{"schema", true}}), "response_format.json_schema.schema"},
        {message({{"role", "system"}, {"content", "x"}, {"name", 1}}), "messages[0].name"},
        {message({{"role", "system"}, {"content", Json::array({text_part})}}), "messages[0].content[0].text"},
        {{{"dry_multiplier", 0.8}}, "dry_multiplier"},
        {{{"xtc_probability", 0.5}}, "xtc_probability"},
        {{{"mirostat_mode", 2}}, "mirostat_mode"},
        {{{"grammar_string", "root ::= \"a\""}}, "grammar_string"},
        {{{"ban_eos_token", true}}, "ban_eos_token"},
    };
    for (const auto& [members, param] : kBodies) {
        Json body = chat_body("x");
        body.update(members);
        EXPECT_EQ(error_in(server.post("/v1/chat/completions", body), 400)["param"], param) << members;
    }
}

TEST(ServeChat, a_conversation_that_does_not_fit_is_refused_by_its_known_code) {
    const ApiFixture server;
    const Json failure = error_in(server.post("/v1/chat/completions", chat_body(std::string(1000, 'x'))), 400);
    EXPECT_EQ(failure["code"], "context_length_exceeded");
    const Json long_answer = error_in(server.post("/v1/chat/completions", chat_body("x", {{"max_tokens", 1000}})), 400);
    EXPECT_EQ(long_answer["code"], "context_length_exceeded");
    EXPECT_EQ(long_answer["param"], "messages");
    const Json text = error_in(server.post("/v1/completions", {{"prompt", std::string(1000, 'x')}}), 400);
    EXPECT_EQ(text["code"], "context_length_exceeded");
    EXPECT_EQ(text["param"], "prompt");
}

// ---- legacy completions ---------------------------------------------------------------------------------------------

TEST(ServeCompletions, an_echo_with_log_probabilities_has_one_entry_a_token_and_no_bos_of_ours) {
    const ApiFixture server;
    const std::string prompt = "Q: \xC3\xA9\nA: ";  // 9 bytes, 8 code points
    const Json reply = json_of(
        server.post("/v1/completions",
                    {{"prompt", prompt}, {"echo", true}, {"logprobs", 1}, {"max_tokens", 1}, {"temperature", 0}}));
    const Json& choice = reply["choices"][0];
    EXPECT_EQ(choice["text"], prompt + "e");
    const Json& logprobs = choice["logprobs"];
    ASSERT_EQ(logprobs["tokens"].size(), prompt.size() + 1);
    for (const char* name : {"token_logprobs", "top_logprobs", "text_offset"}) {
        EXPECT_EQ(logprobs[name].size(), prompt.size() + 1) << name;
    }
    EXPECT_EQ(logprobs["tokens"][0], "Q");
    EXPECT_EQ(logprobs["tokens"].back(), "e");
    EXPECT_EQ(logprobs["text_offset"][3], 3);
    EXPECT_EQ(logprobs["text_offset"].back(), 8) << "code points, not bytes";
    for (std::size_t i = 0; i < logprobs["tokens"].size(); ++i) {
        EXPECT_TRUE(logprobs["top_logprobs"][i].contains(logprobs["tokens"][i])) << "the token itself is always there";
    }
    EXPECT_EQ(reply["usage"]["prompt_tokens"], prompt.size() + 1);
}

TEST(ServeCompletions, the_end_of_the_text_is_an_entry_too) {
    const ApiFixture server;
    const std::string prompt = "Q: x\nA: echo: x";
    const Json body{{"prompt", prompt}, {"echo", true}, {"logprobs", 1}, {"max_tokens", 1}, {"temperature", 0}};
    const Json logprobs = json_of(server.post("/v1/completions", body))["choices"][0]["logprobs"];
    EXPECT_EQ(logprobs["tokens"].size(), prompt.size() + 1);
    EXPECT_EQ(logprobs["tokens"].back(), "<eos>");
}

TEST(ServeCompletions, token_ids_come_back_as_they_were_sent) {
    const ApiFixture server;
    const std::vector<int> ids{kBos, 'Q', ':', ' ', 'x', '\n', 'A', ':', ' '};
    const Json reply = json_of(server.post("/v1/completions", {{"prompt", ids},
                                                               {"echo", true},
                                                               {"logprobs", 0},
                                                               {"max_tokens", 0},
                                                               {"return_token_ids", true},
                                                               {"prompt_logprobs", 2}}));
    const Json& choice = reply["choices"][0];
    EXPECT_EQ(choice["prompt_token_ids"], Json(ids));
    EXPECT_TRUE(choice["token_ids"].empty());
    ASSERT_EQ(choice["logprobs"]["tokens"].size(), ids.size());
    EXPECT_TRUE(choice["logprobs"]["token_logprobs"][0].is_null()) << "nothing stands before the first";
    ASSERT_EQ(choice["prompt_logprobs"].size(), ids.size());
    EXPECT_TRUE(choice["prompt_logprobs"][0].is_null());
    // The script ends every text that has no "A: ": the space behind "A:" is one of 257 tokens with the same logit.
    const Json& last = choice["prompt_logprobs"].back();
    EXPECT_EQ(last.begin().key(), std::to_string(' ')) << "the prompt's own token first";
    EXPECT_EQ(last.begin().value()["rank"], 2 + ' ') << "behind the end of the text, and 32 of smaller id";
    EXPECT_EQ(last.size(), 3U);
}

TEST(ServeCompletions, several_prompts_and_choices_are_numbered_in_order) {
    const ApiFixture server;
    const Json body{
        {"prompt", Json::array({"Q: a\nA: ", "Q: b\nA: "})}, {"n", 2}, {"max_tokens", 50}, {"temperature", 0}};
    const Json reply = json_of(server.post("/v1/completions", body));
    ASSERT_EQ(reply["choices"].size(), 4U);
    const char* expected[] = {"echo: a", "echo: a", "echo: b", "echo: b"};
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(reply["choices"][i]["index"], i);
        EXPECT_EQ(reply["choices"][i]["text"], expected[i]);
    }
}

TEST(ServeCompletions, a_stop_string_is_named_and_shown_where_that_is_asked) {
    const ApiFixture server;
    Json body{{"prompt", "Q: a\nA: "}, {"stop", "o:"}, {"max_tokens", 50}, {"temperature", 0}};
    Json choice = json_of(server.post("/v1/completions", body))["choices"][0];
    EXPECT_EQ(choice["text"], "ech");
    EXPECT_EQ(choice["stop_reason"], "o:");
    body["include_stop_str_in_output"] = true;
    EXPECT_EQ(json_of(server.post("/v1/completions", body))["choices"][0]["text"], "echo:");
    body.erase("stop");
    body.erase("include_stop_str_in_output");
    body["stop_token_ids"] = Json::array({'h'});
    choice = json_of(server.post("/v1/completions", body))["choices"][0];
    EXPECT_EQ(choice["text"], "ec");
    EXPECT_EQ(choice["stop_reason"], 'h');
}

TEST(ServeCompletions, what_is_wrong_is_named) {
    const ApiFixture server;
    const auto param = [&](const Json& body) { return error_in(server.post("/v1/completions", body), 400)["param"]; };
    EXPECT_EQ(param({{"max_tokens", 1}}), "prompt");
    EXPECT_EQ(param({{"prompt", Json::array()}}), "prompt");
    EXPECT_EQ(param({{"prompt", Json::array({1, 258})}}), "prompt");
    EXPECT_EQ(param({{"prompt", Json::array({Json::array({1}), Json::array({-1})})}}), "prompt[1]");
    EXPECT_EQ(param({{"prompt", Json(std::vector<std::string>(129, "x"))}}), "prompt");
    EXPECT_EQ(param({{"prompt", Json(std::vector<std::string>(100, "x"))}, {"n", 2}}), "n");
    EXPECT_EQ(param({{"prompt", "x"}, {"suffix", "y"}}), "suffix");
    EXPECT_EQ(param({{"prompt", "x"}, {"best_of", 4}}), "best_of");
    EXPECT_EQ(param({{"prompt", "x"}, {"echo", true}, {"logprobs", 1}, {"stream", true}}), "echo");
}

TEST(ServeCompletions, without_sharing_each_answer_is_computed_anew) {
    for (const bool shares : {false, true}) {
        const auto model = std::make_shared<ScriptedModel>(echoing_script());
        const ApiFixture server({{.name = "scripted", .model = model, .shares = shares}});
        const auto cost = [&](int choices) {
            const std::size_t rows = model->log().rows, scored = model->log().scored_rows;
            const Json body{
                {"prompt", std::string(300, 'x')}, {"prompt_logprobs", 1}, {"max_tokens", 1}, {"n", choices}};
            EXPECT_EQ(server.post("/v1/completions", body).status, 200);
            return std::pair(model->log().rows - rows, model->log().scored_rows - scored);
        };
        const auto once = cost(1);
        const auto again = cost(1);
        const auto three = cost(3);
        EXPECT_EQ(again == once, !shares);
        EXPECT_EQ(three == std::pair(3 * once.first, 3 * once.second), !shares);
    }
}

// ---- the rest -------------------------------------------------------------------------------------------------------

TEST(ServeTokens, texts_become_ids_and_back) {
    const ApiFixture server;
    const Json with = json_of(server.post("/tokenize", {{"prompt", "ab"}, {"return_token_strs", true}}));
    EXPECT_EQ(with["tokens"], Json::array({kBos, 'a', 'b'}));
    EXPECT_EQ(with["count"], 3);
    EXPECT_EQ(with["token_strs"], Json::array({"<bos>", "a", "b"}));
    const Json without = json_of(server.post("/tokenize", {{"prompt", "ab"}, {"add_special_tokens", false}}));
    EXPECT_EQ(without["tokens"], Json::array({'a', 'b'}));
    EXPECT_EQ(json_of(server.post("/detokenize", {{"tokens", Json::array({'a', 'b'})}}))["prompt"], "ab");
    EXPECT_EQ(error_in(server.post("/detokenize", {{"tokens", Json::array({-1})}}), 400)["param"], "tokens");
    const Json chat = json_of(server.post("/tokenize", chat_body("x")));
    EXPECT_EQ(chat["count"], std::string("Preamble.\nQ: x\nA: ").size() + 1);
    EXPECT_EQ(json_of(server.get("/tokenizer_info"))["bos_token"], "<bos>");
    // What does not go with a text is refused, not passed over.
    EXPECT_EQ(error_in(server.post("/tokenize", chat_body("x", {{"prompt", "ab"}})), 400)["param"], "messages");
    for (const char* name : {"continue_final_message", "add_generation_prompt"}) {
        EXPECT_EQ(error_in(server.post("/tokenize", {{"prompt", "ab"}, {name, "yes"}}), 400)["param"], name);
    }
}

TEST(ServeModels, every_name_is_listed_and_found) {
    const ApiFixture server;
    const Json list = json_of(server.get("/v1/models"));
    std::vector<std::string> names;
    for (const Json& model : list["data"]) names.push_back(model["id"]);
    EXPECT_EQ(names, (std::vector<std::string>{"scripted", "scripted@small", "scripted@raw"}));
    EXPECT_EQ(json_of(server.get("/v1/models/scripted@raw"))["prompt"], "raw");
    EXPECT_EQ(server.get("/v1/models/none").status, 404);
    EXPECT_EQ(json_of(server.get("/v1/prompts"))["data"][0]["id"], "small");
}

TEST(ServeHealth, a_server_that_loads_says_so) {
    ApiFixture server({{.name = "scripted", .model = std::make_shared<ScriptedModel>(echoing_script())}}, false);
    EXPECT_EQ(server.get("/health").status, 503);
    EXPECT_EQ(server.post("/v1/chat/completions", chat_body("x")).status, 503);
    server.api.is_ready = true;
    EXPECT_EQ(server.get("/health").status, 200);
}

TEST(ServeShift, gives_the_numbers_of_score_answers) {
    const auto aligned = std::make_shared<ScriptedModel>(echoing_script());
    const auto base = std::make_shared<ScriptedModel>([](std::string_view) { return std::optional('c'); });
    const ApiFixture server({{.name = "base", .model = base}, {.name = "aligned", .model = aligned}});
    const Json body = chat_body("x", {{"base", "base@small"}, {"aligned", "aligned@small"}, {"top_logprobs", 3}});
    const Json reply = json_of(server.post("/v1/shift", body));

    const auto source = generate::in_context_prompt(small_prompt());
    shift::ShiftItem item;
    item.conversation.query = "x";
    const auto expected = shift::score_answers({.model = base, .prompt = source, .weight_type = {}},
                                               {.model = aligned, .prompt = source, .weight_type = {}},
                                               std::span(&item, 1), {.top_k = 3});
    ASSERT_EQ(reply["tokens"].size(), expected[0].answer.size()) << reply;
    for (std::size_t i = 0; i < expected[0].stats.size(); ++i) {
        const shift::PositionStats& at = expected[0].stats[i];
        EXPECT_EQ(reply["tokens"][i]["id"], at.token);
        EXPECT_EQ(reply["tokens"][i]["base"]["rank"], at.base.rank);
        EXPECT_NEAR(reply["tokens"][i]["kl_ab"].get<double>(), at.kl_ab, 1e-5);
        EXPECT_EQ(reply["tokens"][i]["base"]["top_logprobs"].size(), 3U);
    }
    EXPECT_EQ(reply["tokens"][1]["class"], "unshifted") << "both say c there";
    EXPECT_EQ(reply["tokens"][0]["class"], "shifted");
    const auto events = server.stream("/v1/shift", body);
    EXPECT_EQ(events.size(), expected[0].answer.size() + 2);
    EXPECT_EQ(parse_json(events[0])["token"], reply["tokens"][0]);
    EXPECT_EQ(parse_json(events[events.size() - 2])["summary"], reply["summary"]);
}

TEST(ServeShift, a_given_answer_is_scored_as_it_stands) {
    const auto model = std::make_shared<ScriptedModel>(echoing_script());
    const ApiFixture server({{.name = "m", .model = model}});
    const Json body = chat_body("x", {{"base", "m@raw"}, {"aligned", "m@small"}, {"answer", "yes"}});
    const Json reply = json_of(server.post("/v1/shift", body));
    EXPECT_EQ(reply["finish_reason"], "given");
    EXPECT_EQ(reply["summary"]["positions"], 3);
    EXPECT_EQ(error_in(server.post("/v1/shift", chat_body("x", {{"base", "m"}})), 400)["param"], "aligned");
}

TEST(ServeShift, goes_on_behind_what_the_assistant_has_said) {
    const auto model = std::make_shared<ScriptedModel>(echoing_script());
    const ApiFixture server({{.name = "m", .model = model}});
    Json body = chat_body("hello", {{"base", "m@small"}, {"aligned", "m@small"}});
    body["messages"].push_back({{"role", "assistant"}, {"content", "echo: he"}});
    EXPECT_EQ(error_in(server.post("/v1/shift", body), 400)["param"], "messages");
    body["continue_final_message"] = true;
    const Json reply = json_of(server.post("/v1/shift", body));
    std::string text;
    for (const Json& token : reply["tokens"]) text += token["id"] == kEndOfText ? "" : token["token"];
    EXPECT_EQ(text, "llo");
    body["answer"] = "x";
    EXPECT_EQ(error_in(server.post("/v1/shift", body), 400)["param"], "answer");
}

TEST(ServeDescription, has_every_route_and_no_other) {
    const ApiFixture server;
    const Json description = json_of(server.get("/openapi.json"));
    std::set<std::string> described;
    for (const auto& [path, methods] : description["paths"].items()) {
        for (const auto& [method, ignored] : methods.items()) described.insert(method + " " + path);
    }
    serve::Api api;
    api.shows_metrics = true;
    std::set<std::string> served;
    for (const serve::Route& route : serve::routes(api)) {
        std::string path = route.path;
        if (const std::size_t dots = path.find("...}"); dots != std::string::npos) path.replace(dots, 4, "}");
        std::string method = route.method;
        std::transform(method.begin(), method.end(), method.begin(), [](unsigned char c) { return std::tolower(c); });
        served.insert(method + " " + path);
    }
    EXPECT_EQ(served, described);
}

TEST(ServeDescription, names_every_field_that_is_read) {
    // A request with all described fields, each null: what the description names, the endpoint must know.
    const ApiFixture server;
    const Json schemas = json_of(server.get("/openapi.json"))["components"]["schemas"];
    const std::pair<const char*, const char*> kRequests[] = {{"/v1/chat/completions", "ChatRequest"},
                                                             {"/v1/completions", "CompletionRequest"},
                                                             {"/tokenize", "TokenizeRequest"}};
    for (const auto& [path, schema] : kRequests) {
        Json body = Json::object();
        for (const auto& [name, ignored] : schemas[schema]["properties"].items()) body[name] = nullptr;
        if (body.contains("messages") && std::string(path) != "/tokenize")
            body["messages"] = chat_body("x")["messages"];
        if (body.contains("prompt")) body["prompt"] = "x";
        const std::uint64_t before = server.api.metrics.unknown_fields;
        EXPECT_EQ(server.post(path, body).status, 200) << path;
        EXPECT_LE(server.api.metrics.unknown_fields - before, std::string(path) == "/tokenize" ? 3U : 0U) << path;
    }
}

}  // namespace
}  // namespace urial::test
