// `urial generate` with the real default model, through the real binary: what a crash, a full disk or a second process
// may do to a run.

#include <fstream>
#include <map>

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

constexpr std::size_t kQuestions = 6;

class Generate : public ::testing::Test {
protected:
    void SetUp() override {
        URIAL_NEED_MODEL();
        std::ofstream questions(shell_.folder() / "q.jsonl");
        for (const char* text : {"What is tea?", "Why is the sky blue?", "How do I boil an egg?", "Who wrote Hamlet?",
                                 "What does a compiler do?", "Name five trees."}) {
            questions << json{{"instruction", text}}.dump() << "\n";
        }
    }

    std::string command(const std::string& arguments) const {
        return "$URIAL generate -q -m '" + test::default_model_path()->string() + "' -i q.jsonl --prompt urial-1 " +
               arguments;
    }

    ShellResult generate(const std::string& arguments, const std::string& before = "") const {
        return shell_.run(before + command(arguments));
    }

    /// Output by id, each id once.
    std::map<std::string, std::string> answers(const std::string& name) const {
        std::map<std::string, std::string> found;
        std::ifstream lines(shell_.folder() / name);
        for (std::string line; std::getline(lines, line);) {
            const json record = json::parse(line);
            const std::string id = record.at("id").dump();
            EXPECT_FALSE(found.contains(id)) << id << " was answered twice";
            found[id] = record.at("output").get<std::string>();
        }
        return found;
    }

    test::Shell shell_;
};

TEST_F(Generate, a_killed_run_goes_on_to_the_answers_of_one_that_was_not_killed) {
    ASSERT_EQ(generate("-o whole.jsonl --parallel 1 --max-tokens 16").exit_code, 0);
    const auto whole = answers("whole.jsonl");
    ASSERT_EQ(whole.size(), kQuestions);
    // Killed as soon as so many records are there, each time a little later, until nothing is left to kill.
    const ShellResult result = shell_.run("for n in 1 2 4; do " + command("-o cut.jsonl --parallel 1 --max-tokens 16") +
                                          " & pid=$!; while kill -0 $pid 2>/dev/null && [ \"$(cat cut.jsonl "
                                          "2>/dev/null | wc -l)\" -lt $n ]; do sleep 0.01; done;"
                                          " kill -9 $pid; wait $pid; echo killed with $?; done");
    EXPECT_TRUE(contains(result.out, "killed with 137")) << result.out << result.err;
    ASSERT_EQ(generate("-o cut.jsonl --parallel 1 --max-tokens 16").exit_code, 0);
    EXPECT_EQ(answers("cut.jsonl"), whole);
}

TEST_F(Generate, a_second_run_on_one_output_is_refused_while_the_first_writes) {
    const ShellResult result = shell_.run(
        command("-o a.jsonl --max-tokens 200 --parallel 1") + " & while [ ! -e a.jsonl ]; do sleep 0.01; done; " +
        command("-o a.jsonl --max-tokens 200 --parallel 1") + "; echo second $?; kill %1; wait");
    EXPECT_TRUE(contains(result.out, "second 2")) << result.out << result.err;
    EXPECT_TRUE(contains(result.err, "a.jsonl")) << result.err;
    EXPECT_TRUE(contains(result.err, "another")) << result.err;
}

TEST_F(Generate, a_full_disk_is_an_error_that_loses_no_finished_answer) {
    // A limit on the size of files (4 kB) fails a write as a full disk does; it is above the manifest, below the
    // records.
    const ShellResult full = generate("-o full.jsonl --no-snapshot --parallel 1 --max-tokens 160 --token-ids",
                                      "ulimit -f 4; trap '' XFSZ; ");
    EXPECT_EQ(full.exit_code, 2) << full.out << full.err;
    EXPECT_TRUE(contains(full.err, "full.jsonl")) << full.err;
    ASSERT_EQ(generate("-o full.jsonl --max-tokens 160 --token-ids").exit_code, 0);
    EXPECT_EQ(answers("full.jsonl").size(), kQuestions);
}

TEST_F(Generate, shards_together_are_the_whole) {
    for (const char* shard : {"1/2", "2/2"}) {
        const std::string name(shard, 1);
        ASSERT_EQ(generate("-o " + name + ".jsonl --max-tokens 4 --shard " + shard).exit_code, 0);
        EXPECT_EQ(answers(name + ".jsonl").size(), kQuestions / 2);
    }
    ASSERT_EQ(shell_.run("cat 1.jsonl 2.jsonl > both.jsonl").exit_code, 0);
    EXPECT_EQ(answers("both.jsonl").size(), kQuestions);
}

TEST_F(Generate, a_context_without_room_for_the_prompt_is_an_error_with_the_numbers) {
    const ShellResult result = generate("-o small.jsonl --context 128");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(contains(result.err, "128")) << result.err;
    EXPECT_EQ(generate("-o small.jsonl --max-tokens 2").exit_code, 0) << "nothing stays behind that stops a better try";
}

TEST_F(Generate, a_torn_line_of_the_input_is_named_before_anything_is_written) {
    ASSERT_EQ(shell_.run("printf '{\"instruction\": \"Why' >> q.jsonl").exit_code, 0);
    const ShellResult result = generate("-o torn.jsonl");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(contains(result.err, "q.jsonl:7") || contains(result.err, "line 7")) << result.err;
    EXPECT_FALSE(std::filesystem::exists(shell_.folder() / "torn.jsonl"));
}

TEST_F(Generate, standard_input_and_output_may_take_the_place_of_files) {
    ASSERT_EQ(generate("-o file.jsonl --parallel 1 --max-tokens 4").exit_code, 0);
    const ShellResult piped =
        shell_.run("export TMPDIR=$PWD/tmp; mkdir tmp; cat q.jsonl | $URIAL generate -q -m '" +
                   test::default_model_path()->string() +
                   "' -i - -o - --prompt urial-1 --parallel 1 --max-tokens 4 > out.jsonl; ls tmp");
    EXPECT_EQ(piped.exit_code, 0) << piped.err;
    EXPECT_EQ(piped.out, "") << "nothing stays behind in the folder of temporary files";
    EXPECT_EQ(answers("out.jsonl"), answers("file.jsonl"));
    EXPECT_FALSE(std::filesystem::exists(shell_.folder() / "-"));
}

TEST_F(Generate, numbers_of_sequences_that_make_no_sense_are_refused) {
    for (const char* parallel : {"0", "-1", "many"}) {
        const ShellResult result = generate(std::string("-o none.jsonl --parallel ") + parallel);
        EXPECT_EQ(result.exit_code, 2) << parallel;
        EXPECT_TRUE(contains(result.err, "--parallel")) << result.err;
        EXPECT_TRUE(contains(result.err, parallel)) << result.err;
    }
}

}  // namespace
}  // namespace urial::cli
