// /v1/conversations and /v1/conversations/{id}: what a key's owner has kept. docs/server.md describes them.

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "serve/conversation_json.h"
#include "serve/query_fields.h"
#include "serve/request_error.h"

namespace urial::serve {

void list_conversations(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    constexpr std::int64_t kUsualPage = 50;
    constexpr std::int64_t kMostPage = 200;
    const QueryFields query(request.query);
    if (query.has("kind") && std::ranges::find(kKinds, query.text("kind")) == kKinds.end()) {
        throw bad_field("kind", fmt::format("kind must be one of {}", fmt::join(kKinds, ", ")));
    }
    const store::Listing listing = api.store->list(
        request.client, {.kind = query.text("kind"),
                         .words = query.text("q"),
                         .deleted = query.boolean("deleted"),
                         .limit = static_cast<std::size_t>(query.integer("limit", 1, kMostPage).value_or(kUsualPage)),
                         .cursor = query.text("cursor")});
    Json data = Json::array();
    for (const store::Listed& listed : listing.conversations) {
        Json& json = data.emplace_back(conversation_json(listed.conversation));
        if (query.text("q").empty()) continue;
        json["snippet"] = listed.snippet;
        json["message"] = listed.message.empty() ? Json() : Json(listed.message);
    }
    exchange->reply(
        json_reply({{"data", std::move(data)}, {"next", listing.next.empty() ? Json() : Json(listing.next)}}));
}

void create_conversation(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const Json body = parse_body(request.body);
    Fields fields(body);
    const std::string kind = read_word(fields, "kind", kKinds, "chat");
    const std::string title = read_text(fields, "title").value_or("");
    const std::string settings = read_object(fields, "settings").value_or("{}");
    note_unknown(api, fields, request.id);
    const store::Conversation made = api.store->create(request.client, kind, title, settings);
    exchange->reply(json_reply(whole_conversation_json(api, request.client, made.id)));
}

void show_conversation(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    exchange->reply(json_reply(whole_conversation_json(api, request.client, request.parts["id"])));
}

void change_conversation(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const Json body = parse_body(request.body);
    Fields fields(body);
    store::ConversationChange change;
    change.title = read_text(fields, "title");
    change.settings = read_object(fields, "settings");
    change.deleted = fields.boolean("deleted");
    change.revision = fields.integer("revision", 0, std::numeric_limits<std::int64_t>::max());
    if (const auto current = fields.text("current")) {
        change.current = current;
    } else if (body.contains("current")) {  // null: none is shown
        change.current.emplace(std::nullopt);
    }
    note_unknown(api, fields, request.id);
    const auto changed = api.store->change(request.client, request.parts["id"], change);
    if (!changed) {
        throw RequestError(409, "conflict", "revision",
                           "the conversation was changed meanwhile: read it again, then change it");
    }
    Json json = conversation_json(*changed);
    json["current"] = changed->current ? Json(*changed->current) : Json();
    exchange->reply(json_reply(json));
}

void delete_conversation(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const QueryFields query(request.query);
    const std::string& id = request.parts["id"];
    if (query.boolean("forever")) {
        (void)api.store->find(request.client, id);  // whose it is, before anything is stopped
        api.answers->stop_conversation(id);
        api.store->erase(request.client, id);
        return exchange->reply(json_reply({{"id", id}, {"deleted", true}}));
    }
    const auto changed = api.store->change(request.client, id, {.deleted = true});
    exchange->reply(json_reply(conversation_json(changed.value())));
}

}  // namespace urial::serve
