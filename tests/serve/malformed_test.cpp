// 5,000 requests that are none, sent to the whole API.

#include <random>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "serve/api_fixture.h"
#include "serve/hostile_clients.h"

namespace urial::test {
namespace {

using std::chrono::milliseconds;

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

TEST(ServeMalformed, of_5000_requests_none_crashes_hangs_or_is_answered_with_a_failure) {
    const ApiFixture server({{.name = "scripted", .model = std::make_shared<ScriptedModel>(echoing_script())}},
                            /*is_ready=*/true,
                            {.limits = {.header_deadline = milliseconds(30),
                                        .body_deadline = milliseconds(30),
                                        .idle_deadline = milliseconds(30)}});
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 20; ++i) {
        threads.emplace_back([&, i] {
            std::mt19937 random(i);
            const auto requests = sample_requests("some text");
            for (int n = 0; n < 250 && !testing::Test::HasFailure(); ++n) {
                expect_survival(server.port(), fmt::format("127.0.0.{}", i + 1),
                                malformed(server.port(), requests, random), random);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(server.comes_to_rest());
    EXPECT_EQ(server.get("/health").status, 200);
}

}  // namespace
}  // namespace urial::test
