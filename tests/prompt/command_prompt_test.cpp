#include <filesystem>

#include <unistd.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/settings.h"
#include "base/error.h"
#include "base/files.h"
#include "cli/commands.h"

namespace urial::cli {
namespace {

class PromptCommand : public testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::temp_directory_path() / ("urial_prompt_" + std::to_string(::getpid()));
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }

    std::string run(std::vector<std::string> arguments) {
        app::Settings settings(app::Settings::Sources{});
        context_.settings = &settings;
        CLI::App app;
        add_prompt_command(app, context_);
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
        testing::internal::CaptureStdout();
        try {
            app.parse(reversed);
        } catch (...) {
            testing::internal::GetCapturedStdout();
            throw;
        }
        return testing::internal::GetCapturedStdout();
    }

    std::string file(const std::string& name, std::string_view text) {
        write_file_atomic(folder_ / name, text);
        return (folder_ / name).string();
    }

    Context context_;
    fs::path folder_;
};

TEST_F(PromptCommand, render_prints_what_the_model_gets_and_not_one_byte_more) {
    EXPECT_EQ(run({"prompt", "render", "zero-shot", "--query", "Why?"}),
              "# Query:\n```\nWhy?\n```\n\n# Answer:\n```\n");
    EXPECT_EQ(run({"prompt", "render", "raw", "--query", "Why?"}), "Why?");
    EXPECT_EQ(run({"prompt", "render", "urial", "--prefix"}), prompt::render_prefix(prompt::builtin("urial")));
}

TEST_F(PromptCommand, render_takes_earlier_turns_from_a_file) {
    const std::string turns = file("turns.json", R"([{"query": "q1", "answer": "a1"}])");
    EXPECT_EQ(run({"prompt", "render", "zero-shot", "--query", "q2", "--turns", turns, "--form", "older"}),
              "# Query:\n```q1```\n\n# Answer:\n```\na1\n```\n\n# Query:\n```q2```\n\n# Answer:\n```\n");
}

TEST_F(PromptCommand, a_turns_file_of_another_shape_is_refused) {
    const auto render = [this](const std::string& turns) {
        return run({"prompt", "render", "raw", "--query", "q", "--turns", turns});
    };
    EXPECT_THROW(render(file("a.json", "{\"query\": 1")), Error);
    EXPECT_THROW(render(file("b.json", R"([{"query": "q"}])")), Error);
    EXPECT_THROW(render(file("c.json", R"(["q"])")), Error);
}

TEST_F(PromptCommand, render_needs_a_query_or_prefix_and_not_both) {
    EXPECT_THROW(run({"prompt", "render", "urial"}), Error);
    EXPECT_THROW(run({"prompt", "render", "urial", "--prefix", "--query", "q"}), Error);
    EXPECT_THROW(run({"prompt", "render", "urial", "--query", ""}), Error);
}

TEST_F(PromptCommand, list_names_every_built_in_prompt) {
    const std::string table = run({"prompt", "list"});
    context_.json = true;
    const auto rows = nlohmann::json::parse(run({"prompt", "list"}));
    ASSERT_EQ(rows.size(), prompt::builtin_names().size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_EQ(rows[i]["name"], prompt::builtin_names()[i]);
        EXPECT_NE(table.find("\n" + prompt::builtin_names()[i] + " "), std::string::npos);
    }
    EXPECT_EQ(rows[0]["examples"], 3);
}

TEST_F(PromptCommand, show_prints_a_specification_that_can_be_used) {
    const std::string mine = file("mine.toml", run({"prompt", "show", "urial-8"}));
    EXPECT_EQ(run({"prompt", "render", mine, "--prefix"}), prompt::render_prefix(prompt::builtin("urial-8")));
}

TEST_F(PromptCommand, check_says_what_is_wrong_in_its_exit_status) {
    EXPECT_EQ(run({"prompt", "check", "urial"}), "urial: nothing to complain about\n");
    EXPECT_EQ(context_.exit_code, 0);
    EXPECT_NE(run({"prompt", "check", "raw"}).find("warning: no examples"), std::string::npos);
    EXPECT_EQ(context_.exit_code, 1);
    context_.json = true;
    const auto value = nlohmann::json::parse(run({"prompt", "check", "raw"}));
    EXPECT_EQ(value["findings"][0]["level"], "warning");
}

TEST_F(PromptCommand, check_warns_of_a_built_ins_name_with_other_content) {
    std::string text = run({"prompt", "show", "urial-8"});
    EXPECT_EQ(run({"prompt", "check", file("same.toml", text)}), run({"prompt", "check", "urial-8"}));
    const std::size_t place = text.find("friendly");
    ASSERT_NE(place, std::string::npos);
    text.replace(place, 8, "brisk");
    EXPECT_NE(run({"prompt", "check", file("edited.toml", text)})
                  .find("warning: it has the name of the built-in prompt urial-8 but says something else"),
              std::string::npos);
}

TEST_F(PromptCommand, import_writes_a_specification_with_the_same_prefix) {
    const std::string text = "# Instruction\n\n# Query:\n```q ```  \n \n# Answer:\n``` \na\n``` \n\n";
    const std::string original = file("inst_x.txt", text);
    const std::string output = (folder_ / "x.toml").string();
    EXPECT_EQ(run({"prompt", "import", original, "-o", output}), "");
    EXPECT_EQ(run({"prompt", "render", output, "--prefix"}), text);
    EXPECT_THROW(run({"prompt", "import", original, "-o", output}), Error) << "an existing file is not replaced";
    EXPECT_EQ(run({"prompt", "import", original, "-o", output, "--force"}), "");
    EXPECT_THROW(run({"prompt", "import", original, "-o", (folder_ / "x.txt").string()}), Error);
    EXPECT_EQ(run({"prompt", "import", original}), read_file(output));
}

TEST_F(PromptCommand, an_unknown_prompt_form_or_file_is_an_error) {
    EXPECT_THROW(run({"prompt", "show", "urail"}), Error);
    EXPECT_THROW(run({"prompt", "show", "zero-shot", "--form", "v7"}), CLI::ValidationError);
    EXPECT_THROW(run({"prompt", "import", (folder_ / "absent.txt").string()}), Error);
    EXPECT_THROW(run({"prompt"}), CLI::ParseError);
}

}  // namespace
}  // namespace urial::cli
