// Everything at once for some seconds: URIAL_MIXED_LOAD_SECONDS says how many. What is asked in earnest is answered as
// if nobody else were there, and in the end all is given back.

#include <atomic>
#include <cstdlib>
#include <functional>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "serve/api_fixture.h"
#include "serve/hostile_clients.h"
#include "support/heap_bytes.h"

namespace urial::test {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

std::chrono::seconds wanted_time() {
    const char* const seconds = std::getenv("URIAL_MIXED_LOAD_SECONDS");
    return std::chrono::seconds(seconds == nullptr ? 2 : std::atoi(seconds));
}

/// A few clients of each kind, each on a thread and an address of its own.
class MixedLoad {
public:
    explicit MixedLoad(const ApiFixture& server) : server_(server), texts_{"first", "second", "third text"} {
        for (const std::string& text : texts_) {
            for (SampleRequest& request : sample_requests(text)) requests_.push_back(std::move(request));
        }
        expected_ = answers_alone(requests_);
    }

    void run(milliseconds time) {
        end_ = Clock::now() + time;
        for (int i = 0; i < 3; ++i) start([this](auto& random, const auto& source) { ask_in_earnest(random, source); });
        for (int i = 0; i < 3; ++i) start([this](auto& random, const auto& source) { leave_early(random, source); });
        for (int i = 0; i < 2; ++i) start([this](auto& random, const auto& source) { send_nonsense(random, source); });
        for (int i = 0; i < 2; ++i) start([this](auto& random, const auto& source) { read_slowly(random, source); });
        start([this](auto&, const auto& source) { look_around(source); });
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
    }
    int answers() const { return answers_; }

private:
    using Task = std::function<void(std::mt19937& random, const std::string& source)>;

    void start(Task task) {
        const unsigned number = ++started_;
        threads_.emplace_back([this, task = std::move(task), number] {
            std::mt19937 random(number);
            const std::string source = fmt::format("127.0.{}.{}", number / 200, number % 200 + 1);
            while (Clock::now() < end_ && !testing::Test::HasFailure()) task(random, source);
        });
    }

    /// A connection for a few requests.
    void ask_in_earnest(std::mt19937& random, const std::string& source) {
        RawClient client(server_.port(), source, milliseconds(60'000));
        for (std::size_t left = below(20, random); left > 0 && Clock::now() < end_; --left) {
            const std::size_t k = below(requests_.size(), random);
            client.send(requests_[k].bytes(server_.port()));
            const RawReply reply = client.reply().value_or(RawReply{});
            if (reply.status == 429) {  // the others have filled the queue
                std::this_thread::sleep_for(milliseconds(20));
                continue;
            }
            EXPECT_EQ(lasting_part(reply), expected_[k]) << requests_[k].path << requests_[k].body << reply.body;
            ++answers_;
        }
    }

    void leave_early(std::mt19937& random, const std::string& source) {
        std::vector<SampleRequest> requests = requests_;
        requests.push_back({"/v1/chat/completions", chat_body(std::string(300, 'l'), {{"stream", true}, {"n", 2}})});
        requests.push_back(
            {"/v1/completions", {{"prompt", std::vector<std::string>(16, "Q: many\nA: ")}, {"n", 2}, {"seed", 1}}});
        for (int i = 0; i < 10 && Clock::now() < end_; ++i) come_and_go(server_.port(), source, requests, random);
    }

    /// Both sides close at once, so that no deadline is waited for.
    void send_nonsense(std::mt19937& random, const std::string& source) {
        const SampleRequest& sample = requests_[below(requests_.size(), random)];
        const std::string body = broken({sample.body.dump()}, json_pieces(), random);
        const std::string whole = request_text(server_.port(), "POST", sample.path, "Connection: close\r\n", body);
        RawClient client(server_.port(), source, milliseconds(60'000));
        client.send(below(2, random) == 0 ? whole : broken({whole}, http_pieces(), random));
        client.close_sending_side();
        std::string answer;
        EXPECT_TRUE(client.read_to_end(answer)) << "hangs";
        EXPECT_EQ(answer.find("HTTP/1.1 5"), std::string::npos) << answer;
    }

    void read_slowly(std::mt19937& random, const std::string& source) {
        const std::string text(200, static_cast<char>('a' + below(20, random)));
        const SampleRequest request{"/v1/chat/completions", chat_body(text, {{"stream", true}})};
        RawClient client(server_.port(), source, milliseconds(60'000));
        client.send(request.bytes(server_.port()));
        std::string answer;
        while (answer.find("[DONE]") == std::string::npos) {
            const std::string event = client.read_until("\n\n");
            ASSERT_FALSE(event.empty()) << answer;
            answer += event;
            std::this_thread::sleep_for(milliseconds(1));
        }
        ++answers_;
    }

    void look_around(const std::string& source) {
        RawClient client(server_.port(), source, milliseconds(60'000));
        for (const std::string path : {"/health", "/metrics", "/v1/models", "/v1/models/scripted@raw", "/v1/prompts",
                                       "/tokenizer_info", "/version", "/openapi.json", "/none"}) {
            client.send(request_text(server_.port(), "GET", path));
            EXPECT_EQ(client.reply().value_or(RawReply{}).status, path == "/none" ? 404 : 200) << path;
        }
        std::this_thread::sleep_for(milliseconds(10));
    }

    const ApiFixture& server_;
    const std::vector<std::string> texts_;
    std::vector<SampleRequest> requests_;
    std::vector<std::string> expected_;
    Clock::time_point end_;
    unsigned started_ = 0;
    std::vector<std::thread> threads_;
    std::atomic<int> answers_ = 0;
};

TEST(ServeMixedLoad, answers_are_right_and_nothing_is_left_over) {
    const auto model = std::make_shared<ScriptedModel>(echoing_script());
    model->set_shading(true);
    const ApiFixture server({{.name = "scripted", .model = model}});
    MixedLoad load(server);
    const milliseconds time = wanted_time();
    load.run(time / 2);
    EXPECT_TRUE(server.comes_to_rest());
    const std::size_t before = heap_bytes();
    load.run(time - time / 2);
    EXPECT_TRUE(server.comes_to_rest());
    EXPECT_LT(heap_bytes(), before + (4u << 20));
    EXPECT_GT(load.answers(), 20);
    EXPECT_GT(server.api.metrics.gone, 0U);
}

}  // namespace
}  // namespace urial::test
