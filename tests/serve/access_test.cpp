// Hosts, origins and keys before every route of the API: what is refused makes no model work.

#include <functional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/text.h"
#include "serve/api_fixture.h"
#include "support/raw_client.h"

namespace urial::test {
namespace {

using serve::Json;

const std::string kAccessKey = "0123456789abcdef0123456789abcdef";

struct Named {
    std::string value;  ///< $: the port
    bool is_allowed;
};

const Named kHosts[] = {{"127.0.0.1:$", true},   {"localhost:$", true},     {"models.example.org", true},
                        {"evil.example", false}, {"evil.example:$", false}, {"localhost.evil.example:$", false},
                        {"127.0.0.1:1", false},  {"10.0.0.1:$", false}};
const Named kOrigins[] = {{"", true},
                          {"http://127.0.0.1:$", true},
                          {"https://chat.example.org", true},
                          {"null", false},
                          {"http://evil.example", false},
                          {"https://127.0.0.1:$", false},
                          {"http://localhost:$.evil.example", false},
                          {"file://", false}};

std::string with_port(std::string text, std::uint16_t port) {
    const std::size_t at = text.find('$');
    return at == std::string::npos ? text : text.replace(at, 1, fmt::format("{}", port));
}

/// What the parts of a route's path can be.
struct Things {
    std::string conversation = "none";
    std::string message = "none";
};

/// A conversation of the key's own.
Things new_things(const ApiFixture& server, const std::string& key) {
    const std::string owner = sha256_hex(key).substr(0, 12);
    const std::string id = server.api.store->create(owner, "chat", "", "{}").id;
    const store::NewMessage message{.role = "user", .content = "x"};
    return {id, server.api.store->add(owner, id, std::vector{message}, 0).front().id};
}

std::string path_of(const serve::Route& route, const Things& things) {
    std::string path = replace_all(route.path, "/conversations/{id}", "/conversations/" + things.conversation);
    path = replace_all(path, "{message}", things.message);
    path = replace_all(path, "/prompts/{name}", "/prompts/small");
    return replace_all(path, "{id...}", "scripted");
}

/// A request that every route takes.
std::string request_for(const serve::Route& route, std::uint16_t port, const Named& host, const Named& origin,
                        const std::string& key, const Things& things = {}) {
    const std::string path = path_of(route, things);
    std::string body;
    if (route.method == "POST" || route.method == "PATCH") {
        Json json = chat_body("x", {{"prompt", "Q: x\nA: "},
                                    {"tokens", Json::array({'a'})},
                                    {"base", "scripted"},
                                    {"aligned", "scripted"},
                                    {"request", chat_body("x")},
                                    {"format", "urial-conversations"},
                                    {"conversations", Json::array()},
                                    {"max_tokens", 4}});
        if (route.path == "/tokenize") json.erase("messages");  // which takes one of them
        body = json.dump();
    }
    std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", route.method, path, with_port(host.value, port));
    if (!origin.value.empty()) text += fmt::format("Origin: {}\r\n", with_port(origin.value, port));
    if (!key.empty()) text += fmt::format("Authorization: Bearer {}\r\n", key);
    if (!body.empty()) text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
    return text + "\r\n" + body;
}

TEST(ServeAccess, foreign_hosts_origins_and_keys_are_refused_on_every_route_before_any_work) {
    const auto model = std::make_shared<ScriptedModel>(echoing_script());
    const ApiFixture server({{.name = "scripted", .model = model}}, /*is_ready=*/true,
                            {.allowed_hosts = {"models.example.org"},
                             .cors_origins = {"https://chat.example.org"},
                             .api_keys = {kAccessKey}});
    serve::Api api;
    api.shows_metrics = true;
    const std::vector<serve::Route> routes = serve::routes(api);
    const auto status = [&](const std::string& request) {
        return ask(server.port(), request).value_or(RawReply{}).status;
    };
    std::vector<std::function<std::string()>> admitted;
    int refused = 0;
    for (const serve::Route& route : routes) {
        for (const Named& host : kHosts) {
            for (const Named& origin : kOrigins) {
                for (const std::string& key : {std::string(), "x" + kAccessKey, kAccessKey}) {
                    const std::string request = request_for(route, server.port(), host, origin, key);
                    const bool is_known = host.is_allowed && origin.is_allowed;
                    if (is_known && (route.is_open || key == kAccessKey)) {
                        admitted.push_back([&route, &server, &host, &origin, key] {
                            return request_for(route, server.port(), host, origin, key, new_things(server, kAccessKey));
                        });
                        continue;
                    }
                    ASSERT_EQ(status(request), is_known ? 401 : 403) << request;
                    ++refused;
                }
            }
        }
    }
    EXPECT_EQ(model->log().decodes, 0U);
    EXPECT_EQ(server.api.metrics.requests, 0U);
    EXPECT_EQ(refused + admitted.size(), routes.size() * 8 * 8 * 3);
    for (const auto& make : admitted) {
        const std::string request = make();
        ASSERT_EQ(status(request), 200) << request;
    }
    EXPECT_GT(model->log().decodes, 0U);
}

}  // namespace
}  // namespace urial::test
