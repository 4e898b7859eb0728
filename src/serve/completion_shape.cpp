#include "serve/completion_shape.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace urial::serve {
namespace {

using generate::AnswerToken;
using generate::FinishReason;
using generate::Result;
using generate::Token;
using generate::TokenScore;

const char* finish_reason(const Result& result) { return result.finish == FinishReason::Length ? "length" : "stop"; }

Json byte_list(std::string_view bytes) {
    Json list = Json::array();
    for (const char byte : bytes) list.push_back(static_cast<unsigned char>(byte));
    return list;
}

/// A token whose log-probability is shown.
struct Entry {
    Token token = 0;
    std::optional<TokenScore> score;
    std::size_t code_points = 0;  ///< of it in the text
};

class Shape : public CompletionShape {
public:
    explicit Shape(ShapeOptions options) : options_(std::move(options)) {}

    Json last_chunk(std::size_t index, const Result& result) const override {
        Json choice{{"index", index}};
        add_nothing(choice);
        choice["logprobs"] = nullptr;
        add_end(choice, result);
        return choice;
    }

protected:
    virtual void add_nothing(Json& choice) const = 0;

    /// A string or token that the request asked to stop at; null where the answer ended by itself.
    void add_end(Json& choice, const Result& result) const {
        choice["finish_reason"] = finish_reason(result);
        choice["stop_reason"] = nullptr;
        if (result.finish != FinishReason::Stop) return;
        const auto& tokens = options_.stop_tokens;
        if (result.stop_token && std::find(tokens.begin(), tokens.end(), *result.stop_token) != tokens.end()) {
            choice["stop_reason"] = *result.stop_token;
        } else if (std::find(options_.stops.begin(), options_.stops.end(), result.stopped_by) != options_.stops.end()) {
            choice["stop_reason"] = result.stopped_by;
        }
    }

    void add_token_ids(Json& choice, std::span<const AnswerToken> tokens) const {
        if (!options_.shows_token_ids) return;
        choice["token_ids"] = Json::array();
        for (const AnswerToken& token : tokens) choice["token_ids"].push_back(token.token);
    }

    std::string shown(Token token) const { return options_.model->piece(token, /*special=*/true); }

    const ShapeOptions options_;
};

class ChatShape final : public Shape {
public:
    using Shape::Shape;
    const char* whole_object() const override { return "chat.completion"; }
    const char* chunk_object() const override { return "chat.completion.chunk"; }
    const char* id_prefix() const override { return "chatcmpl-"; }

    Json whole(std::size_t index, const ShownPrompt&, const Result& result) const override {
        Json choice{{"index", index}};
        choice["message"] = {{"role", "assistant"}, {"content", result.text}, {"refusal", nullptr}};
        choice["logprobs"] = logprobs(result.tokens);
        add_end(choice, result);
        add_token_ids(choice, result.tokens);
        return choice;
    }

    // The role comes with the first text: clients take the first chunk of a choice for its first token.
    Json chunk(const ChunkPlace& place, const ShownPrompt&, const generate::Piece& piece) const override {
        Json choice{{"index", place.index}};
        if (place.is_first) choice["delta"]["role"] = "assistant";
        choice["delta"]["content"] = piece.text;
        choice["logprobs"] = logprobs(piece.tokens);
        choice["finish_reason"] = nullptr;
        add_token_ids(choice, piece.tokens);
        return choice;
    }

private:
    void add_nothing(Json& choice) const override { choice["delta"] = Json::object(); }

    Json logprob(Token token, double logp) const {
        const std::string bytes = shown(token);
        return {{"token", token_text(bytes)}, {"logprob", finite_logprob(logp)}, {"bytes", byte_list(bytes)}};
    }

    Json logprobs(std::span<const AnswerToken> tokens) const {
        if (!options_.shows_scores) return nullptr;
        Json content = Json::array();
        for (const AnswerToken& token : tokens) {
            if (!token.score) continue;
            Json entry = logprob(token.token, token.score->logp);
            entry["top_logprobs"] = Json::array();
            for (const generate::TopToken& top : token.score->top) {
                if (entry["top_logprobs"].size() == options_.top) break;
                entry["top_logprobs"].push_back(logprob(top.token, top.logp));
            }
            content.push_back(std::move(entry));
        }
        return {{"content", std::move(content)}, {"refusal", nullptr}};
    }
};

class LegacyShape final : public Shape {
public:
    using Shape::Shape;
    const char* whole_object() const override { return "text_completion"; }
    const char* chunk_object() const override { return "text_completion"; }
    const char* id_prefix() const override { return "cmpl-"; }

    Json whole(std::size_t index, const ShownPrompt& prompt, const Result& result) const override {
        std::vector<Entry> entries;
        if (options_.echoes) add_prompt(prompt, result, entries);
        add_answer(result.tokens, entries);
        // Whoever scores endings counts on one entry a new token, also where it is the end of the text.
        if (result.stop_token && result.stop_score) entries.push_back({*result.stop_token, result.stop_score, 0});
        Json choice{{"index", index}};
        choice["text"] = options_.echoes ? prompt.text + result.text : result.text;
        choice["logprobs"] = logprobs(entries, 0);
        add_end(choice, result);
        add_token_ids(choice, result.tokens);
        return choice;
    }

    Json chunk(const ChunkPlace& place, const ShownPrompt& prompt, const generate::Piece& piece) const override {
        std::vector<Entry> entries;
        add_answer(piece.tokens, entries);
        const bool echoes = options_.echoes && place.is_first;
        Json choice{{"index", place.index}};
        choice["text"] = echoes ? prompt.text + piece.text : piece.text;
        choice["logprobs"] = logprobs(entries, place.text_offset);
        choice["finish_reason"] = nullptr;
        add_token_ids(choice, piece.tokens);
        return choice;
    }

private:
    void add_nothing(Json& choice) const override { choice["text"] = ""; }

    void add_prompt(const ShownPrompt& prompt, const Result& result, std::vector<Entry>& entries) const {
        const std::size_t first = prompt.has_added_bos ? 1 : 0;
        for (std::size_t i = first; i < prompt.tokens.size() && i < result.prompt_scores.size(); ++i) {
            std::string bytes = shown(prompt.tokens[i]);
            // Some tokenizers put a space in front of a text, which is not in it.
            if (i == first && bytes.starts_with(' ') && !prompt.text.starts_with(' ')) bytes.erase(0, 1);
            entries.push_back({prompt.tokens[i], result.prompt_scores[i], code_points(bytes)});
        }
    }

    static void add_answer(std::span<const AnswerToken> tokens, std::vector<Entry>& entries) {
        for (const AnswerToken& token : tokens) entries.push_back({token.token, token.score, code_points(token.bytes)});
    }

    Json logprobs(std::span<const Entry> entries, std::size_t offset) const {
        if (!options_.shows_scores) return nullptr;
        Json tokens = Json::array();
        Json token_logprobs = Json::array();
        Json top_logprobs = Json::array();
        Json offsets = Json::array();
        for (const Entry& entry : entries) {
            tokens.push_back(token_text(shown(entry.token)));
            token_logprobs.push_back(entry.score ? Json(finite_logprob(entry.score->logp)) : Json(nullptr));
            top_logprobs.push_back(entry.score ? top_of(*entry.score) : Json(nullptr));
            offsets.push_back(offset);
            offset += entry.code_points;
        }
        return {{"text_offset", std::move(offsets)},
                {"token_logprobs", std::move(token_logprobs)},
                {"tokens", std::move(tokens)},
                {"top_logprobs", std::move(top_logprobs)}};
    }

    /// The chosen token is always there. Of tokens with the same text the most likely one counts.
    Json top_of(const TokenScore& score) const {
        Json top = Json::object();
        const auto add = [&](Token token, double logp) {
            const std::string text = token_text(shown(token));
            const auto found = top.find(text);
            if (found == top.end()) {
                top[text] = finite_logprob(logp);
            } else if (finite_logprob(logp) > found->get<double>()) {
                *found = finite_logprob(logp);
            }
        };
        for (std::size_t i = 0; i < score.top.size() && i < options_.top; ++i) {
            add(score.top[i].token, score.top[i].logp);
        }
        add(score.token, score.logp);
        return top;
    }
};

}  // namespace

Json usage_json(const Usage& usage) {
    return {{"prompt_tokens", usage.prompt_tokens},
            {"completion_tokens", usage.completion_tokens},
            {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
}

std::unique_ptr<CompletionShape> chat_shape(ShapeOptions options) {
    return std::make_unique<ChatShape>(std::move(options));
}

std::unique_ptr<CompletionShape> legacy_shape(ShapeOptions options) {
    return std::make_unique<LegacyShape>(std::move(options));
}

Json prompt_logprobs_json(const engine::Model& model, std::span<const std::optional<TokenScore>> scores) {
    Json list = Json::array();
    for (const std::optional<TokenScore>& score : scores) {
        if (!score) {
            list.push_back(nullptr);
            continue;
        }
        Json entry = Json::object();
        const auto add = [&](Token token, double logp, std::size_t rank) {
            entry[fmt::format("{}", token)] = {{"logprob", finite_logprob(logp)},
                                               {"rank", rank},
                                               {"decoded_token", token_text(model.piece(token, /*special=*/true))}};
        };
        add(score->token, score->logp, score->rank);
        for (std::size_t i = 0; i < score->top.size(); ++i) {
            if (score->top[i].token != score->token) add(score->top[i].token, score->top[i].logp, i + 1);
        }
        list.push_back(std::move(entry));
    }
    return list;
}

double finite_logprob(double logp) {
    constexpr double kNever = -9999;
    return std::isfinite(logp) ? std::max(logp, kNever) : kNever;
}

std::size_t code_points(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string token_text(std::string_view bytes) {
    if (is_valid_utf8(bytes)) return std::string(bytes);
    std::string text = "bytes:";
    for (const char byte : bytes) text += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    return text;
}

}  // namespace urial::serve
