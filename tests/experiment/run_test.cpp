// Whole experiments against a server that answers and judges.

#include "experiment/run.h"

#include <atomic>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "experiment/results.h"
#include "support/chat_server.h"
#include "support/expect_error.h"
#include "support/expect_text.h"
#include "support/sandbox.h"

namespace urial::experiment {
namespace {

using nlohmann::json;
using test::ChatAnswer;
using test::ChatRequest;
using test::ChatServer;

constexpr int kQuestions = 6;

/// Scores are 4 for answers that hold "good", 2 for others, in the form of the rubric just-eval.
std::string verdict_of(const std::string& request) {
    const int score = request.find("good answer") != std::string::npos ? 4 : 2;
    json verdict;
    for (const char* aspect : {"helpfulness", "clarity", "factuality", "depth", "engagement"}) {
        verdict[aspect] = {{"reason", "because"}, {"score", std::to_string(score)}};
    }
    return verdict.dump();
}

ChatAnswer text_answer(const std::string& text) {
    ChatAnswer answer;
    answer.body = json{{"model", "m"},
                       {"choices", {{{"index", 0}, {"text", text}, {"finish_reason", "stop"}}}},
                       {"usage", {{"prompt_tokens", 20}, {"completion_tokens", 5}}}}
                      .dump();
    return answer;
}

class ExperimentTest : public ::testing::Test {
protected:
    ExperimentTest()
        : server_([this](const ChatRequest& request) { return answer(request); }),
          no_key_("OPENAI_API_KEY", std::nullopt),
          cache_("URIAL_CACHE", (folder_ / "cache").string()),
          config_("URIAL_CONFIG_DIR", (folder_ / "config").string()) {
        std::string questions;
        for (int i = 0; i < kQuestions; ++i) {
            questions +=
                json{{"id", i}, {"instruction", "question " + std::to_string(i)}, {"task", {"writing"}}}.dump() + "\n";
        }
        write_file_atomic(folder_ / "q.jsonl", questions);
        write("");
        options_.loading.timeout_seconds = 20;
        options_.callbacks.warning = [this](std::string_view text) { told_ += std::string(text) + "\n"; };
        options_.notice = options_.callbacks.warning;
    }

    ChatAnswer answer(const ChatRequest& request) {
        if (request.target == "/v1/models") {
            ChatAnswer list;
            list.body =
                json{{"data", {{{"id", "m"}, {"owned_by", "vllm"}}, {{"id", "judge"}, {"owned_by", "vllm"}}}}}.dump();
            return list;
        }
        if (request.target == "/v1/completions") {
            ++answered_;
            const std::string prompt = request.body.at("prompt");
            if (!broken_.empty() && prompt.find(broken_) != std::string::npos) {
                ChatAnswer failure;
                failure.status = 400;
                failure.body = R"({"error": {"message": "not this one"}})";
                return failure;
            }
            return text_answer(prompt.find("# Instruction") != std::string::npos ? "a good answer" : "some answer");
        }
        if (request.target == "/v1/chat/completions") {
            ++judged_;
            return test::completion(verdict_of(request.user()));
        }
        ChatAnswer none;
        none.status = 404;
        return none;
    }

    void write(const std::string& more, int max_tokens = 20) {
        const std::string model = server_.base_url();
        write_file_atomic(folder_ / "e.toml",
                          "title = \"Test\"\nquestions = \"q.jsonl\"\nreference = \"bare\"\n[sampling]\nmax_tokens = " +
                              std::to_string(max_tokens) + "\n[[models]]\nname = \"base\"\nmodel = \"" + model +
                              "#m\"\n[[methods]]\nname = \"bare\"\nmodel = \"base\"\nprompt = \"zero-shot\"\n"
                              "[[methods]]\nname = \"urial\"\nlabel = \"URIAL\"\nmodel = \"base\"\nprompt = \"urial\"\n"
                              "[judging]\njudges = [\"" +
                              model + "#judge\"]\n" + more);
    }

    Outcome run() {
        const Spec spec = read_spec(folder_ / "e.toml");
        Plan plan = make_plan(spec, folder_ / "out");
        return experiment::run(spec, plan, options_);
    }
    Plan plan() { return make_plan(read_spec(folder_ / "e.toml"), folder_ / "out"); }
    Results results() { return load_results(folder_ / "out", {}); }
    static std::size_t count_finished(const Plan& plan) {
        std::size_t count = 0;
        for (const Step& step : plan.steps) count += step.finished ? 1 : 0;
        return count;
    }

    test::TemporaryFolder folder_;
    std::atomic<int> answered_ = 0;
    std::atomic<int> judged_ = 0;
    std::string broken_;  // a question that the server refuses
    std::string told_;
    RunOptions options_;
    const ChatServer server_;
    const test::ScopedEnvironment no_key_;
    const test::ScopedEnvironment cache_;
    const test::ScopedEnvironment config_;
};

TEST_F(ExperimentTest, methods_are_answered_judged_and_compared) {
    const Outcome outcome = run();
    EXPECT_EQ(outcome.failed, 0u) << told_;
    EXPECT_EQ(answered_, 2 * kQuestions);
    EXPECT_EQ(judged_, 2 * kQuestions);
    EXPECT_EQ(count_finished(plan()), 4u);
    const Results found = results();
    ASSERT_EQ(found.methods.size(), 2u);
    EXPECT_EQ(found.methods[1].label, "URIAL");
    EXPECT_EQ(found.methods[1].answers, static_cast<std::size_t>(kQuestions));
    EXPECT_EQ(found.methods[1].words, 3);
    ASSERT_EQ(found.judged.size(), 2u);
    EXPECT_EQ(found.judged[0].scores->average, 2);
    EXPECT_EQ(found.judged[1].scores->average, 4);
    ASSERT_EQ(found.differences.size(), 1u);
    ASSERT_EQ(found.differences[0].aspects.size(), 5u);
    for (const eval::Difference& difference : found.differences[0].aspects) {
        EXPECT_EQ(difference.mean, 2);
        ASSERT_TRUE(difference.p_holm);
        EXPECT_NEAR(*difference.p_holm, std::min(1.0, 5 * difference.p_value), 1e-12);
    }
    EXPECT_TRUE(found.unfinished.empty());
}

TEST_F(ExperimentTest, what_is_finished_is_not_done_again) {
    run();
    std::string before = read_file(folder_ / "out" / plan().steps[0].place);
    EXPECT_EQ(run().failed, 0u);
    EXPECT_EQ(answered_, 2 * kQuestions);
    EXPECT_EQ(judged_, 2 * kQuestions);
    EXPECT_EQ(read_file(folder_ / "out" / plan().steps[0].place), before);
}

TEST_F(ExperimentTest, a_change_says_what_it_makes_stale_and_keeps_what_there_was) {
    run();
    const Plan before = plan();
    write("", /*max_tokens=*/30);
    const Plan changed = plan();
    EXPECT_EQ(count_finished(changed), 0u);
    EXPECT_EQ(changed.steps[0].changed, std::vector<std::string>{"sampling"});
    EXPECT_EQ(changed.steps[0].before, before.steps[0].place);
    EXPECT_EQ(changed.steps[2].changed, std::vector<std::string>{"answers"});
    run();
    EXPECT_EQ(answered_, 4 * kQuestions);
    EXPECT_TRUE(fs::exists(folder_ / "out" / before.steps[0].place));
    write("");  // and back: nothing is asked
    EXPECT_EQ(count_finished(plan()), 4u);
    run();
    EXPECT_EQ(answered_, 4 * kQuestions);
    EXPECT_EQ(judged_, 4 * kQuestions);
}

TEST_F(ExperimentTest, another_rubric_leaves_the_answers_as_they_are) {
    run();
    write("rubric = \"just-eval\"\n");
    const Plan changed = plan();
    EXPECT_EQ(count_finished(changed), 2u);
    EXPECT_EQ(changed.steps[2].changed, std::vector<std::string>{"rubric"});
    EXPECT_TRUE(changed.steps[0].changed.empty());
}

TEST_F(ExperimentTest, what_failed_is_tried_again_and_then_judged) {
    broken_ = "question 3";
    EXPECT_EQ(run().failed, 2u);
    EXPECT_EQ(count_finished(plan()), 0u);
    EXPECT_EQ(plan().steps[0].done, static_cast<std::size_t>(kQuestions - 1));
    const Results partial = results();
    EXPECT_EQ(partial.methods[0].failed, 1u);
    EXPECT_EQ(partial.unfinished.size(), 4u);
    broken_.clear();
    EXPECT_EQ(run().failed, 0u);
    EXPECT_EQ(answered_, 2 * kQuestions + 2);
    EXPECT_EQ(judged_, 2 * kQuestions);
    EXPECT_EQ(count_finished(plan()), 4u);
}

TEST_F(ExperimentTest, an_interrupted_run_goes_on_where_it_stopped) {
    options_.interrupted = [this] { return judged_ >= 2; };
    EXPECT_TRUE(run().interrupted);
    const int judged = judged_;
    EXPECT_LT(judged, 2 * kQuestions);
    options_.interrupted = {};
    EXPECT_FALSE(run().interrupted);
    EXPECT_EQ(answered_, 2 * kQuestions);
    EXPECT_EQ(judged_, 2 * kQuestions);
}

TEST_F(ExperimentTest, the_state_of_a_killed_run_is_read_from_what_it_wrote) {
    run();
    fs::remove(folder_ / "out" / plan().steps[1].place);
    json manifest = json::parse(read_file(folder_ / "out/manifest.json"));
    for (json& step : manifest["steps"]) step["finished"] = false, step["done"] = 0;  // it had no time to say
    write_file_atomic(folder_ / "out/manifest.json", manifest.dump());
    const Plan left = plan();
    EXPECT_EQ(left.steps[0].done, static_cast<std::size_t>(kQuestions));
    EXPECT_EQ(left.steps[1].done, 0u);
    EXPECT_EQ(left.steps[2].done, static_cast<std::size_t>(kQuestions));
}

TEST_F(ExperimentTest, a_folder_of_something_else_stays_as_it_is) {
    fs::create_directories(folder_ / "out");
    write_file_atomic(folder_ / "out/diary.txt", "mine");
    EXPECT_ERROR(plan(), ErrorKind::BadInput, "is no experiment's folder");
    write_file_atomic(folder_ / "out/manifest.json", R"({"format": "urial.shift/1"})");
    EXPECT_ERROR(plan(), ErrorKind::BadInput, "is no experiment's folder");
}

TEST_F(ExperimentTest, a_damaged_manifest_may_be_removed) {
    run();
    const json whole = json::parse(read_file(folder_ / "out/manifest.json"));
    const auto damaged_by = [&](const std::string& pointer, const json& value) {
        json manifest = whole;
        manifest[json::json_pointer(pointer)] = value;
        write_file_atomic(folder_ / "out/manifest.json", manifest.dump());
        SCOPED_TRACE(pointer);
        EXPECT_ERROR(plan(), ErrorKind::BadInput, "is damaged");
        EXPECT_ERROR(results(), ErrorKind::BadInput, "is damaged");
    };
    damaged_by("/steps", 1);
    damaged_by("/steps/0/done", -1);
    damaged_by("/steps/0/inputs", nullptr);
    damaged_by("/steps/0/finished", "yes");
    damaged_by("/methods/0/label", 2);
    damaged_by("/comparisons/0", json::array({"bare"}));
    damaged_by("/title", nullptr);
    fs::remove(folder_ / "out/manifest.json");
    EXPECT_EQ(plan().steps[0].done, static_cast<std::size_t>(kQuestions));
    run();
    EXPECT_EQ(answered_, 2 * kQuestions);
    EXPECT_EQ(judged_, 2 * kQuestions);
}

TEST_F(ExperimentTest, the_plan_estimates_from_what_was_done) {
    const Spec spec = read_spec(folder_ / "e.toml");
    Plan fresh = plan();
    EXPECT_FALSE(estimate(spec, fresh, fresh.steps[0]).seconds);
    EXPECT_EQ(estimate(spec, fresh, fresh.steps[0]).most_tokens, 20u * kQuestions);
    fresh.steps[0].done = kQuestions;
    fresh.steps[0].finished = true;
    fresh.steps[0].seconds = 3;
    fresh.steps[0].units = 30;  // 10 tokens a second, 5 an answer
    const Estimate next = estimate(spec, fresh, fresh.steps[1]);
    ASSERT_TRUE(next.seconds);
    EXPECT_NEAR(*next.seconds, 5.0 * kQuestions / 10, 1e-9);
    EXPECT_FALSE(estimate(spec, fresh, fresh.steps[0]).seconds);
}

TEST_F(ExperimentTest, without_judges_there_are_answers_whatever_lies_in_the_working_directory) {
    const std::string whole = read_file(folder_ / "e.toml");
    write_file_atomic(folder_ / "e.toml", whole.substr(0, whole.find("[judging]")));
    run();
    const fs::path before = fs::current_path();
    fs::current_path(folder_.path());
    write_file_atomic("records.jsonl", "no record\n");
    const Results found = results();
    fs::current_path(before);
    ASSERT_EQ(found.methods.size(), 2u);
    EXPECT_FALSE(found.methods[0].judged);
    EXPECT_EQ(found.runs[0].records.size(), static_cast<std::size_t>(kQuestions));
    EXPECT_TRUE(found.judged.empty());
    EXPECT_TRUE(found.unfinished.empty());
}

TEST_F(ExperimentTest, money_is_for_the_whole_experiment) {
    write_file_atomic(folder_ / "prices.toml", "[[prices]]\nmodel = \"judge\"\nprompt = 1000\ncompletion = 1000\n");
    write("prices = \"prices.toml\"\nmax_cost = 0.0001\n");
    const Outcome outcome = run();
    EXPECT_TRUE(outcome.out_of_money);
    EXPECT_EQ(judged_, 0);
    const Spec spec = read_spec(folder_ / "e.toml");
    const auto cost = most_judging_cost(spec, plan(), options_);
    ASSERT_TRUE(cost);
    EXPECT_GT(*cost, 0.0001);
}

TEST_F(ExperimentTest, every_format_holds_the_methods) {
    run();
    const Results found = results();
    for (const report::Format format : {report::Format::Text, report::Format::Markdown, report::Format::Csv,
                                        report::Format::Latex, report::Format::Json}) {
        const std::string text = results_tables(found, format, report::Detail::Full).text;
        EXPECT_TRUE(test::contains(text, "URIAL")) << text;
        EXPECT_TRUE(test::contains(text, "bare")) << text;
    }
    EXPECT_TRUE(test::contains(results_page(found, ""), "\"shown_runs\":2"));
}

}  // namespace
}  // namespace urial::experiment
