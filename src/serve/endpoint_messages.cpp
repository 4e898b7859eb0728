// /v1/conversations/{id}/messages: what was said in one.

#include <utility>

#include <fmt/format.h>

#include "serve/conversation_json.h"
#include "serve/request_error.h"

namespace urial::serve {
namespace {

constexpr std::size_t kMostNewMessages = 500;

store::NewMessage read_new_message(const Json& json, std::size_t index) {
    Fields fields(json, fmt::format("messages[{}]", index));
    store::NewMessage message;
    message.parent = fields.text("parent");
    if (message.parent == "previous") {
        if (index == 0) {
            throw bad_field(fields.path_of("parent"),
                            fmt::format("{} is \"previous\": there is none before it", fields.path_of("parent")));
        }
        message.parent.reset();
        message.follows = true;
    }
    message.role = read_word(fields, "role", kRoles);
    message.content = read_text(fields, "content").value_or("");
    message.details = read_object(fields, "details").value_or("{}");
    return message;
}

}  // namespace

void add_messages(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const Json body = parse_body(request.body);
    Fields fields(body);
    const Json* list = fields.value("messages");
    if (list == nullptr || !list->is_array() || list->empty() || list->size() > kMostNewMessages) {
        throw bad_field("messages", fmt::format("messages must be an array of 1 to {} messages", kMostNewMessages));
    }
    std::vector<store::NewMessage> messages;
    for (const Json& json : *list) messages.push_back(read_new_message(json, messages.size()));
    note_unknown(api, fields, request.id);
    const std::string& id = request.parts["id"];
    const auto added = api.store->add(request.client, id, messages, messages.size() - 1);
    exchange->reply(
        json_reply({{"messages", messages_json(added)}, {"revision", api.store->find(request.client, id).revision}}));
}

void show_message(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const store::Message message = api.store->message(request.client, request.parts["id"], request.parts["message"]);
    exchange->reply(json_reply(message_json(message)));
}

void change_message(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const Json body = parse_body(request.body);
    Fields fields(body);
    const store::MessageChange change{.content = read_text(fields, "content"),
                                      .details = read_object(fields, "details")};
    const std::optional<bool> deleted = fields.boolean("deleted");
    note_unknown(api, fields, request.id);
    const std::string& id = request.parts["id"];
    const std::string& message = request.parts["message"];
    if (deleted == true) throw bad_field("deleted", "deleted can only be false here: DELETE deletes");
    if (change.content && api.answers->is_running(message)) {
        throw RequestError(409, "conflict", "content", "the message is being written: stop it first");
    }
    if (deleted) api.store->restore_message(request.client, id, message);
    exchange->reply(json_reply(message_json(api.store->change_message(request.client, id, message, change))));
}

void delete_message(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const std::string& id = request.parts["id"];
    const auto gone = api.store->remove_message(request.client, id, request.parts["message"]);
    api.answers->stop(gone);
    const store::Conversation now = api.store->find(request.client, id);
    exchange->reply(json_reply(
        {{"deleted", gone}, {"current", now.current ? Json(*now.current) : Json()}, {"revision", now.revision}}));
}

}  // namespace urial::serve
