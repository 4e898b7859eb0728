#pragma once

// What the tests of servers have in common: one that has the model "org/tiny" and streams its answers, and runs against
// it.

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "generate/batch_run.h"
#include "remote/remote_answerer.h"
#include "support/chat_server.h"

namespace urial::remote {

inline const std::string kModel = "org/tiny";
inline const std::string kKey = "sk-canary-0123456789abcdef";

inline test::ChatAnswer reply(int status, std::string body, std::string headers = "") {
    test::ChatAnswer answer;
    answer.status = status;
    answer.body = std::move(body);
    answer.headers = std::move(headers);
    return answer;
}

inline std::string event(const std::string& data) { return "data: " + data + "\n\n"; }

inline std::string piece(const std::string& text, const std::string& model = kModel) {
    nlohmann::ordered_json json{{"model", model}};
    json["choices"] = {{{"index", 0}, {"text", text}, {"finish_reason", nullptr}}};
    return event(json.dump());
}

inline std::string finish(const std::string& reason = "stop") {
    return event(R"({"choices":[{"index":0,"text":"","finish_reason":")" + reason + R"("}]})");
}

inline std::string counts(int prompt, int completion) {
    return event(
        fmt::format(R"({{"choices":[],"usage":{{"prompt_tokens":{},"completion_tokens":{}}}}})", prompt, completion));
}

inline const std::string kDone = "data: [DONE]\n\n";

/// What the server answers to the last query of a prompt.
inline std::string answer_to(const std::string& query) { return "re: " + query; }

/// The query of a rendered prompt of small_prompt(), "Q: ...\nA: " at its end.
inline std::string query_of(const test::ChatRequest& request) {
    const std::string prompt = request.body.at("prompt");
    const std::size_t begin = prompt.rfind("Q: ") + 3;
    return prompt.substr(begin, prompt.rfind("\nA: ") - begin);
}

/// A whole stream in two pieces.
inline std::string stream_of(const std::string& text, const std::string& model = kModel) {
    const std::size_t half = text.size() / 2;
    return piece(text.substr(0, half), model) + piece(text.substr(half), model) + finish() + counts(20, 5) + kDone;
}

inline test::ChatAnswer good(const test::ChatRequest& request) {
    if (!request.body.is_object()) return reply(404, "");
    return reply(200, stream_of(answer_to(query_of(request))), "Content-Type: text/event-stream\r\n");
}

inline test::ChatAnswer model_list(const std::string& owner = "vllm", const std::string& root = "org/tiny") {
    return reply(
        200,
        nlohmann::json{
            {"object", "list"},
            {"data", {{{"id", kModel}, {"owned_by", owner}, {"root", root}, {"created", 1}, {"max_model_len", 4096}}}}}
            .dump());
}

/// Says what it is as vLLM does, and leaves completions to `complete`.
inline test::ChatServer::Handler serving(test::ChatServer::Handler complete) {
    return [complete = std::move(complete)](const test::ChatRequest& request) {
        if (request.target == "/v1/models") return model_list();
        if (request.target == "/version") return reply(200, R"({"version": "0.1"})");
        return complete(request);
    };
}

inline ModelServersOptions options_for(const std::vector<std::string>& addresses,
                                       std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
    ModelServersOptions options;
    for (const std::string& address : addresses) options.servers.push_back({address, kKey, "--api-key-file"});
    options.model = kModel;
    options.timeout = timeout;
    options.silence = timeout;
    options.retry.first_wait = std::chrono::milliseconds(1);
    options.retry.longest_wait = std::chrono::milliseconds(20);
    return options;
}

inline std::vector<generate::Instruction> questions(int count) {
    std::vector<generate::Instruction> all;
    for (int i = 0; i < count; ++i) {
        generate::Instruction item;
        item.id = std::to_string(i);
        item.conversation.query = "query " + item.id;
        item.fields = {{"id", i}, {"instruction", item.conversation.query}};
        all.push_back(std::move(item));
    }
    return all;
}

inline std::vector<nlohmann::ordered_json> records_of(const fs::path& file) {
    std::vector<nlohmann::ordered_json> records;
    if (!fs::exists(file)) return records;
    for_each_json_line(file,
                       [&](std::size_t, nlohmann::ordered_json&& record) { records.push_back(std::move(record)); });
    return records;
}

}  // namespace urial::remote
