// 500 clients that go at random moments beside a few that stay.

#include <atomic>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "serve/api_fixture.h"
#include "serve/hostile_clients.h"

namespace urial::test {
namespace {

using serve::Json;

/// A model that takes its time, so that clients can go in the middle of an answer.
std::shared_ptr<ScriptedModel> slow_model() {
    auto model = std::make_shared<ScriptedModel>([script = echoing_script()](std::string_view text) {
        std::this_thread::sleep_for(std::chrono::microseconds(20));
        return script(text);
    });
    model->set_shading(true);
    return model;
}

TEST(ServeDisconnects, neighbours_answers_stay_what_they_are_and_everything_comes_back) {
    const auto model = slow_model();
    const ApiFixture server({{.name = "scripted", .model = model}});
    std::atomic<bool> goes_on = true;
    std::vector<std::thread> neighbours;
    std::atomic<int> compared = 0;
    for (int i = 0; i < 3; ++i) {
        neighbours.emplace_back([&, i] {
            const auto requests = sample_requests(fmt::format("neighbour {}", i));
            const auto expected = answers_alone(requests);
            RawClient client(server.port(), fmt::format("127.0.1.{}", i + 1));
            for (std::size_t k = 0; goes_on || k < requests.size(); ++k) {
                const SampleRequest& request = requests[k % requests.size()];
                client.send(request.bytes(server.port()));
                EXPECT_EQ(lasting_part(client.reply().value_or(RawReply{})), expected[k % requests.size()])
                    << request.path << request.body;
                ++compared;
            }
        });
    }
    std::vector<std::thread> leavers;
    for (int i = 0; i < 10; ++i) {
        leavers.emplace_back([&, i] {
            std::mt19937 random(static_cast<unsigned>(i));
            auto requests = sample_requests(fmt::format("leaver {}", i));
            for (int n = 0; n < 8; ++n) {  // long answers
                requests.push_back({"/v1/chat/completions", chat_body(std::string(300, static_cast<char>('a' + i)),
                                                                      {{"stream", n % 2 == 0}, {"n", 1 + n % 3}})});
            }
            for (int n = 0; n < 50; ++n) {
                come_and_go(server.port(), fmt::format("127.0.2.{}", i + 1), requests, random);
            }
        });
    }
    for (std::thread& leaver : leavers) leaver.join();
    goes_on = false;
    for (std::thread& neighbour : neighbours) neighbour.join();
    EXPECT_GE(compared, 3 * 14);
    EXPECT_GT(server.api.metrics.gone, 50U) << "many went in the middle of an answer";
    EXPECT_TRUE(server.comes_to_rest());

    // All four sequences are there: four answers take no more steps than one.
    const std::size_t before = model->log().decodes;
    const std::string text(200, 'z');
    EXPECT_EQ(server.post("/v1/chat/completions", chat_body(text, {{"n", 4}})).status, 200);
    EXPECT_LT(model->log().decodes - before, 300U);
}

}  // namespace
}  // namespace urial::test
