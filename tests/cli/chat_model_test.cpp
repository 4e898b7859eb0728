// `urial chat` with one message and the real default model, through the real binary.

#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/expect_text.h"
#include "support/shell.h"
#include "support/test_model.h"

namespace urial::cli {
namespace {

using nlohmann::json;
using test::contains;
using test::ShellResult;

class ChatOnce : public ::testing::Test {
protected:
    void SetUp() override { URIAL_NEED_MODEL(); }

    ShellResult chat(const std::string& arguments, const std::string& before = "") const {
        return shell_.run(before + "$URIAL chat --prompt urial-1 --max-tokens 8 " + arguments);
    }
    std::string with_model(const std::string& arguments) const {
        return "-m '" + test::default_model_path()->string() + "' " + arguments;
    }
    json last_chat() const { return json::parse(std::ifstream(kept_)); }

    test::Shell shell_;
    const std::filesystem::path kept_ = shell_.folder() / ".local/state/urial/last-chat.json";
};

TEST_F(ChatOnce, piped_text_stands_behind_the_message) {
    ASSERT_EQ(chat(with_model("'What is this?'"), "printf 'A cup\\nof tea\\n\\n' | ").exit_code, 0);
    EXPECT_EQ(last_chat().at("turns").at(0).at("query"), "What is this?\n\nA cup\nof tea");
    ASSERT_EQ(chat(with_model("'What is that?' < /dev/null")).exit_code, 0);
    EXPECT_EQ(last_chat().at("turns").at(0).at("query"), "What is that?");
}

TEST_F(ChatOnce, continue_goes_on_with_the_model_prompt_system_message_and_options_of_the_last_conversation) {
    ASSERT_EQ(chat(with_model("--system 'Be brief.' --seed 7 'What is tea?'")).exit_code, 0);
    EXPECT_EQ(std::filesystem::status(kept_).permissions(), std::filesystem::perms(0600));
    const ShellResult next = shell_.run("$URIAL chat --continue --max-tokens 9 'And coffee?'");
    ASSERT_EQ(next.exit_code, 0) << next.err;
    const json saved = last_chat();
    ASSERT_EQ(saved.at("turns").size(), 2U);
    EXPECT_EQ(saved["turns"][0]["query"], "What is tea?");
    EXPECT_EQ(saved["turns"][1]["query"], "And coffee?");
    EXPECT_EQ(saved["system"], "Be brief.");
    EXPECT_EQ(saved["sampling"]["seed"], 7);
    EXPECT_EQ(saved["sampling"]["max_tokens"], 9) << "what the command line gives holds";
    EXPECT_TRUE(contains(saved["prompt"].get<std::string>(), "urial-1"));
}

TEST_F(ChatOnce, without_history_nothing_is_kept) {
    ASSERT_EQ(chat(with_model("--no-history 'What is tea?'")).exit_code, 0);
    EXPECT_FALSE(std::filesystem::exists(kept_));
    const ShellResult next = chat(with_model("--continue 'And coffee?'"));
    EXPECT_EQ(next.exit_code, 2);
    EXPECT_TRUE(contains(next.err, "no conversation to go on with"));
}

}  // namespace
}  // namespace urial::cli
