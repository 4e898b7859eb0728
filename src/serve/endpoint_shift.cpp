// POST /v1/shift: what the base model thinks of an aligned model's answer, token by token.

#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "serve/api.h"
#include "serve/completion_shape.h"
#include "serve/generation_fields.h"
#include "serve/messages.h"
#include "serve/request_error.h"
#include "shift/record.h"

namespace urial::serve {
namespace {

constexpr int kUsualAnswerTokens = 256;
constexpr std::size_t kDefaultTop = 10;

/// One of the two sides. `usual_prompt`: where the name says none, as in `urial shift`.
struct NamedSide {
    std::string name;
    shift::Side side;
};
NamedSide read_side(Api& api, Fields& fields, const char* field, std::string_view usual_prompt) {
    const std::optional<std::string> name = fields.text(field);
    if (!name)
        throw bad_field(field, fmt::format("{} is missing: the name of a model, GET /v1/models lists them", field));
    Target target = api.catalog->find(*name);
    if (const OfferedPrompt* usual = api.catalog->find_prompt(usual_prompt); usual != nullptr && !target.names_prompt) {
        target.prompt = usual;
        target.name = fmt::format("{}@{}", target.model->name(), usual_prompt);
    }
    const auto prepared = target.model->prompt(*target.prompt);
    // The prepared prompt owns the source.
    std::shared_ptr<const generate::PromptSource> source(prepared, &prepared->source());
    return {target.name,
            {.model = target.model->shared_model(),
             .use_adapters = target.model->uses_adapters(),
             .prompt = std::move(source),
             .weight_type = {}}};
}

Json list_json(std::span<const shift::TopToken> top, std::size_t most, shift::Pieces& pieces) {
    Json list = Json::array();
    for (std::size_t i = 0; i < top.size() && i < most; ++i) {
        list.push_back(
            {{"id", top[i].token}, {"token", pieces[top[i].token]}, {"logprob", finite_logprob(top[i].logp)}});
    }
    return list;
}

Json side_json(const shift::SideStats& side, std::size_t top, shift::Pieces& pieces) {
    return {{"rank", side.rank},
            {"logprob", finite_logprob(side.logp)},
            {"entropy", shift::rounded(side.entropy)},
            {"top_logprobs", list_json(side.top, top, pieces)}};
}

/// One request under way. Used by the desk's thread alone once it is submitted.
struct Comparison {
    std::shared_ptr<Exchange> exchange;
    std::shared_ptr<const engine::Model> model;  ///< the aligned one
    std::string id;
    std::string base;
    std::string aligned;
    std::size_t top = kDefaultTop;
    bool streams = false;
    bool has_begun = false;
    std::size_t counts[3] = {0, 0, 0};
    double kl_sum = 0;
    Json tokens = Json::array();
    std::string unsent = {};  ///< bytes of a character that is not whole yet
    shift::Pieces pieces;

    Json header() const {
        return {{"id", id}, {"object", streams ? "shift.chunk" : "shift"}, {"base", base}, {"aligned", aligned}};
    }

    void add(const shift::PositionStats& at) {
        ++counts[static_cast<int>(shift::shift_class(at.base.rank))];
        kl_sum += at.kl_ab;
        Json token{{"id", at.token}, {"token", pieces[at.token]}, {"class", shift::class_name(at.base.rank)}};
        token["kl_ab"] = shift::rounded(at.kl_ab);
        token["kl_ba"] = shift::rounded(at.kl_ba);
        token["js"] = shift::rounded(at.js);
        token["tv"] = shift::rounded(at.tv);
        token["base"] = side_json(at.base, top, pieces);
        token["aligned"] = side_json(at.aligned, top, pieces);
        if (!streams) {
            tokens.push_back(std::move(token));
            return;
        }
        if (!std::exchange(has_begun, true)) exchange->begin_events();
        Json chunk = header();
        chunk["token"] = std::move(token);
        chunk["text"] = next_text(at.token);
        exchange->send_event(json_reply(chunk).body);
    }

    /// What the answer says with this token, as far as it is whole characters; control tokens say nothing.
    std::string next_text(engine::Token token) {
        unsent += model->piece(token, /*special=*/false);
        const std::size_t whole = complete_utf8_length(unsent);
        std::string text = replace_invalid_utf8(std::string_view(unsent).substr(0, whole));
        unsent.erase(0, whole);
        return text;
    }

    void end(const shift::ScoredAnswer& scored) {
        const std::size_t positions = counts[0] + counts[1] + counts[2];
        Json json = header();
        if (!streams) json["tokens"] = std::move(tokens);
        json["finish_reason"] = scored.finish;
        Json& summary = json["summary"] = {
            {"positions", positions}, {"unshifted", counts[0]}, {"marginal", counts[1]}, {"shifted", counts[2]}};
        summary["kl_ab"] = positions == 0 ? Json(nullptr) : shift::rounded(kl_sum / static_cast<double>(positions));
        if (!streams) return exchange->reply(json_reply(json));
        if (!std::exchange(has_begun, true)) exchange->begin_events();
        exchange->send_event(json_reply(json).body);
        exchange->send_event("[DONE]");
        exchange->end();
    }

    void fail(const Error& failure) {
        HttpResponse response = error_reply(failure);
        if (!has_begun) return exchange->reply(std::move(response));
        exchange->send_event(std::move(response.body));
        exchange->end();
    }
};

shift::ShiftItem read_item(Fields& fields, const shift::Side& base, const shift::Side& aligned) {
    const engine::Model& model = *aligned.model;
    shift::ShiftItem item;
    item.id = "0";
    const bool continues = read_continues(fields);
    ChatMessages chat = read_messages(fields.value("messages"), continues);
    if (continues) {
        // What the assistant has said already belongs to both prompts: only what follows is scored.
        item.base_prompt_ids = base.prompt->tokenize(*base.model, chat.conversation, chat.answer);
        item.aligned_prompt_ids = aligned.prompt->tokenize(model, chat.conversation, chat.answer);
        for (const char* name : {"answer", "answer_ids"}) {
            if (fields.value(name) == nullptr) continue;
            throw bad_field(name,
                            fmt::format("continue_final_message has the answer go on by itself: leave out {}", name));
        }
    }
    item.conversation = std::move(chat.conversation);
    item.answer_text = fields.text("answer");
    if (item.answer_text && item.answer_text->empty()) throw bad_field("answer", "answer is empty");
    item.answer_ended = fields.boolean("answer_ended").value_or(false);
    if (const Json* ids = fields.value("answer_ids")) {
        if (item.answer_text) throw bad_field("answer_ids", "give answer or answer_ids, not both");
        item.answer_ids = checked_tokens(*ids, model, "answer_ids");
        if (item.answer_ids.empty()) throw bad_field("answer_ids", "answer_ids is empty");
    }
    return item;
}

}  // namespace

void compare(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const Json body = parse_body(request.body);
    Fields fields(body);
    NamedSide base = read_side(api, fields, "base", "zero-shot");
    NamedSide aligned = read_side(api, fields, "aligned", app::kChatPrompt);
    ShiftDesk::Job job;
    job.item = read_item(fields, base.side, aligned.side);
    job.options.max_tokens = static_cast<int>(fields.integer("max_tokens", 1, 4096).value_or(kUsualAnswerTokens));
    job.options.parallel = 1;
    const std::shared_ptr<const engine::Model> model = aligned.side.model;
    auto comparison = std::make_shared<Comparison>(
        Comparison{.exchange = std::move(exchange),
                   .model = model,
                   .id = "shift-" + request.id,
                   .base = base.name,
                   .aligned = aligned.name,
                   .top = static_cast<std::size_t>(
                       fields.integer("top_logprobs", 0, kMostTop).value_or(static_cast<std::int64_t>(kDefaultTop))),
                   .streams = fields.boolean("stream").value_or(false),
                   .pieces = shift::Pieces([model](engine::Token token) { return model->piece(token, true); })});
    job.options.top_k = std::max<std::size_t>(comparison->top, 1);
    job.options.live = comparison->streams;
    job.base = std::move(base.side);
    job.aligned = std::move(aligned.side);
    job.on_position = [comparison](const shift::PositionStats& at) { comparison->add(at); };
    job.on_done = [comparison](shift::ScoredAnswer&& scored) { comparison->end(scored); };
    job.on_failure = [comparison](const Error& failure) { comparison->fail(failure); };
    note_unknown(api, fields, request.id);
    comparison->exchange->on_gone([unwanted = job.is_unwanted] { *unwanted = true; });
    try {
        api.shift->submit(std::move(job));
    } catch (const Error& failure) {
        comparison->exchange->reply(refusal(failure));
    }
}

}  // namespace urial::serve
