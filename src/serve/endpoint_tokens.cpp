// POST /tokenize, POST /detokenize, GET /tokenizer_info: what evaluation tools ask that have no tokenizer of their own.

#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "serve/api.h"
#include "serve/completion_shape.h"
#include "serve/messages.h"
#include "serve/request_error.h"

namespace urial::serve {
namespace {

std::string special_text(const engine::Model& model, std::optional<engine::Token> token) {
    return token ? model.piece(*token, /*special=*/true) : std::string();
}

constexpr std::size_t kMostIds = 1 << 20;

}  // namespace

ClientTokens tokens_of_text(const engine::Model& model, std::string_view text, bool adds_bos) {
    const engine::ModelInfo& info = model.info();
    ClientTokens result;
    // Who writes BOS into the text means it to be the only one.
    const std::string bos = special_text(model, info.bos);
    const bool is_written = !bos.empty() && text.starts_with(bos);
    result.tokens = model.tokenize(text, {.add_bos = adds_bos && !is_written, .parse_special = true});
    result.has_added_bos = adds_bos && !is_written && info.adds_bos && info.bos && !result.tokens.empty() &&
                           result.tokens.front() == *info.bos;
    return result;
}

std::vector<engine::Token> checked_tokens(const Json& ids, const engine::Model& model, const std::string& path) {
    const Json wrapped{{"ids", ids}};
    const auto last = static_cast<std::int64_t>(model.info().vocabulary_size) - 1;
    std::vector<engine::Token> tokens;
    try {
        const auto values = Fields(wrapped).integers("ids", 0, last, kMostIds);
        for (const std::int64_t value : values.value_or(std::vector<std::int64_t>{})) {
            tokens.push_back(static_cast<engine::Token>(value));
        }
    } catch (const RequestError&) {
        throw bad_field(path, fmt::format("{} must hold token ids of this model, integers from 0 to {}", path, last));
    }
    return tokens;
}

void tokenize(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const Json body = parse_body(request.body);
    Fields fields(body);
    const Target target = api.catalog->find(fields.text("model").value_or(""));
    const engine::Model& model = target.model->model();
    std::vector<engine::Token> tokens;
    const auto text = fields.text("prompt");
    const Json* messages = fields.value("messages");
    const bool adds_bos = fields.boolean("add_special_tokens").value_or(true);
    const bool continues = read_continues(fields);
    if (text && messages != nullptr) throw bad_field("messages", "give prompt or messages, not both");
    if (text) {
        if (!is_valid_utf8(*text)) throw bad_field("prompt", "prompt is not UTF-8");
        tokens = tokens_of_text(model, *text, adds_bos).tokens;
    } else if (messages != nullptr) {
        const ChatMessages chat = read_messages(messages, continues);
        tokens = target.model->prompt(*target.prompt)->source().tokenize(model, chat.conversation, chat.answer);
    } else {
        throw bad_field("prompt", "prompt is missing: a text, or messages in its place");
    }
    Json reply{{"count", tokens.size()}, {"max_model_len", target.model->context_tokens()}, {"tokens", tokens}};
    reply["token_strs"] = nullptr;
    if (fields.boolean("return_token_strs").value_or(false)) {
        reply["token_strs"] = Json::array();
        for (const engine::Token token : tokens) {
            reply["token_strs"].push_back(token_text(model.piece(token, /*special=*/true)));
        }
    }
    note_unknown(api, fields, request.id);
    exchange->reply(json_reply(reply));
}

void detokenize(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const Json body = parse_body(request.body);
    Fields fields(body);
    const Target target = api.catalog->find(fields.text("model").value_or(""));
    const engine::Model& model = target.model->model();
    const Json* ids = fields.value("tokens");
    if (ids == nullptr) throw bad_field("tokens", "tokens is missing: an array of token ids");
    std::string text;
    for (const engine::Token token : checked_tokens(*ids, model, "tokens")) text += model.piece(token, true);
    note_unknown(api, fields, request.id);
    exchange->reply(json_reply({{"prompt", replace_invalid_utf8(text)}}));
}

void tokenizer_info(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    (void)request;
    const Target target = api.catalog->find("");
    const engine::Model& model = target.model->model();
    const engine::ModelInfo& info = model.info();
    Json reply{{"tokenizer_class", "GGUF"},
               {"model_max_length", target.model->context_tokens()},
               {"vocab_size", info.vocabulary_size},
               {"add_bos_token", info.adds_bos}};
    reply["bos_token"] = info.bos ? Json(special_text(model, info.bos)) : Json(nullptr);
    reply["eos_token"] = info.eos ? Json(special_text(model, info.eos)) : Json(nullptr);
    reply["chat_template"] = info.chat_template.empty() ? Json(nullptr) : Json(info.chat_template);
    exchange->reply(json_reply(reply));
}

}  // namespace urial::serve
