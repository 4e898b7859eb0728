#include "serve/sample_requests.h"

#include <algorithm>
#include <exception>

#include <gtest/gtest.h>

#include "base/json_reader.h"
#include "base/text.h"
#include "serve/api_fixture.h"

namespace urial::test {
namespace {

using serve::Json;

Json legacy_body(Json prompt, Json members) {
    members["prompt"] = std::move(prompt);
    members.emplace("temperature", 0);
    members.emplace("max_tokens", 40);
    return members;
}

std::vector<int> byte_tokens(const std::string& text) {
    std::vector<int> tokens{kBos};
    for (const char byte : text) tokens.push_back(static_cast<unsigned char>(byte));
    return tokens;
}

void forget_ids(Json& json) {
    json.erase("id");
    json.erase("created");
}

std::size_t choice_of(const Json& event) {
    const auto choices = event.find("choices");
    if (choices == event.end() || choices->empty()) return 1000;  // usage, behind all
    return choices->front().at("index").get<std::size_t>();
}

}  // namespace

std::vector<SampleRequest> sample_requests(const std::string& text) {
    const std::string chat = "/v1/chat/completions";
    const std::string legacy = "/v1/completions";
    const std::string asked = "Q: " + text + "\nA: ";
    Json turns = Json::array({{{"role", "system"}, {"content", text}},
                              {{"role", "user"}, {"content", "before " + text}},
                              {{"role", "assistant"}, {"content", "echo: before " + text}},
                              {{"role", "user"}, {"content", text}}});
    const Json scored{{"logprobs", true}, {"top_logprobs", 3}};
    Json sampled{{"n", 2}, {"temperature", 1.2}, {"seed", 7}, {"max_tokens", 30}};
    Json streamed{{"stream", true}, {"stream_options", {{"include_usage", true}}}};
    Json streamed_scores = streamed;
    streamed_scores.update(scored);
    Json sampled_scores = sampled;
    sampled_scores.update(scored);
    return {
        {chat, chat_body(text)},
        {chat, chat_body(text, streamed_scores)},
        {chat, chat_body(text, sampled_scores)},
        {chat, chat_body(text, {{"response_format", {{"type", "json_object"}}}, {"user", text}})},
        {chat, {{"messages", turns}, {"temperature", 0}, {"return_token_ids", true}}},
        {chat, chat_body(text, {{"temperature", text}})},
        {legacy, legacy_body(asked, {{"echo", true}, {"logprobs", 2}})},
        {legacy, legacy_body(Json::array({asked, "more " + asked}), sampled)},
        {legacy, legacy_body(byte_tokens(asked), {{"prompt_logprobs", 3}, {"max_tokens", 0}, {"echo", true}})},
        {legacy, legacy_body(asked, {{"stream", true}, {"echo", true}, {"n", 2}})},
        {legacy, legacy_body(asked, {{"stop", text.substr(text.size() / 2)}, {"unknown " + text, text}})},
        {"/tokenize", {{"prompt", text}, {"return_token_strs", true}}},
        {"/detokenize", {{"tokens", byte_tokens(text)}}},
        {"/v1/shift", chat_body(text, {{"base", "scripted@raw"}, {"aligned", "scripted"}, {"max_tokens", 8}})},
    };
}

std::string lasting_part(const RawReply& reply) {
    const std::string head = std::to_string(reply.status) + (reply.is_whole ? " whole\n" : " broken off\n");
    try {
        const auto type = reply.headers.find("content-type");
        if (type == reply.headers.end() || !type->second.starts_with("text/event-stream")) {
            Json json = parse_json(reply.body);
            forget_ids(json);
            return head + json.dump();
        }
        std::vector<Json> events;
        std::string end;
        for (const std::string_view line : split(reply.body, '\n')) {
            if (!line.starts_with("data: ")) continue;
            if (line == "data: [DONE]") {
                end = line;
                continue;
            }
            forget_ids(events.emplace_back(parse_json(line.substr(6))));
        }
        std::ranges::stable_sort(events, {}, choice_of);
        return head + Json(events).dump() + end;
    } catch (const std::exception&) {
        return head + reply.body;
    }
}

std::vector<std::string> answers_alone(const std::vector<SampleRequest>& requests, bool shaded) {
    const auto model = std::make_shared<ScriptedModel>(echoing_script());
    model->set_shading(shaded);
    const ApiFixture server({{.name = "scripted", .model = model, .shares = false}});
    std::vector<std::string> answers;
    for (const SampleRequest& request : requests) {
        const auto reply = ask(server.port(), request.bytes(server.port()));
        answers.push_back(lasting_part(reply.value_or(RawReply{})));
        const auto temperature = request.body.find("temperature");
        const bool is_wrong = temperature != request.body.end() && temperature->is_string();
        EXPECT_TRUE(answers.back().starts_with(is_wrong ? "400 whole" : "200 whole"))
            << request.path << request.body << answers.back();
    }
    return answers;
}

}  // namespace urial::test
