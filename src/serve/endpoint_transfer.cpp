// GET /v1/conversations/{id}/export, GET /v1/export, POST /v1/import: conversations as files.

#include <limits>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "serve/conversation_json.h"
#include "serve/query_fields.h"
#include "serve/request_error.h"

namespace urial::serve {
namespace {

constexpr const char* kFileFormat = "urial-conversations";
constexpr std::size_t kMostExportBytes = 256u << 20;
constexpr std::size_t kMostErrorBytes = 2'000;
constexpr std::array<std::string_view, 4> kStates{"done", "writing", "stopped", "failed"};

Json file_json(Json conversations) {
    return {{"format", kFileFormat}, {"version", 1}, {"conversations", std::move(conversations)}};
}

HttpResponse download(std::string body, const char* content_type, const char* name) {
    return {.body = std::move(body),
            .content_type = content_type,
            .headers = {{"content-disposition", fmt::format("attachment; filename=\"{}\"", name)}}};
}

/// From the first message to the one that is shown.
std::vector<const store::Message*> shown_branch(const store::Conversation& conversation,
                                                const std::vector<store::Message>& messages) {
    std::map<std::string_view, const store::Message*> by_id;
    for (const store::Message& message : messages) by_id.emplace(message.id, &message);
    std::vector<const store::Message*> branch;
    std::optional<std::string> next = conversation.current;
    if (!next && !messages.empty()) next = messages.back().id;
    while (next) {
        const auto found = by_id.find(*next);
        if (found == by_id.end()) break;
        branch.insert(branch.begin(), found->second);
        next = found->second->parent;
    }
    return branch;
}

std::string markdown(const store::Conversation& conversation, const std::vector<store::Message>& messages) {
    std::string text;
    if (!conversation.title.empty()) text += "# " + conversation.title + "\n\n";
    for (const store::Message* message : shown_branch(conversation, messages)) {
        if (message->role != "text") {
            std::string role = message->role;
            role.front() = static_cast<char>(role.front() - 'a' + 'A');
            text += "## " + role + "\n\n" + message->content + "\n\n";
        } else {
            text += message->content;  // the pieces are one text
        }
    }
    return text;
}

// ---- Import: a file that anybody may have written ------------------------------------------------------------------

std::int64_t read_time(Fields& fields, const char* name) {
    return fields.integer(name, 0, std::int64_t{1} << 53).value_or(0);
}

store::ImportedMessage read_imported_message(Fields fields, const std::map<std::string, std::size_t>& earlier) {
    store::ImportedMessage imported;
    store::Message& message = imported.message;
    message.id = fields.text("id").value_or("");
    message.role = read_word(fields, "role", kRoles);
    message.content = read_text(fields, "content").value_or("");
    message.created = read_time(fields, "created");
    message.details = read_object(fields, "details").value_or("{}");
    const std::string state = read_word(fields, "state", kStates, "done");
    message.state = store::state_of(state).value_or(store::MessageState::Done);
    if (message.state == store::MessageState::Writing) message.state = store::MessageState::Stopped;
    message.error = read_text(fields, "error");
    if (message.error && message.error->size() > kMostErrorBytes) {
        throw bad_field(fields.path_of("error"), fmt::format("{} is too long", fields.path_of("error")));
    }
    if (const auto facts = fields.object("answer")) message.answer = json_text(facts_json(read_facts(*facts)));
    if (const auto parent = fields.text("parent")) {
        const auto found = earlier.find(*parent);
        if (found == earlier.end()) {
            throw bad_field(fields.path_of("parent"),
                            fmt::format("{} is no message that stands before it", fields.path_of("parent")));
        }
        imported.parent = found->second;
    }
    return imported;
}

store::ImportedConversation read_imported(const Json& json, const std::string& path) {
    Fields fields(json, path);
    store::ImportedConversation imported;
    store::Conversation& conversation = imported.conversation;
    conversation.id = fields.text("id").value_or("");
    conversation.kind = read_word(fields, "kind", kKinds, "chat");
    conversation.title = read_text(fields, "title").value_or("");
    conversation.settings = read_object(fields, "settings").value_or("{}");
    conversation.created = read_time(fields, "created");
    conversation.updated = read_time(fields, "updated");
    std::map<std::string, std::size_t> by_id;
    const Json* messages = fields.value("messages");
    if (messages != nullptr && !messages->is_array()) {
        throw bad_field(path + ".messages", path + ".messages must be an array");
    }
    for (std::size_t i = 0; messages != nullptr && i < messages->size(); ++i) {
        imported.messages.push_back(
            read_imported_message(Fields((*messages)[i], fmt::format("{}.messages[{}]", path, i)), by_id));
        by_id.emplace(imported.messages.back().message.id, i);
    }
    if (const auto current = fields.text("current")) {
        const auto found = by_id.find(*current);
        if (found != by_id.end()) imported.current = found->second;
    }
    return imported;
}

}  // namespace

void export_conversation(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const std::string format = QueryFields(request.query).text("format", "json");
    const std::string& id = request.parts["id"];
    if (format == "markdown") {
        const std::string text = markdown(api.store->find(request.client, id), api.store->messages(request.client, id));
        return exchange->reply(download(text, "text/markdown; charset=utf-8", "conversation.md"));
    }
    if (format != "json") throw bad_field("format", "format must be json or markdown");
    const Json file = file_json(Json::array({whole_conversation_json(api, request.client, id)}));
    exchange->reply(download(json_text(file), "application/json", "conversation.json"));
}

void export_all(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    std::string body;
    store::ListQuery query{.limit = 200};
    do {
        const store::Listing listing = api.store->list(request.client, query);
        for (const store::Listed& listed : listing.conversations) {
            body += body.empty() ? "" : ",\n";
            body += json_text(whole_conversation_json(api, request.client, listed.conversation.id));
            if (body.size() > kMostExportBytes) {
                throw RequestError(
                    400, "too_large", "",
                    fmt::format("your conversations are more than {} bytes: export them one by one", kMostExportBytes));
            }
        }
        query.cursor = listing.next;
    } while (!query.cursor.empty());
    exchange->reply(
        download(fmt::format("{{\"format\":\"{}\",\"version\":1,\"conversations\":[\n{}\n]}}\n", kFileFormat, body),
                 "application/json", "conversations.json"));
}

void import_conversations(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange) {
    const Json body = parse_body(request.body);
    Fields fields(body);
    if (fields.text("format") != kFileFormat) {
        throw bad_field("format",
                        fmt::format("format must be \"{}\": this is no file that was exported here", kFileFormat));
    }
    (void)fields.integer("version", 1, 1);
    const Json* list = fields.value("conversations");
    if (list == nullptr || !list->is_array()) throw bad_field("conversations", "conversations must be an array");
    std::vector<store::ImportedConversation> conversations;
    std::size_t messages = 0;
    for (std::size_t i = 0; i < list->size(); ++i) {
        conversations.push_back(read_imported((*list)[i], fmt::format("conversations[{}]", i)));
        messages += conversations.back().messages.size();
    }
    note_unknown(api, fields, request.id);
    const std::vector<std::string> ids = api.store->import(request.client, conversations);
    exchange->reply(json_reply({{"conversations", ids}, {"messages", messages}}));
}

}  // namespace urial::serve
