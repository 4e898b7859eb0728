// `urial shift` as far as it goes without a model, and `urial report` of the runs that it makes.

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "support/expect_text.h"
#include "support/shell.h"
#include "support/shift_record.h"

namespace urial::cli {
namespace {

using nlohmann::ordered_json;
using test::begins_with;
using test::contains;
using test::Shell;
using test::ShellResult;

/// A folder with questions. None of the models exists: whatever is refused for another reason was refused before a
/// model was looked for.
class ShiftCommand : public ::testing::Test {
protected:
    ShiftCommand() { write_file_atomic(shell_.folder() / "questions.jsonl", "{\"instruction\": \"Why?\"}\n"); }

    ShellResult shift(const std::string& flags) const {
        return shell_.run("$URIAL shift --base ./a.gguf --aligned ./b.gguf " + flags);
    }
    void expect_refused(const std::string& flags, std::string_view reason) const {
        const ShellResult result = shift(flags);
        EXPECT_EQ(result.exit_code, 2);
        EXPECT_TRUE(contains(result.err, reason));
        EXPECT_FALSE(contains(result.err, ".gguf"));
        EXPECT_EQ(result.out, "");
    }

    Shell shell_;
};

TEST_F(ShiftCommand, a_model_that_does_not_exist_is_named) {
    const ShellResult result = shift("-i questions.jsonl -o run");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(contains(result.err, "./a.gguf"));
    EXPECT_FALSE(fs::exists(shell_.folder() / "run"));
}

TEST_F(ShiftCommand, numbers_out_of_range_are_refused) {
    expect_refused("-i questions.jsonl -o run --limit -1", "--limit: '-1' is not a number that it takes");
    expect_refused("-i questions.jsonl -o run --limit 0", "--limit: '0' is not a number that it takes");
    expect_refused("-i questions.jsonl -o run --allow-vocab-mismatch -1",
                   "--allow-vocab-mismatch: '-1' is not a number that it takes");
    expect_refused("-i questions.jsonl -o run --top 0", "--top");
}

TEST_F(ShiftCommand, prompts_and_templates_are_looked_for_before_models) {
    expect_refused("-i questions.jsonl -o run --base-prompt uriel", "did you mean urial");
    expect_refused("-i questions.jsonl -o run --aligned-prompt nosuch", "unknown prompt 'nosuch'");
    expect_refused("-i questions.jsonl -o run --chat-template gema", "neither a built-in chat template");
    expect_refused("-i questions.jsonl -o run --chat-template gemma --aligned-prompt urial", "--chat-template");
}

TEST_F(ShiftCommand, its_files_are_looked_at_before_models) {
    expect_refused("-i questions.jsonl -o questions.jsonl", "questions.jsonl is a file");
    expect_refused("-o run", "give either instructions");
    expect_refused("-i questions.jsonl --answers questions.jsonl -o run", "give either instructions");
    expect_refused("-i absent.jsonl -o run", "absent.jsonl");
}

/// A run of two tokens, the second the end of the answer. Made up, no model.
void write_run(const fs::path& folder) {
    ordered_json record = test::shift_record();
    record["pieces"] = {"Sure", "<end_of_turn>"};
    record["kl_ab"] = {0.5, 3.5};
    ordered_json manifest{{"format", "urial.shift/1"}};
    manifest["identity"]["base"]["model"] = {{"name", "made up"}, {"weight_type", "F32"}};
    write_file_atomic(folder / "manifest.json", manifest.dump());
    write_file_atomic(folder / "records.jsonl", record.dump() + "\n");
}

class ShiftReport : public ::testing::Test {
protected:
    ShiftReport() {
        write_run(shell_.folder() / "a");
        write_run(shell_.folder() / "b");
    }
    ShellResult report(const std::string& flags) const { return shell_.run("$URIAL report " + flags); }

    Shell shell_;
};

TEST_F(ShiftReport, a_run_is_summarised_from_its_folder) {
    const ShellResult result = report("a");
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_TRUE(begins_with(result.out, "# Token-distribution shift: a\n\n- base: made up, F32"));
    EXPECT_TRUE(contains(result.out, "1 answers, 2 positions; mean KL(aligned || base) 2.000"));
    EXPECT_TRUE(contains(result.out, "carry 87.5 % of the sum of the KL: without them its mean is 0.500"));
    EXPECT_TRUE(contains(result.out, "\n| shifted   | > 3"));
    EXPECT_FALSE(contains(result.out, "## Along the answer"));
    EXPECT_TRUE(contains(result.err, "--full adds")) << result.err;
    const ShellResult full = report("a --full");
    EXPECT_TRUE(begins_with(full.out, result.out)) << "the headline, then the details";
    EXPECT_TRUE(contains(full.out, "## Along the answer"));
    EXPECT_FALSE(contains(full.err, "--full adds")) << full.err;
    EXPECT_EQ(report("a --format markdown").out, result.out);
    EXPECT_EQ(report("a -o a.md && cat a.md").out, result.out);
}

TEST_F(ShiftReport, several_runs_follow_one_another) {
    const ShellResult result = report("a b --label one --label two");
    EXPECT_TRUE(begins_with(result.out, "# Token-distribution shift: one\n"));
    EXPECT_TRUE(contains(result.out, "\n\n# Token-distribution shift: two\n"));
}

TEST_F(ShiftReport, json_is_the_summary_or_one_a_run) {
    EXPECT_EQ(ordered_json::parse(report("a --json").out)["kl_ab"]["value"], 2.0);
    EXPECT_EQ(ordered_json::parse(report("a b --format json").out)["runs"]["b"]["positions"], 2);
}

TEST_F(ShiftReport, what_only_judged_runs_have_is_refused) {
    for (const char* flags : {"--where task=math", "--ids ids.json", "--subset lite", "--compat paper", "--against b",
                              "--allow-unscored", "--shift-html a.html", "--format csv", "--format latex"}) {
        const ShellResult result = report("a " + std::string(flags));
        EXPECT_EQ(result.exit_code, 2);
        EXPECT_TRUE(contains(result.err, "is for judged runs")) << flags;
        EXPECT_EQ(result.out, "");
    }
}

TEST_F(ShiftReport, flags_that_do_not_go_together_are_refused) {
    EXPECT_TRUE(contains(report("a --html a.html -o a.md").err, "call it twice"));
    EXPECT_TRUE(contains(report("a --html a.html --format json").err, "call it twice"));
    EXPECT_TRUE(contains(report("a --json --format text").err, "contradict each other"));
    EXPECT_TRUE(contains(report("a --title Shift").err, "give --html FILE too"));
    EXPECT_TRUE(contains(report("a --label x --label y").err, "label"));
    EXPECT_FALSE(fs::exists(shell_.folder() / "a.html"));
}

TEST_F(ShiftReport, a_run_without_an_answer_is_an_error) {
    write_file_atomic(shell_.folder() / "a" / "records.jsonl", "{\"id\": 1, \"error\": \"too long\"}\n");
    EXPECT_TRUE(contains(report("a").err, "no analysed answer"));
}

}  // namespace
}  // namespace urial::cli
