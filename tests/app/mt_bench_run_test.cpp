#include "app/mt_bench_run.h"

#include <fstream>

#include <gtest/gtest.h>

#include "base/files.h"
#include "support/expect_error.h"
#include "support/sandbox.h"
#include "support/scripted_model.h"

namespace urial::app {
namespace {

constexpr std::string_view kQuestions =
    R"({"question_id": 81, "category": "writing", "turns": ["one", "two"]}
{"question_id": 82, "category": "math", "turns": ["three", "four"], "reference": ["3", "4"]}
{"question_id": "extra", "turns": ["five"]}
)";

class MtBenchTest : public ::testing::Test {
protected:
    MtBenchTest() {
        std::ofstream(folder_ / "question.jsonl") << kQuestions;
        options_.output = folder_ / "answers.jsonl";
        local_.parallel = 2;
        options_.sampling.max_tokens = 200;
    }

    MtBenchSummary run() {
        const auto questions = read_mt_bench(folder_ / "question.jsonl", 0, {});
        generate::LocalAnswerer answerer({model_, test::small_prompt()}, local_);
        return run_mt_bench(answerer, questions, options_);
    }

    std::vector<nlohmann::ordered_json> answers() const {
        std::vector<nlohmann::ordered_json> lines;
        for_each_json_line(options_.output,
                           [&](std::size_t, nlohmann::ordered_json&& line) { lines.push_back(std::move(line)); });
        return lines;
    }

    test::TemporaryFolder folder_;
    // Says the whole conversation so far, its lines joined.
    std::shared_ptr<test::ScriptedModel> model_ =
        std::make_shared<test::ScriptedModel>(test::answer_after("A: ", [](std::string_view prompt) {
            std::string said(prompt.substr(std::string_view("Preamble.\n").size()));
            std::ranges::replace(said, '\n', '|');
            std::ranges::replace(said, ':', '=');
            return said;
        }));
    generate::LocalAnswererOptions local_;
    generate::BatchOptions options_;
};

TEST_F(MtBenchTest, the_second_turn_sees_the_first_answer_and_ids_and_references_are_kept) {
    const MtBenchSummary summary = run();
    EXPECT_EQ(summary.progress.done, 5U);
    EXPECT_EQ(summary.progress.total, 5U);
    EXPECT_EQ(summary.progress.failed, 0U);
    const auto lines = answers();
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[0]["question_id"], 81);
    EXPECT_EQ(lines[0]["outputs"][0], "Q= one|A= ");
    EXPECT_EQ(lines[0]["outputs"][1], "Q= one|A= Q= one|A= |Q= two|A= ");
    EXPECT_EQ(lines[1]["reference"], nlohmann::ordered_json::parse(R"(["3", "4"])"));
    EXPECT_EQ(lines[1]["category"], "math");
    EXPECT_EQ(lines[2]["question_id"], "extra");
    EXPECT_EQ(lines[2]["outputs"].size(), 1U);
    EXPECT_TRUE(lines[0]["generator"].get<std::string>().starts_with("scripted+small@"));
    const auto read = eval::load_answers(options_.output).answers;
    EXPECT_EQ(read[1].item.follow_ups, std::vector<std::string>{"four"}) << "what was written is MT-bench's form";
    EXPECT_EQ(read[1].answer.follow_ups.size(), 1U);
}

TEST_F(MtBenchTest, an_interrupted_run_goes_on_where_it_stopped) {
    int steps = 0;
    options_.interrupted = [&] { return ++steps > 45; };
    MtBenchSummary summary = run();
    EXPECT_TRUE(summary.interrupted);
    EXPECT_FALSE(std::filesystem::exists(options_.output)) << "half of the answers are no result";
    const std::size_t before = model_->log().decodes;
    options_.interrupted = nullptr;
    summary = run();
    EXPECT_FALSE(summary.interrupted);
    EXPECT_EQ(answers().size(), 3U);
    EXPECT_GT(model_->log().decodes, before);
    const std::size_t whole = model_->log().decodes;
    summary = run();
    EXPECT_EQ(summary.resumed, 5U);
    EXPECT_EQ(model_->log().decodes, whole) << "a finished run computes nothing";
}

TEST_F(MtBenchTest, a_changed_question_is_answered_anew_in_both_turns) {
    run();
    std::string text(kQuestions);
    text.replace(text.find("one"), 3, "uno");
    std::ofstream(folder_ / "question.jsonl") << text;
    EXPECT_EQ(run().resumed, 3U);
    EXPECT_EQ(answers()[0]["outputs"][1], "Q= uno|A= Q= uno|A= |Q= two|A= ");
}

TEST_F(MtBenchTest, a_turn_that_does_not_fit_is_a_failure_and_the_question_is_left_out) {
    local_.context_tokens = 10 + 30 + 200;
    options_.sampling.max_tokens = 200;
    const MtBenchSummary summary = run();
    EXPECT_EQ(summary.progress.failed, 2U) << "the second turns of 81 and 82";
    EXPECT_EQ(summary.failures, folder_ / "answers.turn-2.jsonl");
    EXPECT_EQ(answers().size(), 1U);
}

TEST_F(MtBenchTest, its_form_is_seen_by_the_turns_of_the_first_object) {
    const auto seen = [&](std::string_view content) {
        std::ofstream(folder_ / "in.json") << content;
        return is_mt_bench(folder_ / "in.json");
    };
    EXPECT_TRUE(is_mt_bench(folder_ / "question.jsonl"));
    EXPECT_TRUE(seen(R"([{"question_id": 1, "turns": ["a", "b"], "reference": ["c", "d"]}])"));
    EXPECT_FALSE(seen(R"({"instruction": "a", "turns": 2})"));
    EXPECT_FALSE(seen("{\"messages\": []}\n{\"turns\": []}\n"));
    EXPECT_FALSE(seen("no JSON"));
    EXPECT_FALSE(seen(""));
    EXPECT_FALSE(is_mt_bench(folder_ / "absent.jsonl"));
}

TEST_F(MtBenchTest, a_file_of_something_else_is_not_overwritten) {
    std::ofstream(folder_ / "answers.jsonl") << "{}\n";
    EXPECT_ERROR(run(), ErrorKind::BadInput, "not the output of such a run");
    options_.overwrite = true;
    EXPECT_ERROR(run(), ErrorKind::BadInput, "not the output of such a run");
    EXPECT_EQ(read_file(folder_ / "answers.jsonl"), "{}\n");
    std::ofstream(folder_ / "answers.jsonl") << "";
    EXPECT_EQ(run().progress.done, 5U);
    EXPECT_EQ(run().progress.done, 5U) << "its own output may be replaced";
}

}  // namespace
}  // namespace urial::app
