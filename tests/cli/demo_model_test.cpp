// `urial demo` with the real default model, through the real binary.

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/expect_text.h"
#include "support/shell.h"
#include "support/test_model.h"

namespace urial::cli {
namespace {

using test::contains;
using test::has_match;
using test::Shell;
using test::ShellResult;

class Demo : public ::testing::Test {
protected:
    void SetUp() override {
        URIAL_NEED_MODEL();
        model_ = test::default_model_path()->string();
    }

    ShellResult demo(const std::string& arguments, const std::string& before = "") const {
        return shell_.run(before + " $URIAL demo -m '" + model_ + "' " + arguments);
    }

    Shell shell_;
    std::string model_;
};

TEST_F(Demo, shows_both_texts_above_each_other_in_a_file) {
    const ShellResult result = demo("'Why is the sky blue?'");
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_TRUE(contains(result.out, "Question: Why is the sky blue?\n"));
    EXPECT_TRUE(contains(result.out, "\nThe model alone goes on with the text\n"));
    EXPECT_TRUE(contains(result.out, "\nThe same model under the prompt \"urial\"\n"));
    EXPECT_TRUE(has_match(result.out, R"(\n80 tokens in [0-9.]+ s, [0-9]+ a second; cut here\n)"));
    EXPECT_TRUE(has_match(result.out, R"(What to type next\n  \S*urial chat\s)"));
    EXPECT_EQ(result.out.find('\x1b'), std::string::npos) << "no colour in a file";
}

TEST_F(Demo, fits_two_columns_into_the_terminal) {
    const ShellResult result = demo("'Why is the sky blue?'", "COLUMNS=90");
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_TRUE(has_match(result.out, R"(The model alone goes on with the text +\| The same model under)"));
}

TEST_F(Demo, json_has_the_same_as_data_and_a_question_does_not_know_the_one_before) {
    const ShellResult result = demo("--json 'Why is the sky blue?' 'What is tea?'");
    EXPECT_EQ(result.exit_code, 0) << result.err;
    const auto printed = nlohmann::json::parse(result.out);
    EXPECT_EQ(printed.at("model").at("sha256").get<std::string>().size(), 64);
    ASSERT_EQ(printed.at("comparisons").size(), 2);
    for (const auto& comparison : printed.at("comparisons")) {
        EXPECT_EQ(comparison.at("raw").at("prompt"), "raw");
        EXPECT_EQ(comparison.at("prompted").at("prompt"), "urial");
        EXPECT_LE(comparison.at("raw").at("completion_tokens"), 80);
        EXPECT_GT(comparison.at("prompted").at("prompt_tokens"), comparison.at("raw").at("prompt_tokens"));
        EXPECT_FALSE(comparison.at("prompted").at("output").get<std::string>().empty());
        EXPECT_GT(comparison.at("raw").at("tokens_per_second"), 0);
    }
    EXPECT_EQ(printed.at("comparisons")[1].at("question"), "What is tea?");
    const auto alone = nlohmann::json::parse(demo("--json 'What is tea?'").out);
    EXPECT_EQ(alone.at("comparisons")[0].at("prompted").at("output"),
              printed.at("comparisons")[1].at("prompted").at("output"));
}

TEST_F(Demo, an_interrupt_ends_with_130) {
    const ShellResult result = demo("& sleep 1; kill -INT $!; wait $!", "set -m;");
    EXPECT_EQ(result.exit_code, 130) << result.out << result.err;
}

}  // namespace
}  // namespace urial::cli
