// `urial serve` as a process that ends in the middle of an answer.

#include <chrono>
#include <csignal>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "support/expect_text.h"
#include "support/raw_client.h"
#include "support/shell.h"
#include "support/tiny_gguf.h"

namespace urial::test {
namespace {

using Json = nlohmann::ordered_json;

class ServeProcess : public testing::Test {
protected:
    ServeProcess() { TinyGguf::language_model().write(shell_.folder() / "tiny.gguf"); }
    ~ServeProcess() override { end(SIGKILL); }

    void start(const std::string& command) {
        const ShellResult started = shell_.run(
            fmt::format(": > address; $URIAL {} -m tiny.gguf -p raw -t 1 --port 0 --context 4000 --no-snapshot "
                        "--data kept > address 2> log &\necho $!",
                        command));
        process_ = std::stoi(started.out);
        std::string address;
        for (int i = 0; i < 1000 && !address.ends_with("\n"); ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            address = read_file(shell_.folder() / "address");
        }
        ASSERT_TRUE(begins_with(address, "http://127.0.0.1:")) << read_file(shell_.folder() / "log");
        port_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    }
    void end(int signal) {
        if (process_ == 0) return;
        ::kill(process_, signal);
        for (int i = 0; i < 1000 && ::kill(process_, 0) == 0; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        process_ = 0;
    }
    Json call(const char* method, const std::string& path, const Json& body = nullptr) const {
        const auto reply =
            ask(port_, request_text(port_, method, path, "", body.is_null() ? std::string() : body.dump()));
        EXPECT_TRUE(reply && reply->status == 200) << method << path << (reply ? reply->body : "");
        return try_parse_json(reply ? reply->body : "").value_or(nullptr);
    }
    /// Answers that take their time; returns when the first of them is on the disk as far as it goes.
    void begin_answers() {
        conversation_ = call("POST", "/v1/conversations", {{"title", "x"}})["id"];
        const Json request{{"prompt", "abc"}, {"max_tokens", 3900}, {"ignore_eos", true}, {"logprobs", 100}};
        const Json started = call("POST", "/v1/conversations/" + conversation_ + "/answers",
                                  {{"path", "/v1/completions"}, {"request", request}, {"count", 8}});
        message_ = started["messages"][0]["id"];
        for (int i = 0; i < 2000 && message()["content"] == ""; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        ASSERT_EQ(message()["state"], "writing") << "the answer came too soon to be cut off";
    }
    Json message() const { return call("GET", "/v1/conversations/" + conversation_ + "/messages/" + message_); }

    Shell shell_;
    std::string conversation_;
    std::string message_;

private:
    int process_ = 0;
    std::uint16_t port_ = 0;
};

TEST_F(ServeProcess, that_is_killed_keeps_what_an_answer_had_said_a_second_ago) {
    ASSERT_NO_FATAL_FAILURE(start("ui --no-open"));
    ASSERT_NO_FATAL_FAILURE(begin_answers());
    const Json before = message();
    end(SIGKILL);
    ASSERT_NO_FATAL_FAILURE(start("serve"));
    const Json after = message();
    EXPECT_EQ(after["state"], "stopped");
    EXPECT_TRUE(begins_with(after["content"].get<std::string>(), before["content"].get<std::string>()));
    EXPECT_GE(after["events"], before["events"]);
    end(SIGTERM);
}

}  // namespace
}  // namespace urial::test
