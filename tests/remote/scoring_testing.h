#pragma once

// A scripted server that scores tokens as vLLM or as SGLang does. Its tokens are bytes (256: BOS, 257: end of text),
// and its distributions are made of a text that it would say behind the last "A: " of a prompt:
//   what comes next in that text            0.8     ('?' once the answer is another one)
//   'z', or 'y' where that comes next       0.1
//   'q', or 'p' where that comes next       0.05
//   seven more, the bytes from 1 on         1e-5 each, all in the list of ten
//   anything else                           1e-6, rank 77

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "remote/remote_testing.h"
#include "support/scripted_model.h"

namespace urial::remote {

inline constexpr std::size_t kListed = 10;

struct ScriptedScores {
    std::string says;
    bool is_sglang = false;
    /// Changes the reply to a request for scores, or to any other.
    std::function<void(nlohmann::json& reply)> spoil = nullptr;
    /// What /tokenize makes of a text; empty: its bytes.
    std::function<std::string(std::string)> cut = nullptr;

    using Token = engine::Token;

    std::vector<std::pair<Token, double>> list(const std::vector<Token>& before) const {
        const Token next = next_token(before);
        std::vector<std::pair<Token, double>> listed{{next, std::log(0.8)}};
        listed.emplace_back(next == 'z' ? 'y' : 'z', std::log(0.1));
        listed.emplace_back(next == 'q' ? 'p' : 'q', std::log(0.05));
        for (Token filler = 1; listed.size() < kListed; ++filler) listed.emplace_back(filler, std::log(1e-5));
        return listed;
    }

    Token next_token(const std::vector<Token>& before) const {
        std::string text;
        for (const Token token : before) {
            if (token < 256) text += static_cast<char>(token);
        }
        const std::size_t mark = text.rfind("A: ");
        if (mark == std::string::npos) return '?';
        const std::string answer = text.substr(mark + 3);
        if (!says.starts_with(answer)) return '?';
        return answer.size() == says.size() ? test::kEndOfText : static_cast<unsigned char>(says[answer.size()]);
    }

    static std::string text_of(Token token) {
        if (token == test::kBos) return "<bos>";
        return token == test::kEndOfText ? "<eos>" : std::string(1, static_cast<char>(token));
    }

    test::ChatAnswer answer(const test::ChatRequest& request) const {
        if (request.target == "/v1/models") return model_list(is_sglang ? "sglang" : "vllm");
        if (request.target == "/version") return reply(200, R"({"version": "0.1"})");
        if (request.target == "/get_server_info") return reply(200, R"({"version": "0.5"})");
        nlohmann::json json;
        if (request.target == "/tokenize") {
            json = tokenize(request.body);
        } else if (request.target == (is_sglang ? "/generate" : "/v1/completions")) {
            json = is_sglang ? generate(request.body) : complete(request.body);
            if (spoil) spoil(json);
        } else {
            return reply(404, "");
        }
        return reply(200, json.dump());
    }

    nlohmann::json tokenize(const nlohmann::json& body) const {
        std::string text;
        if (body.contains("messages")) {
            for (const auto& message : body["messages"]) text += "U: " + message["content"].get<std::string>() + "\n";
            text += "A: ";
        } else {
            text = body["prompt"];
        }
        if (cut) text = cut(text);
        std::vector<Token> tokens;
        if (body.contains("messages") || body["add_special_tokens"] == true) tokens.push_back(test::kBos);
        for (const char byte : text) tokens.push_back(static_cast<unsigned char>(byte));
        return {{"count", tokens.size()}, {"tokens", tokens}};
    }

    /// Up to `count` tokens, and whether the text ended.
    std::pair<std::vector<Token>, bool> write(std::vector<Token> before, std::size_t count) const {
        std::vector<Token> written;
        while (written.size() < count) {
            written.push_back(next_token(before));
            before.push_back(written.back());
            if (written.back() == test::kEndOfText) return {written, true};
        }
        return {written, false};
    }

    nlohmann::json complete(const nlohmann::json& body) const {
        const std::vector<Token> prompt = body["prompt"];
        nlohmann::json choice{{"index", 0}, {"finish_reason", "length"}, {"text", ""}, {"prompt_token_ids", prompt}};
        if (body.contains("prompt_logprobs")) {
            choice["prompt_logprobs"] = nlohmann::json::array({nullptr});
            for (std::size_t i = 1; i < prompt.size(); ++i) {
                choice["prompt_logprobs"].push_back(vllm_position({prompt.begin(), prompt.begin() + i}, prompt[i]));
            }
        } else {
            const auto [tokens, ends] = write(prompt, body["max_tokens"]);
            choice["token_ids"] = tokens;
            choice["finish_reason"] = ends ? "stop" : "length";
            std::string text;
            for (const Token token : tokens) {
                choice["logprobs"]["tokens"].push_back(text_of(token));
                if (token != test::kEndOfText) text += text_of(token);
            }
            choice["text"] = text;
        }
        return {{"model", kModel}, {"choices", {choice}}};
    }

    nlohmann::json vllm_position(const std::vector<Token>& before, Token token) const {
        nlohmann::json entry;
        int rank = 0;
        for (const auto& [id, logp] : list(before)) {
            entry[std::to_string(id)] = {{"logprob", logp}, {"rank", ++rank}, {"decoded_token", text_of(id)}};
        }
        if (!entry.contains(std::to_string(token))) {
            entry[std::to_string(token)] = {
                {"logprob", std::log(1e-6)}, {"rank", 77}, {"decoded_token", text_of(token)}};
        }
        return entry;
    }

    nlohmann::json generate(const nlohmann::json& body) const {
        const std::vector<Token> prompt = body["input_ids"];
        nlohmann::json meta{{"finish_reason", {{"type", "length"}}}};
        std::string text;
        if (body.contains("logprob_start_len")) {
            for (std::size_t i = body["logprob_start_len"]; i < prompt.size(); ++i) {
                const std::vector<Token> before(prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(i));
                const bool is_first = i == body["logprob_start_len"];
                meta["input_token_logprobs"].push_back(is_first ? nlohmann::json{nullptr, prompt[i], text_of(prompt[i])}
                                                                : sglang_own(before, prompt[i]));
                meta["input_top_logprobs"].push_back(is_first ? nlohmann::json() : sglang_list(before));
            }
        } else {
            const auto [tokens, ends] = write(prompt, body["sampling_params"]["max_new_tokens"]);
            if (ends) meta["finish_reason"] = {{"type", "stop"}, {"matched", test::kEndOfText}};
            for (const Token token : tokens) {
                meta["output_token_logprobs"].push_back({std::log(0.8), token, text_of(token)});
                if (token != test::kEndOfText) text += text_of(token);
            }
        }
        return {{"text", text}, {"meta_info", meta}};
    }

    nlohmann::json sglang_own(const std::vector<Token>& before, Token token) const {
        for (const auto& [id, logp] : list(before)) {
            if (id == token) return {logp, token, text_of(token)};
        }
        return {std::log(1e-6), token, text_of(token)};
    }

    nlohmann::json sglang_list(const std::vector<Token>& before) const {
        nlohmann::json triples;
        for (const auto& [id, logp] : list(before)) triples.push_back({logp, id, text_of(id)});
        return triples;
    }
};

}  // namespace urial::remote
