// Answers that the server writes into a conversation: POST .../answers begins them, GET .../events follows one, and
// POST .../stop ends it.

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "serve/conversation_json.h"
#include "serve/query_fields.h"
#include "serve/request_error.h"

namespace urial::serve {
namespace {

constexpr std::int64_t kMostAnswersAtOnce = 8;
constexpr std::array<std::string_view, 3> kPaths{"/v1/chat/completions", "/v1/completions", "/v1/shift"};

struct AnswerPlan {
    std::string path;
    std::optional<std::string> parent;
    std::string given;
    std::string details;
    std::size_t count = 1;
    Json request;  ///< of one answer
};

using Endpoint = void (*)(Api&, HttpRequest&&, std::shared_ptr<Exchange>);
Endpoint endpoint_at(std::string_view path) {
    if (path == "/v1/completions") return completions;
    if (path == "/v1/shift") return compare;
    return chat_completions;
}

/// What the answer's own endpoint cannot know: it is one answer, and a stream.
void prepare_request(AnswerPlan& plan) {
    Fields fields(plan.request, "request");
    fields.refuse_unless("n", {Json(1)});
    fields.refuse_unless("echo", {Json(false)});
    const Json* prompt = fields.value("prompt");
    if (prompt != nullptr && prompt->is_array() && !prompt->empty() && !prompt->front().is_number()) {
        throw bad_field("request.prompt", "request.prompt must be one text, or its token ids");
    }
    plan.request["stream"] = true;
    if (plan.path != "/v1/shift") {
        plan.request["stream_options"] = {{"include_usage", true}, {"continuous_usage_stats", true}};
    }
}

AnswerPlan read_answer_plan(Fields& fields) {
    AnswerPlan plan;
    plan.path = read_word(fields, "path", kPaths, kPaths.front().data());
    plan.parent = fields.text("parent");
    plan.given = read_text(fields, "content").value_or("");
    plan.details = read_object(fields, "details").value_or("{}");
    plan.count = static_cast<std::size_t>(fields.integer("count", 1, kMostAnswersAtOnce).value_or(1));
    if (!fields.object("request")) throw bad_field("request", "request is missing: the body that the path takes");
    plan.request = *fields.value("request");
    prepare_request(plan);
    return plan;
}

/// Answers that differ in their random numbers alone.
std::string body_of(const AnswerPlan& plan, std::size_t index) {
    Json body = plan.request;
    const auto seed = body.find("seed");
    if (seed != body.end() && seed->is_number_integer()) {
        *seed = static_cast<std::int64_t>(seed->get<std::uint64_t>() + index);
    }
    return json_text(body);
}

std::int64_t milliseconds_now() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

/// Some of a conversation's answers under way.
class AnswerStart {
public:
    AnswerStart(Api& api, const HttpRequest& request, AnswerPlan plan)
        : api_(api),
          owner_(request.client),
          conversation_(request.parts.at("id")),
          request_id_(request.id),
          plan_(std::move(plan)) {}

    /// Adds the messages and has them written. Throws what refuses the first of them, as if nothing had been asked.
    std::vector<store::Message> start() {
        api_.answers->check_room(owner_, plan_.count);
        const bool is_text = api_.store->find(owner_, conversation_).kind == "text";
        const AnswerFacts facts{.path = plan_.path, .started = milliseconds_now()};
        const store::NewMessage message{.parent = plan_.parent,
                                        .role = is_text ? "text" : "assistant",
                                        .content = plan_.given,
                                        .details = plan_.details,
                                        .state = store::MessageState::Writing,
                                        .answer = json_text(facts_json(facts))};
        messages_ = api_.store->add(owner_, conversation_, std::vector(plan_.count, message), /*current=*/0);
        try {
            for (std::size_t i = 0; i < messages_.size(); ++i) begin(i, facts);
        } catch (...) {
            take_back();
            throw;
        }
        return messages_;
    }

    /// Why none of them was taken.
    std::optional<HttpResponse> refusal() {
        std::optional<HttpResponse> refused;
        for (const auto& answer : answers_) {
            refused = answer->refusal();
            if (!refused) return std::nullopt;
        }
        take_back();
        return refused;
    }

private:
    void begin(std::size_t index, const AnswerFacts& facts) {
        answers_.push_back(api_.answers->begin({.owner = owner_,
                                                .conversation = conversation_,
                                                .message = messages_[index].id,
                                                .given = plan_.given,
                                                .facts = facts}));
        const std::shared_ptr<Exchange> exchange = writing_end(answers_.back());
        HttpRequest request{.method = "POST",
                            .path = plan_.path,
                            .body = body_of(plan_, index),
                            .client = owner_,
                            .id = fmt::format("{}-{}", request_id_, index)};
        try {
            endpoint_at(plan_.path)(api_, std::move(request), exchange);
        } catch (const Error& failure) {
            if (index == 0) throw;  // what is wrong with one is wrong with all
            exchange->reply(error_reply(failure));
        }
    }

    void take_back() {
        std::vector<std::string> ids;
        for (const store::Message& message : messages_) ids.push_back(message.id);
        for (const auto& answer : answers_) {
            api_.answers->forget(*answer);
            answer->stop(store::MessageState::Failed, std::nullopt);
        }
        api_.store->take_back(ids);
    }

    Api& api_;
    const std::string owner_;
    const std::string conversation_;
    const std::string request_id_;
    const AnswerPlan plan_;
    std::vector<store::Message> messages_;
    std::vector<std::shared_ptr<RecordedAnswer>> answers_;
};

}  // namespace

void start_answers(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const Json body = parse_body(request.body);
    Fields fields(body);
    AnswerPlan plan = read_answer_plan(fields);
    note_unknown(api, fields, request.id);
    AnswerStart start(api, request, std::move(plan));
    const std::vector<store::Message> messages = start.start();
    if (auto refused = start.refusal()) return exchange->reply(std::move(*refused));
    exchange->reply(json_reply({{"messages", messages_json(messages)},
                                {"revision", api.store->find(request.client, request.parts["id"]).revision}}));
}

void follow_answer(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const QueryFields query(request.query);
    const auto from = query.integer("from", 0, std::numeric_limits<std::int32_t>::max()).value_or(0);
    const store::Message message = api.store->message(request.client, request.parts["id"], request.parts["message"]);
    api.answers->follow(message.id, static_cast<std::size_t>(from), std::move(exchange));
}

void stop_answer(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const std::string& id = request.parts["id"];
    const store::Message message = api.store->message(request.client, id, request.parts["message"]);
    api.answers->stop(std::vector{message.id});
    exchange->reply(json_reply(message_json(api.store->message(request.client, id, message.id))));
}

}  // namespace urial::serve
