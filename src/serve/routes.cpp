#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api_files.h"
#include "base/text.h"
#include "engine/engine.h"
#include "serve/api.h"
#include "serve/page.h"

namespace urial::serve {
namespace {

constexpr std::size_t kMostNamed = 8;
constexpr std::size_t kMostNameBytes = 40;
constexpr std::size_t kMostImportBytes = 32u << 20;

}  // namespace

void note_unknown(Api& api, const Fields& fields, std::string_view request_id) {
    std::vector<std::string> names = fields.unknown();
    if (names.empty()) return;
    api.metrics.unknown_fields += names.size();
    if (!api.log) return;
    const std::size_t count = names.size();
    if (names.size() > kMostNamed) names.resize(kMostNamed);
    // A name is the client's text, and may hold anything: letters, digits and '_' of it are enough to find it.
    for (std::string& name : names) {
        if (name.size() > kMostNameBytes) name.resize(kMostNameBytes);
        for (char& c : name) {
            const bool is_plain =
                (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
            if (!is_plain) c = '?';
        }
    }
    api.log(fmt::format("{}: {} unknown fields: {}", request_id, count, fmt::join(names, ", ")));
}

std::string_view openapi_json() { return api_files().front().content; }

HttpResponse refusal(const Error& failure) {
    if (failure.kind() != ErrorKind::Unavailable) return error_reply(failure);
    return refuse(429, failure.what(), "queue_full");
}

HttpResponse json_reply(const Json& json) { return {.body = json_text(json)}; }

std::vector<Route> routes(Api& api) {
    const auto handler = [&api](auto endpoint) -> Handler {
        return [&api, endpoint](HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
            if (!api.is_ready) throw Error(ErrorKind::Unavailable, "the model is being loaded: ask again in a moment");
            endpoint(api, std::move(request), std::move(exchange));
        };
    };
    const auto text = [](HttpResponse response) -> Handler {
        return [response](HttpRequest&&, std::shared_ptr<Exchange> exchange) { exchange->reply(response); };
    };
    const auto health = [&api](HttpRequest&&, std::shared_ptr<Exchange> exchange) {
        const bool is_ready = api.is_ready;
        HttpResponse response = json_reply({{"status", is_ready ? "ok" : "loading"}});
        response.status = is_ready ? 200 : 503;
        exchange->reply(std::move(response));
    };
    // These need no model: what was kept can be read while one is loaded.
    const auto stored = [&api](auto endpoint) -> Handler {
        return [&api, endpoint](HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
            endpoint(api, std::move(request), std::move(exchange));
        };
    };
    const std::string one = "/v1/conversations/{id}";
    const std::string message = one + "/messages/{message}";
    std::vector<Route> routes{
        {.method = "GET", .path = "/health", .handler = health, .is_open = true, .is_quick = true},
        {.method = "POST", .path = "/v1/chat/completions", .handler = handler(chat_completions)},
        {.method = "POST", .path = "/v1/completions", .handler = handler(completions)},
        {.method = "GET", .path = "/v1/models", .handler = handler(list_models)},
        {.method = "GET", .path = "/v1/models/{id...}", .handler = handler(show_model)},
        {.method = "GET", .path = "/v1/prompts", .handler = handler(list_prompts)},
        {.method = "GET", .path = "/v1/prompts/{name}", .handler = handler(show_prompt)},
        {.method = "POST", .path = "/v1/render", .handler = handler(render)},
        {.method = "POST", .path = "/v1/shift", .handler = handler(compare)},
        {.method = "GET", .path = "/v1/conversations", .handler = stored(list_conversations)},
        {.method = "POST", .path = "/v1/conversations", .handler = stored(create_conversation)},
        {.method = "GET", .path = one, .handler = stored(show_conversation)},
        {.method = "PATCH", .path = one, .handler = stored(change_conversation)},
        {.method = "DELETE", .path = one, .handler = stored(delete_conversation)},
        {.method = "POST", .path = one + "/messages", .handler = stored(add_messages)},
        {.method = "GET", .path = message, .handler = stored(show_message)},
        {.method = "PATCH", .path = message, .handler = stored(change_message)},
        {.method = "DELETE", .path = message, .handler = stored(delete_message)},
        {.method = "POST", .path = one + "/answers", .handler = handler(start_answers)},
        {.method = "GET", .path = message + "/events", .handler = stored(follow_answer)},
        {.method = "POST", .path = message + "/stop", .handler = stored(stop_answer)},
        {.method = "GET", .path = one + "/export", .handler = stored(export_conversation)},
        {.method = "GET", .path = "/v1/export", .handler = stored(export_all)},
        {.method = "POST",
         .path = "/v1/import",
         .handler = stored(import_conversations),
         .body_bytes = kMostImportBytes},
        {.method = "POST", .path = "/tokenize", .handler = handler(tokenize)},
        {.method = "POST", .path = "/detokenize", .handler = handler(detokenize)},
        {.method = "GET", .path = "/tokenizer_info", .handler = handler(tokenizer_info), .is_quick = true},
        {.method = "GET",
         .path = "/version",
         .handler = text(json_reply({{"version", URIAL_VERSION}, {"engine", engine::engine_build().version}})),
         .is_quick = true},
        {.method = "GET",
         .path = "/openapi.json",
         .handler = text({.body = std::string(openapi_json())}),
         .is_quick = true},
    };
    if (api.shows_metrics) {
        routes.push_back({.method = "GET",
                          .path = "/metrics",
                          .handler =
                              [&api](HttpRequest&&, std::shared_ptr<Exchange> exchange) {
                                  exchange->reply({.body = prometheus_text(api.metrics),
                                                   .content_type = "text/plain; version=0.0.4; charset=utf-8"});
                              },
                          .is_quick = true});
    }
    for (Route& route : page_routes()) routes.push_back(std::move(route));
    return routes;
}

}  // namespace urial::serve
