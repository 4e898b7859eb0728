#include "remote/remote_embedder.h"

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"
#include "engine/engine.h"
#include "remote/remote_testing.h"
#include "support/expect_error.h"

namespace urial::remote {
namespace {

using nlohmann::json;
using test::ChatAnswer;
using test::ChatRequest;
using test::ChatServer;

RemoteEmbedderOptions embedding_at(const ChatServer& server) {
    RemoteEmbedderOptions options;
    options.server = {server.base_url(), kKey, "--api-key-file"};
    options.model = kModel;
    options.timeout = std::chrono::seconds(10);
    options.retry.first_wait = std::chrono::milliseconds(1);
    options.retry.longest_wait = std::chrono::milliseconds(5);
    return options;
}

/// Of a text of n bytes (3, n - 3, 0) times 2, the last text first.
json vectors_of(const ChatRequest& request) {
    json data = json::array();
    const json& texts = request.body.at("input");
    for (std::size_t i = texts.size(); i-- > 0;) {
        const double bytes = static_cast<double>(texts[i].get<std::string>().size());
        data.push_back({{"object", "embedding"}, {"index", i}, {"embedding", {6.0, 2 * (bytes - 3), 0.0}}});
    }
    return {{"object", "list"}, {"model", kModel}, {"data", std::move(data)}};
}

ChatAnswer embed_well(const ChatRequest& request) { return reply(200, vectors_of(request).dump()); }

TEST(RemoteEmbedder, vectors_come_in_the_order_of_the_texts_and_have_length_1) {
    std::atomic<std::size_t> most = 0;
    const ChatServer server([&](const ChatRequest& request) {
        EXPECT_EQ(request.target, "/v1/embeddings");
        EXPECT_EQ(request.headers.at("authorization"), "Bearer " + kKey);
        EXPECT_EQ(request.body.at("model"), kModel);
        most = std::max(most.load(), request.body.at("input").size());
        return embed_well(request);
    });
    const auto embedder = remote_embedder(embedding_at(server));
    EXPECT_EQ(embedder->dimension(), 3u);
    std::vector<std::string> texts(70, "1234567");  // (3, 4, 0) / 5
    texts[0] = "123";                               // (3, 0, 0) / 3
    texts[69] = "\xFF 3";                           // no UTF-8: the byte becomes a character of 3 bytes
    const std::vector<float> vectors = embedder->embed(texts);
    ASSERT_EQ(vectors.size(), 210u);
    EXPECT_FLOAT_EQ(vectors[0], 1);
    EXPECT_FLOAT_EQ(vectors[1], 0);
    EXPECT_FLOAT_EQ(vectors[3], 0.6F);
    EXPECT_FLOAT_EQ(vectors[4], 0.8F);
    EXPECT_GT(most, 1u);
    EXPECT_LT(most, 70u);
}

TEST(RemoteEmbedder, another_server_or_model_is_another_identity) {
    const ChatServer server(embed_well);
    const ChatServer other(embed_well);
    RemoteEmbedderOptions renamed = embedding_at(server);
    renamed.model = "org/other";
    const std::string identity = remote_embedder(embedding_at(server))->identity();
    EXPECT_EQ(identity, remote_embedder(embedding_at(server))->identity());
    EXPECT_NE(identity, remote_embedder(embedding_at(other))->identity());
    EXPECT_NE(identity, remote_embedder(renamed)->identity());
}

TEST(RemoteEmbedder, a_server_with_too_much_to_do_is_asked_again) {
    std::atomic<int> asked = 0;
    const ChatServer server([&](const ChatRequest& request) {
        const int number = ++asked;
        if (number == 1) return reply(429, "slower");
        if (number == 2) return reply(500, "oh");
        if (number == 3) return reply(200, R"({"data": [)");
        return embed_well(request);
    });
    EXPECT_EQ(remote_embedder(embedding_at(server))->dimension(), 3u);
    EXPECT_EQ(asked, 4);
}

TEST(RemoteEmbedder, what_is_no_vector_of_the_text_is_refused) {
    const struct {
        std::string body;
        std::string problem;
    } kCases[] = {
        {R"([])", "no list of vectors"},
        {R"({"data": {}})", "no list of vectors"},
        {R"({"data": [1]})", "no list of vectors"},
        {R"({"data": []})", "a text has no vector"},
        {R"({"data": [{"index": 1, "embedding": [1]}]})", "text 1, of 1"},
        {R"({"data": [{"index": -1, "embedding": [1]}]})", "text -1, of 1"},
        {R"({"data": [{"embedding": [1]}]})", "text null, of 1"},
        {R"({"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}]})", "text 0, of 1"},
        {R"({"data": [{"index": 0, "embedding": "AACAPw=="}]})", "no list of numbers"},
        {R"({"data": [{"index": 0, "embedding": []}]})", "has 0 numbers"},
        {R"({"data": [{"index": 0, "embedding": [1, null]}]})", "something else than numbers"},
        {R"({"data": [{"index": 0, "embedding": [0, 0]}]})", "has no length"},
        {R"({"data": [{"index": 0, "embedding": [1e39, 0]}]})", "has no length"},
    };
    for (const auto& one : kCases) {
        const ChatServer server([&](const ChatRequest&) { return reply(200, one.body); });
        EXPECT_ERROR(remote_embedder(embedding_at(server)), ErrorKind::Unavailable, one.problem);
    }
}

TEST(RemoteEmbedder, vectors_keep_their_length) {
    std::atomic<int> asked = 0;
    const ChatServer server([&](const ChatRequest& request) {
        if (++asked == 1) return embed_well(request);
        return reply(200, R"({"data": [{"index": 0, "embedding": [1, 2]}]})");
    });
    const auto embedder = remote_embedder(embedding_at(server));
    const std::string text = "text";
    EXPECT_ERROR(embedder->embed({&text, 1}), ErrorKind::Unavailable, "a vector has 2 numbers, another 3");
}

TEST(RemoteEmbedder, a_refusal_is_not_asked_again_and_holds_no_key) {
    std::atomic<int> asked = 0;
    const ChatServer server([&](const ChatRequest& request) {
        ++asked;
        return reply(400, json{{"error", {{"message", "too long for " + request.headers.at("authorization")}}}}.dump());
    });
    try {
        remote_embedder(embedding_at(server));
        ADD_FAILURE() << "it was not refused";
    } catch (const Error& failure) {
        EXPECT_EQ(failure.kind(), ErrorKind::BadInput);
        const std::string message = failure.what();
        EXPECT_NE(message.find("too long for Bearer [key]"), std::string::npos) << message;
        EXPECT_EQ(message.find(kKey), std::string::npos);
    }
    EXPECT_EQ(asked, 1);
    const ChatServer without([](const ChatRequest&) { return reply(404, "no such model"); });
    EXPECT_ERROR(remote_embedder(embedding_at(without)), ErrorKind::NotFound, kModel);
}

TEST(RemoteEmbedder, it_can_be_cancelled_while_the_server_is_silent) {
    std::atomic<bool> over = false;
    const ChatServer server([&](const ChatRequest&) {
        ChatAnswer answer;
        answer.script = [&](const test::SendBytes&) {
            while (!over) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        };
        return answer;
    });
    RemoteEmbedderOptions options = embedding_at(server);
    options.cancelled = [] { return true; };
    EXPECT_THROW(remote_embedder(std::move(options)), engine::Cancelled);
    over = true;
}

}  // namespace
}  // namespace urial::remote
