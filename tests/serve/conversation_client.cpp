#include "serve/conversation_client.h"

#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json_reader.h"
#include "base/text.h"

namespace urial::test {

using serve::Json;

std::string message_path(const std::string& conversation, const std::string& message) {
    return "/v1/conversations/" + conversation + "/messages/" + message;
}

std::vector<std::string> data_lines(std::string_view stream) {
    std::vector<std::string> lines;
    for (const std::string_view line : split(stream, '\n')) {
        if (line.starts_with("data: ")) lines.emplace_back(line.substr(6));
    }
    return lines;
}

RawReply ConversationClient::ask(std::string_view method, const std::string& path, const std::string& body) const {
    return urial::test::ask(port_, request_text(port_, method, path, headers_, body)).value_or(RawReply{});
}

Json ConversationClient::call(std::string_view method, const std::string& path, const Json& body, int status) const {
    const RawReply reply = ask(method, path, body.is_null() ? "" : body.dump());
    EXPECT_EQ(reply.status, status) << method << " " << path << " " << reply.body;
    return try_parse_json(reply.body).value_or(nullptr);
}

std::string ConversationClient::create(const std::string& kind, const std::string& title) const {
    return call("POST", "/v1/conversations", {{"kind", kind}, {"title", title}}).at("id");
}

std::string ConversationClient::say(const std::string& conversation, const std::string& role,
                                    const std::string& content, const Json& parent) const {
    const Json added = call("POST", "/v1/conversations/" + conversation + "/messages",
                            {{"messages", {{{"parent", parent}, {"role", role}, {"content", content}}}}});
    return added.at("messages").at(0).at("id");
}

std::vector<std::string> ConversationClient::answer(const std::string& conversation, const std::string& text,
                                                    Json members) const {
    members.emplace("request", chat_body(text));
    const Json started = call("POST", "/v1/conversations/" + conversation + "/answers", members);
    std::vector<std::string> ids;
    for (const Json& message : started.at("messages")) ids.push_back(message.at("id"));
    return ids;
}

std::vector<std::string> ConversationClient::events(const std::string& conversation, const std::string& message,
                                                    std::size_t from) const {
    const RawReply reply = ask("GET", fmt::format("{}/events?from={}", message_path(conversation, message), from));
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_TRUE(reply.is_whole);
    return data_lines(reply.body);
}

Json ConversationClient::message(const std::string& conversation, const std::string& message) const {
    return get(message_path(conversation, message));
}

Json ConversationClient::finished(const std::string& conversation, const std::string& id) const {
    for (int i = 0; i < 2000; ++i) {
        Json found = message(conversation, id);
        if (found.is_null() || found.at("state") != "writing") return found;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ADD_FAILURE() << "the answer is still being written";
    return message(conversation, id);
}

}  // namespace urial::test
