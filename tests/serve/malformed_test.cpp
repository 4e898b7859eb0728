// 5,000 requests that are none, sent to the whole API.

#include <random>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "serve/api_fixture.h"
#include "serve/hostile_clients.h"

namespace urial::test {
namespace {

using serve::Json;
using std::chrono::milliseconds;

struct ConversationRequest {
    std::string method;
    std::string path;
    Json body;
};

/// Requests about a conversation that there is.
std::vector<ConversationRequest> conversation_requests(const ApiFixture& server) {
    const std::string id = server.api.store->create("", "chat", "title", "{}").id;
    const store::NewMessage said{.role = "user", .content = "some text"};
    const std::string message = server.api.store->add("", id, std::vector{said}, 0).front().id;
    const std::string one = "/v1/conversations/" + id;
    const std::string below = one + "/messages/" + message;
    const Json file{{"format", "urial-conversations"},
                    {"conversations", {{{"kind", "chat"}, {"messages", {{{"id", "a"}, {"role", "user"}}}}}}}};
    return {{"GET", "/v1/conversations?q=some+te&limit=3&deleted=false&kind=chat", nullptr},
            {"POST", "/v1/conversations", {{"kind", "text"}, {"title", "t"}, {"settings", {{"a", 1}}}}},
            {"GET", one, nullptr},
            {"PATCH", one, {{"title", "new"}, {"current", message}, {"revision", 1}}},
            {"POST", one + "/messages", {{"messages", {{{"role", "user"}, {"content", "x"}, {"parent", message}}}}}},
            {"PATCH", below, {{"content", "y"}, {"details", {{"b", 2}}}}},
            {"POST",
             one + "/answers",
             {{"parent", message}, {"count", 2}, {"request", chat_body("x", {{"max_tokens", 5}})}}},
            {"GET", below + "/events?from=0", nullptr},
            {"POST", below + "/stop", nullptr},
            {"GET", one + "/export?format=markdown", nullptr},
            {"POST", "/v1/import", file},
            {"POST", "/v1/render", chat_body("x", {{"prompt_spec", "name = \"x\"\npreamble = \"p\"\n"}})},
            {"GET", "/", nullptr}};
}

std::string bytes_of(const ConversationRequest& request, std::uint16_t port, const std::string& headers = "") {
    return request_text(port, request.method, request.path, headers,
                        request.body.is_null() ? std::string() : request.body.dump());
}

std::string malformed(std::uint16_t port, const std::vector<ConversationRequest>& requests, std::mt19937& random) {
    const ConversationRequest& sample = requests[below(requests.size(), random)];
    if (sample.body.is_null() || below(2, random) == 0) {
        return broken({bytes_of(sample, port)}, http_pieces(), random);
    }
    const std::string body = broken({sample.body.dump()}, json_pieces(), random);
    return request_text(port, sample.method, sample.path, "Connection: close\r\n", body);
}

/// Half of them with a body that is broken and sent as it should be, half broken anywhere.
std::string malformed(std::uint16_t port, const std::vector<SampleRequest>& requests, std::mt19937& random) {
    const SampleRequest& sample = requests[below(requests.size(), random)];
    if (below(2, random) == 0) {
        const std::string body = broken({sample.body.dump()}, json_pieces(), random);
        return request_text(port, "POST", sample.path, "Connection: close\r\n", body);
    }
    return broken({sample.bytes(port), request_text(port, "GET", "/v1/models"),
                   request_text(port, "HEAD", "/openapi.json"), request_text(port, "OPTIONS", sample.path)},
                  http_pieces(), random);
}

/// Times out soon: many of what it is sent never end.
ApiFixture impatient_server() {
    return ApiFixture({{.name = "scripted", .model = std::make_shared<ScriptedModel>(echoing_script())}},
                      /*is_ready=*/true,
                      {.limits = {.header_deadline = milliseconds(30),
                                  .body_deadline = milliseconds(30),
                                  .idle_deadline = milliseconds(30)}});
}

/// 20 clients send `each` malformed requests, made of those that `samples()` gives to each client.
template <typename Samples>
void attack(const ApiFixture& server, unsigned first_seed, int each, const Samples& samples) {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 20; ++i) {
        threads.emplace_back([&, i] {
            std::mt19937 random(first_seed + i);
            const auto requests = samples();
            for (int n = 0; n < each && !testing::Test::HasFailure(); ++n) {
                expect_survival(server.port(), fmt::format("127.0.0.{}", i + 1),
                                malformed(server.port(), requests, random), random);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(server.comes_to_rest());
}

TEST(ServeMalformed, of_5000_requests_none_crashes_hangs_or_is_answered_with_a_failure) {
    const ApiFixture server = impatient_server();
    attack(server, 0, 250, [] { return sample_requests("some text"); });
    EXPECT_EQ(server.get("/health").status, 200);
}

TEST(ServeMalformed, of_2000_requests_about_conversations_none_does_either) {
    const ApiFixture server = impatient_server();
    attack(server, 100, 100, [&] { return conversation_requests(server); });
    EXPECT_EQ(server.get("/v1/conversations").status, 200);
}

}  // namespace
}  // namespace urial::test
