#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "app/answerers.h"
#include "app/chat_session.h"
#include "app/server_keys.h"
#include "base/error.h"
#include "base/files.h"
#include "base/mutex.h"
#include "remote/remote_testing.h"
#include "support/chat_fixture.h"
#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial::app {
namespace {

using test::ChatRequest;
using test::ChatServer;

const AnswerSink kUnheard;

class RemoteChatTest : public ::testing::Test {
protected:
    ChatSession session(PromptForm form = test::chat_spec()) {
        auto servers = std::make_shared<remote::ModelServers>(remote::options_for({server_.base_url()}));
        return {remote_chat(std::move(servers)), std::move(form), options_};
    }

    ChatRequest seen() {
        const MutexLock lock(mutex_);
        return seen_;
    }

    Mutex mutex_;
    ChatRequest seen_ GUARDED_BY(mutex_);
    std::function<test::ChatAnswer(const ChatRequest&)> answer_ = remote::good;
    ChatOptions options_;
    ChatServer server_{remote::serving([this](const ChatRequest& request) {
        const MutexLock lock(mutex_);
        seen_ = request;
        return answer_(request);
    })};
};

TEST_F(RemoteChatTest, every_turn_sends_the_whole_conversation_and_streams_its_answer) {
    ChatSession chat = session();
    std::string streamed;
    AnswerSink sink;
    sink.text = [&](std::string_view text) { streamed += text; };
    EXPECT_EQ(chat.ask("one", sink).result.text, "re: one");
    EXPECT_EQ(streamed, "re: one");
    chat.set_system("Be brief.");
    EXPECT_EQ(chat.ask("two", kUnheard).result.text, "re: two");
    EXPECT_EQ(seen().body["prompt"], "Talk.\n\nBe brief.\nQ: one\nA: re: one\nQ: two\nA: ");
    EXPECT_EQ(chat.turns().size(), 2u);
    EXPECT_EQ(chat.show("three").text, "Talk.\n\nBe brief.\nQ: one\nA: re: one\nQ: two\nA: re: two\nQ: three\nA: ");
}

TEST_F(RemoteChatTest, the_chat_template_may_be_the_servers) {
    answer_ = [](const ChatRequest&) {
        return remote::reply(200, R"({"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}]})");
    };
    ChatSession chat = session(engine::ChatTemplate{"chat", ""});
    const Answer answer = chat.ask("hello", kUnheard);
    EXPECT_EQ(answer.result.text, "Hi.");
    EXPECT_FALSE(answer.is_counted);
    EXPECT_EQ(seen().target, "/v1/chat/completions");
    const nlohmann::json saved = chat.save();
    EXPECT_TRUE(session(engine::ChatTemplate{"chat", ""}).load(saved, "saved").empty()) << "it is the same model";
    ChatSession local(test::echo_model(), test::chat_spec(), {});
    EXPECT_ERROR(local.load(saved, "saved"), ErrorKind::BadInput, "chat template of a server");
    EXPECT_TRUE(local.turns().empty());
}

TEST_F(RemoteChatTest, an_answer_that_breaks_off_is_an_error_and_no_turn) {
    answer_ = [](const ChatRequest&) { return remote::reply(200, remote::piece("re: one ") + remote::piece("two")); };
    ChatSession chat = session();
    EXPECT_ERROR(chat.ask("hello", kUnheard), ErrorKind::Unavailable, "broke off; ask again");
    EXPECT_TRUE(chat.turns().empty());
    answer_ = remote::good;
    EXPECT_EQ(chat.ask("hello", kUnheard).result.text, "re: hello");
}

TEST_F(RemoteChatTest, a_stopped_answer_keeps_what_was_said) {
    answer_ = [](const ChatRequest&) {
        return remote::reply(200,
                             remote::piece("one ") + remote::piece("two ") + remote::piece("three") + remote::finish());
    };
    ChatSession chat = session();
    AnswerSink sink;
    bool enough = false;
    sink.text = [&](std::string_view) { enough = true; };
    sink.cancelled = [&] { return enough; };
    const Answer answer = chat.ask("count", sink);
    EXPECT_EQ(answer.result.finish, generate::FinishReason::Cancelled);
    EXPECT_EQ(answer.result.text, "one ");
    EXPECT_EQ(chat.turns().size(), 1u);
}

TEST(Servers, a_spec_names_one_model_on_one_or_several_servers) {
    EXPECT_FALSE(parse_servers("gemma-3-270m"));
    EXPECT_FALSE(parse_servers("./my,model.gguf"));
    const auto two = parse_servers("http://a:1/v1#org/m,x,https://b/v1#org/m,x").value();
    EXPECT_EQ(two.model, "org/m,x");
    EXPECT_EQ(two.base_urls, (std::vector<std::string>{"http://a:1/v1", "https://b/v1"}));
    EXPECT_ERROR(parse_servers("http://a/v1#m,http://b/v1#n"), ErrorKind::BadInput, "one model");
    EXPECT_ERROR(parse_servers("http://a/v1"), ErrorKind::BadInput, "#MODEL");
}

TEST(ServerKeys, a_key_is_for_its_origin_alone) {
    const test::TemporaryFolder folder;
    const test::ScopedEnvironment settings("URIAL_CONFIG_DIR", folder.path().string());
    const test::ScopedEnvironment key("OPENAI_API_KEY", "sk-openai");
    const test::ScopedEnvironment address("OPENAI_BASE_URL", std::nullopt);
    const auto key_for = [](const std::string& url, const std::string& file = "") {
        return ServerKeys(file).server(url, {}).key;
    };
    EXPECT_EQ(key_for("https://api.openai.com/v1"), "sk-openai");
    EXPECT_EQ(key_for("http://api.openai.com/v1"), "");
    EXPECT_EQ(key_for("https://other.org/v1"), "");
    {
        const test::ScopedEnvironment elsewhere("OPENAI_BASE_URL", "https://other.org/v1");
        EXPECT_EQ(key_for("https://other.org/v1"), "sk-openai");
        EXPECT_EQ(key_for("https://api.openai.com/v1"), "");
    }
    write_file_atomic(folder / "keys.toml", "\"https://gpu:8000\" = \"sk-gpu\"\n", 0600);
    EXPECT_EQ(key_for("https://gpu:8000/v1"), "sk-gpu");
    EXPECT_EQ(key_for("https://gpu:8001/v1"), "");
    write_file_atomic(folder / "one", "sk-one\n");
    EXPECT_EQ(key_for("https://gpu:8000/v1", (folder / "one").string()), "sk-one");
    write_file_atomic(folder / "two", "sk-one\n\n sk-two\n");
    EXPECT_ERROR(key_for("https://gpu:8000/v1", (folder / "two").string()), ErrorKind::BadInput, "2 keys in it");
    write_file_atomic(folder / "none", " \n\n");
    EXPECT_ERROR(key_for("https://gpu:8000/v1", (folder / "none").string()), ErrorKind::BadInput, "no key in it");
    std::filesystem::permissions(folder / "keys.toml", std::filesystem::perms(0644));
    EXPECT_ERROR(key_for("https://gpu:8000/v1"), ErrorKind::BadInput, "chmod 600");
    write_file_atomic(folder / "keys.toml", "\"gpu:8000\" = \"sk-gpu\"\n", 0600);
    EXPECT_ERROR(key_for("https://gpu:8000/v1"), ErrorKind::BadInput, "begins with https://");
}

TEST(ServerKeys, a_key_that_travels_unencrypted_is_a_warning) {
    const test::TemporaryFolder folder;
    write_file_atomic(folder / "one", "sk-one-0123456789\n");
    std::string warnings;
    Callbacks callbacks;
    callbacks.warning = [&](std::string_view text) { warnings += text; };
    const ServerKeys keys(folder / "one");
    keys.server("http://127.0.0.1:8000/v1", callbacks);
    keys.server("https://gpu.example.org/v1", callbacks);
    EXPECT_EQ(warnings, "");
    keys.server("http://gpu.example.org/v1", callbacks);
    EXPECT_NE(warnings.find("unencrypted"), std::string::npos);
    EXPECT_EQ(warnings.find("sk-one"), std::string::npos);
}

}  // namespace
}  // namespace urial::app
