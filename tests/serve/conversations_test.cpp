// Conversations over HTTP: what is kept, who sees it, and what comes out of files of others.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json_reader.h"
#include "serve/conversation_client.h"
#include "support/expect_text.h"
#include "support/sandbox.h"

namespace urial::test {
namespace {

using serve::Json;

const std::string kFirstKey = "1111111111111111111111111111111111";
const std::string kSecondKey = "2222222222222222222222222222222222";

std::string conversation_path(const std::string& id) { return "/v1/conversations/" + id; }

std::vector<std::string> ids_of(const Json& listing) {
    std::vector<std::string> ids;
    for (const Json& each : listing.at("data")) ids.push_back(each.at("id"));
    return ids;
}

TEST(ServeConversations, are_made_changed_put_into_the_bin_and_taken_out_again) {
    const ApiFixture server;
    const ConversationClient client(server);
    const Json made = client.call("POST", "/v1/conversations",
                                  {{"kind", "chat"}, {"title", "Sky"}, {"settings", {{"model", "scripted"}}}});
    const std::string path = conversation_path(made.at("id"));
    EXPECT_EQ(made.at("id").get<std::string>().size(), 22U);
    EXPECT_EQ(client.get(path), made);
    EXPECT_EQ(made["settings"], Json({{"model", "scripted"}}));
    EXPECT_TRUE(made["messages"].empty());

    const Json renamed = client.call("PATCH", path, {{"title", "Blue sky"}, {"revision", made["revision"]}});
    EXPECT_EQ(renamed["title"], "Blue sky");
    const Json conflict = client.call("PATCH", path, {{"title", "Red"}, {"revision", made["revision"]}}, 409);
    EXPECT_EQ(conflict["error"]["code"], "conflict");
    EXPECT_EQ(client.get(path)["title"], "Blue sky");

    EXPECT_TRUE(client.call("DELETE", path)["deleted"].is_number());
    EXPECT_TRUE(client.get("/v1/conversations")["data"].empty());
    EXPECT_EQ(ids_of(client.get("/v1/conversations?deleted=true")), std::vector<std::string>{made["id"]});
    EXPECT_EQ(client.call("PATCH", path, {{"deleted", false}})["deleted"], nullptr);
    EXPECT_EQ(client.get("/v1/conversations")["data"].size(), 1U);
    (void)client.call("DELETE", path + "?forever=true");
    EXPECT_EQ(client.get(path, 404)["error"]["code"], "not_found");
}

TEST(ServeConversations, messages_are_a_tree_with_one_branch_that_is_shown) {
    const ApiFixture server;
    const ConversationClient client(server);
    const std::string id = client.create();
    const std::string path = conversation_path(id);
    const Json chain = client.call("POST", path + "/messages",
                                   {{"messages",
                                     {{{"role", "user"}, {"content", "one"}, {"details", {{"x", 1}}}},
                                      {{"role", "assistant"}, {"content", "two"}, {"parent", "previous"}}}}});
    const std::string one = chain["messages"][0]["id"];
    const std::string two = chain["messages"][1]["id"];
    EXPECT_EQ(chain["messages"][1]["parent"], one);
    EXPECT_EQ(client.get(path)["current"], two);
    EXPECT_EQ(client.get(path)["revision"], chain["revision"]);
    const std::string other = client.say(id, "assistant", "zwei", one);
    EXPECT_EQ(client.get(path)["messages"].size(), 3U);
    (void)client.call("PATCH", path, {{"current", two}});
    EXPECT_EQ(client.call("PATCH", message_path(id, one), {{"content", "eins"}})["content"], "eins");
    EXPECT_EQ(client.message(id, one)["details"], Json({{"x", 1}}));
    const Json gone = client.call("DELETE", message_path(id, two));
    EXPECT_EQ(gone["deleted"], Json({two}));
    EXPECT_EQ(gone["current"], one);
    EXPECT_EQ(client.get(message_path(id, two), 404)["error"]["code"], "not_found");
    EXPECT_EQ(client.call("PATCH", message_path(id, two), {{"deleted", false}})["content"], "two");
    EXPECT_EQ(client.get(conversation_path(id) + "/export?format=markdown", 200), nullptr);
    EXPECT_EQ(client.ask("GET", path + "/export?format=markdown").body, "## User\n\neins\n\n");
    (void)client.call("PATCH", path, {{"current", other}});
    EXPECT_TRUE(contains(client.ask("GET", path + "/export?format=markdown").body, "zwei"));
}

TEST(ServeConversations, one_key_does_not_reach_what_another_has) {
    const ApiFixture server({{.name = "scripted", .model = std::make_shared<ScriptedModel>(echoing_script())}}, true,
                            {.api_keys = {kFirstKey, kSecondKey}});
    const ConversationClient first(server, kFirstKey);
    const ConversationClient second(server, kSecondKey);
    const std::string id = first.create("chat", "secret");
    const std::string message = first.say(id, "user", "secret");
    const std::string own = second.create();
    EXPECT_EQ(ids_of(second.get("/v1/conversations")), std::vector<std::string>{own});
    EXPECT_TRUE(second.get("/v1/conversations?q=secret")["data"].empty());
    EXPECT_FALSE(contains(second.ask("GET", "/v1/export").body, "secret"));
    const std::string path = conversation_path(id);
    const Json more{{"messages", {{{"role", "user"}, {"content", "x"}}}}, {"request", chat_body("x")}};
    for (const auto& [method, target] :
         std::initializer_list<std::pair<const char*, std::string>>{{"GET", path},
                                                                    {"PATCH", path},
                                                                    {"DELETE", path},
                                                                    {"DELETE", path + "?forever=true"},
                                                                    {"POST", path + "/messages"},
                                                                    {"POST", path + "/answers"},
                                                                    {"GET", path + "/export"},
                                                                    {"GET", message_path(id, message)},
                                                                    {"PATCH", message_path(id, message)},
                                                                    {"DELETE", message_path(id, message)},
                                                                    {"GET", message_path(id, message) + "/events"},
                                                                    {"POST", message_path(id, message) + "/stop"},
                                                                    {"GET", message_path(own, message) + "/events"},
                                                                    {"PATCH", message_path(own, message)}}) {
        const bool has_body = std::string(method) == "PATCH" || target.ends_with("s");
        (void)second.call(method, target, has_body && std::string(method) != "GET" ? more : Json(), 404);
    }
    EXPECT_EQ(first.get(path)["messages"].size(), 1U);
    EXPECT_EQ(server.api.metrics.requests, 0U);
}

TEST(ServeConversations, can_be_read_while_no_model_is_loaded) {
    const ApiFixture server({{.name = "scripted", .model = std::make_shared<ScriptedModel>(echoing_script())}}, false);
    const ConversationClient client(server);
    const std::string id = client.create();
    EXPECT_EQ(client.get("/v1/conversations")["data"].size(), 1U);
    EXPECT_EQ(
        client.call("POST", conversation_path(id) + "/answers", {{"request", chat_body("x")}}, 503)["error"]["code"],
        "unavailable");
}

TEST(ServeConversations, come_back_from_the_file_that_they_were_exported_to) {
    const ApiFixture server;
    const ConversationClient client(server);
    const std::string id = client.create("chat", "A \xE2\x80\xAE title");
    const std::string asked = client.say(id, "user", "<b>hello</b> \xF0\x9F\x98\x80");
    const std::string answer = client.answer(id, "hello", {{"parent", asked}, {"details", {{"n", 3}}}}).at(0);
    (void)client.finished(id, answer);
    (void)client.create("text", "second");
    const Json before = client.get(conversation_path(id));
    const RawReply file = client.ask("GET", "/v1/export");
    EXPECT_TRUE(contains(file.headers.at("content-disposition"), "attachment"));

    const ApiFixture other;
    const ConversationClient there(other);
    const Json imported = there.call("POST", "/v1/import", parse_json(file.body));
    EXPECT_EQ(imported["conversations"].size(), 2U);
    EXPECT_EQ(imported["messages"], 2);
    Json after = there.get(conversation_path(id));
    after["revision"] = before["revision"];
    for (Json& message : after["messages"]) message["events"] = 0;  // those stay where they were made
    Json expected = before;
    for (Json& message : expected["messages"]) message["events"] = 0;
    EXPECT_EQ(after, expected);

    // Once more into the same place: all of it, under new ids.
    (void)there.call("POST", "/v1/import", parse_json(file.body));
    EXPECT_EQ(there.get("/v1/conversations")["data"].size(), 4U);
}

TEST(ServeConversations, a_file_that_is_none_is_refused_whole) {
    const ApiFixture server;
    const ConversationClient client(server);
    const Json message{{"id", "a"}, {"role", "user"}, {"content", "x"}};
    const auto with = [&](Json changes) {
        Json changed = message;
        changed.update(changes);
        return Json({{"kind", "chat"}, {"messages", {message, changed}}});
    };
    const Json wrong[] = {
        {{"kind", "none"}},
        {{"kind", 5}},
        {{"title", Json::array()}},
        {{"title", std::string(2000, 'x')}},
        {{"settings", "text"}},
        {{"created", -1}},
        {{"created", 1e300}},
        {{"messages", "none"}},
        {{"messages", {"text"}}},
        {{"messages", {{{"role", "user"}, {"parent", "a"}, {"id", "a"}}}}},  // its own parent
        with({{"role", "tool"}}),
        with({{"role", nullptr}}),
        with({{"content", {1, 2}}}),
        with({{"state", "sleeping"}}),
        with({{"parent", "b"}}),
        with({{"details", {1}}}),
        with({{"details", {{"x", std::string(70'000, 'x')}}}}),
        with({{"error", std::string(5000, 'x')}}),
        with({{"answer", "x"}}),
        with({{"answer", {{"tokens", "many"}}}}),
        with({{"answer", {{"ms", -5}}}}),
        with({{"answer", {{"model", std::string(5000, 'x')}}}}),
    };
    for (const Json& conversation : wrong) {
        const Json file{
            {"format", "urial-conversations"}, {"version", 1}, {"conversations", {{{"kind", "chat"}}, conversation}}};
        EXPECT_NE(client.call("POST", "/v1/import", file, 400)["error"]["message"], "") << conversation;
    }
    (void)client.call("POST", "/v1/import", {{"format", "other"}}, 400);
    (void)client.call("POST", "/v1/import", {{"format", "urial-conversations"}, {"conversations", 5}}, 400);
    EXPECT_EQ(client.ask("POST", "/v1/import", std::string(100'000, '[')).status, 400);
    EXPECT_TRUE(client.get("/v1/conversations")["data"].empty());
}

TEST(ServeConversations, an_imported_answer_is_never_one_that_is_being_written) {
    const ApiFixture server;
    const ConversationClient client(server);
    const Json file{{"format", "urial-conversations"},
                    {"conversations", {{{"messages", {{{"role", "assistant"}, {"state", "writing"}}}}}}}};
    const std::string id = client.call("POST", "/v1/import", file)["conversations"][0];
    EXPECT_EQ(client.get(conversation_path(id))["messages"][0]["state"], "stopped");
}

TEST(ServeConversations, what_a_request_gets_wrong_is_named) {
    const ApiFixture server;
    const ConversationClient client(server);
    const std::string id = client.create();
    const std::string path = conversation_path(id);
    const std::string message = client.say(id, "user", "x");
    const auto param = [&](const char* method, const std::string& target, const Json& body) {
        return client.call(method, target, body, 400)["error"]["param"];
    };
    EXPECT_EQ(param("POST", "/v1/conversations", {{"kind", "novel"}}), "kind");
    EXPECT_EQ(param("POST", "/v1/conversations", {{"settings", 1}}), "settings");
    EXPECT_EQ(param("PATCH", path, {{"revision", "x"}}), "revision");
    EXPECT_EQ(param("POST", path + "/messages", {{"messages", Json::array()}}), "messages");
    EXPECT_EQ(param("POST", path + "/messages", {{"messages", {{{"role", "tool"}}}}}), "messages[0].role");
    EXPECT_EQ(param("POST", path + "/messages", {{"messages", {{{"role", "user"}, {"parent", "previous"}}}}}),
              "messages[0].parent");
    EXPECT_EQ(param("PATCH", message_path(id, message), {{"deleted", true}}), "deleted");
    EXPECT_EQ(param("POST", path + "/answers", Json::object()), "request");
    EXPECT_EQ(param("POST", path + "/answers", {{"request", {{"n", 2}}}}), "request.n");
    EXPECT_EQ(param("POST", path + "/answers", {{"request", {{"temperature", 1}}}}), "messages");
    EXPECT_EQ(param("POST", path + "/answers", {{"request", chat_body("x")}, {"count", 9}}), "count");
    EXPECT_EQ(param("POST", path + "/answers", {{"request", chat_body("x")}, {"path", "/health"}}), "path");
    EXPECT_EQ(param("GET", "/v1/conversations?limit=0", nullptr), "limit");
    EXPECT_EQ(param("GET", "/v1/conversations?limit=", nullptr), "limit");
    EXPECT_EQ(param("GET", "/v1/conversations?deleted=maybe", nullptr), "deleted");
    EXPECT_EQ(param("GET", "/v1/conversations?deleted=", nullptr), "deleted");
    EXPECT_EQ(param("GET", "/v1/conversations?kind=x", nullptr), "kind");
    EXPECT_EQ(param("GET", "/v1/conversations?kind=", nullptr), "kind");
    EXPECT_EQ(param("GET", path + "/export?format=", nullptr), "format");
    EXPECT_EQ(param("GET", path + "/export?format=text", nullptr), "format");
    EXPECT_EQ(param("GET", message_path(id, message) + "/events?from=-1", nullptr), "from");
    (void)client.call("GET", "/v1/conversations?q=%ff", nullptr, 400);
    (void)client.call("GET", "/v1/conversations?q=%00", nullptr, 400);
    (void)client.call("GET", "/v1/conversations?cursor=x", nullptr, 400);
    (void)client.call("POST", path + "/answers", {{"request", chat_body("x")}, {"parent", "none"}}, 404);
    EXPECT_EQ(client.get(path)["messages"].size(), 1U) << "nothing that was refused left a message";
}

}  // namespace
}  // namespace urial::test
