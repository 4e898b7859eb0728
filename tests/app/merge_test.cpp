#include "app/merge.h"

#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/hash.h"
#include "eval/eval.h"
#include "eval/judge_testing.h"
#include "generate/batch_run.h"
#include "shift/shift.h"
#include "support/expect_error.h"
#include "support/expect_text.h"
#include "support/sandbox.h"
#include "support/scripted_model.h"

namespace urial::app {
namespace {

using nlohmann::ordered_json;
using test::contains;

class MergeTest : public ::testing::Test {
protected:
    MergeTest() {
        write_items(folder_ / "in.jsonl");
        merge_.output = folder_ / "merged.jsonl";
        merge_.notice = [this](std::string_view text) { notices_ += std::string(text) + "\n"; };
    }

    static void write_items(const fs::path& path) {
        std::ofstream file(path);
        for (int i = 0; i < 7; ++i) file << fmt::format("{{\"id\": \"q{0}\", \"instruction\": \"query {0}\"}}\n", i);
    }

    ordered_json origin(const std::string& shard) const {
        const fs::path input = folder_ / "in.jsonl";
        return {{"input", input.string()}, {"input_sha256", sha256_file(input)}, {"limit", 0}, {"shard", shard}};
    }

    /// A run of the shard; an answer to each of `failing` is longer than the context.
    fs::path generate(const std::string& name, const std::string& shard, std::uint64_t seed = 0) const {
        generate::BatchOptions options;
        options.output = folder_ / name;
        options.sampling.max_tokens = 30;
        options.sampling.seed = seed;
        options.origin = origin(shard);
        generate::LocalAnswererOptions local;
        local.parallel = 1;
        generate::LocalAnswerer answerer({model_, test::small_prompt()}, local);
        const auto items =
            generate::select(generate::read_instructions(folder_ / "in.jsonl"), 0, generate::parse_shard(shard));
        generate::run_batch(answerer, items, options);
        return options.output;
    }

    MergeSummary merge(std::vector<fs::path> runs) {
        merge_.runs = std::move(runs);
        return merge_runs(merge_);
    }

    static std::vector<ordered_json> lines_of(const fs::path& path) {
        std::vector<ordered_json> lines;
        for_each_json_line(path, [&](std::size_t, ordered_json&& line) { lines.push_back(std::move(line)); });
        return lines;
    }
    /// Without what the clock says.
    static std::string timeless(const fs::path& path) {
        std::string text;
        for (ordered_json& line : lines_of(path)) {
            line.erase("seconds");
            text += line.dump() + "\n";
        }
        return text;
    }
    static ordered_json read(const fs::path& path) { return ordered_json::parse(read_file(path)); }

    test::TemporaryFolder folder_;
    std::shared_ptr<test::ScriptedModel> model_ =
        std::make_shared<test::ScriptedModel>(test::answer_after("A: ", [](std::string_view prompt) {
            return "re: " + std::string(prompt.substr(prompt.rfind("Q: ") + 3, 7));
        }));
    MergeOptions merge_;
    std::string notices_;
};

TEST_F(MergeTest, shards_become_the_run_of_all_items) {
    const fs::path whole = generate("whole.jsonl", "1/1");
    const MergeSummary summary =
        merge({generate("c.jsonl", "3/3"), generate("a.jsonl", "1/3"), generate("b.jsonl", "2/3")});
    EXPECT_EQ(summary.records, 7U);
    EXPECT_EQ(summary.total, 7U);
    EXPECT_EQ(summary.repeated, 0U);
    EXPECT_TRUE(summary.is_in_order);
    EXPECT_EQ(timeless(merge_.output), timeless(whole));
    const ordered_json joined = read(folder_ / "merged.manifest.json");
    const ordered_json expected = read(folder_ / "whole.manifest.json");
    for (const char* key :
         {"format", "engine", "identity", "generator", "origin", "threads", "records", "failed", "total"}) {
        EXPECT_EQ(joined[key], expected[key]) << key;
    }
    EXPECT_EQ(joined["records_file"], "merged.jsonl");
    EXPECT_TRUE(joined["finished"].is_string());
    EXPECT_EQ(joined["merged"][0]["records"], 2);
    EXPECT_EQ(notices_, "");
}

TEST_F(MergeTest, shards_of_the_cpu_and_of_a_gpu_are_said_to_be_so) {
    const fs::path on_cpu = generate("a.jsonl", "1/2");
    const fs::path on_gpu = generate("b.jsonl", "2/2");
    const fs::path described = generate::manifest_path(on_gpu);
    ordered_json manifest = read(described);
    manifest["device"] = {{"gpus", {"a GPU"}}, {"library", "CUDA"}, {"layers", 9}, {"of", 9}};
    write_file_atomic(described, manifest.dump());
    for (const auto& runs : {std::vector{on_cpu, on_gpu}, std::vector{on_gpu, on_cpu}}) {
        merge_.output = folder_ / fmt::format("merged {}", notices_.size());
        notices_.clear();
        merge(runs);
        EXPECT_TRUE(test::contains(notices_, "the runs differ in device")) << notices_;
    }
}

TEST_F(MergeTest, a_merged_run_is_continued_like_any_other) {
    const MergeSummary summary = merge({generate("a.jsonl", "1/3"), generate("b.jsonl", "3/3")});
    EXPECT_EQ(summary.records, 5U);
    EXPECT_EQ(read(folder_ / "merged.manifest.json")["origin"]["shard"], "1/3, 3/3");
    generate("merged.jsonl", "1/1");
    EXPECT_EQ(lines_of(merge_.output).size(), 7U);
    EXPECT_EQ(lines_of(merge_.output).back()["id"], "q4");
}

TEST_F(MergeTest, a_record_that_stands_in_two_runs_counts_once_and_an_answer_wins_over_a_failure) {
    const fs::path whole = generate("whole.jsonl", "1/1");
    const fs::path part = generate("part.jsonl", "2/2");
    ordered_json failure = lines_of(part).at(0);
    failure["output"] = nullptr;
    failure["error"] = "too long";
    std::string text = failure.dump() + "\n";
    for (std::size_t i = 1; i < 3; ++i) text += lines_of(part).at(i).dump() + "\n";
    std::ofstream(part) << text << R"({"torn": )";
    const MergeSummary summary = merge({part, whole});
    EXPECT_EQ(summary.records, 7U);
    EXPECT_EQ(summary.failed, 0U);
    EXPECT_EQ(summary.repeated, 2U);
    EXPECT_EQ(timeless(merge_.output), timeless(whole));
    EXPECT_TRUE(contains(notices_, "part.jsonl: a torn last record"));
}

TEST_F(MergeTest, without_the_items_records_stand_in_the_order_of_the_runs) {
    const fs::path b = generate("b.jsonl", "2/2");
    const fs::path a = generate("a.jsonl", "1/2");
    fs::rename(folder_ / "in.jsonl", folder_ / "elsewhere.jsonl");
    EXPECT_FALSE(merge({b, a}).is_in_order);
    EXPECT_EQ(lines_of(merge_.output).at(0)["id"], "q1");
    EXPECT_TRUE(contains(notices_, "in the order of the runs"));
    merge_.input = folder_ / "elsewhere.jsonl";
    merge_.output = folder_ / "again.jsonl";
    EXPECT_TRUE(merge({b, a}).is_in_order);
    EXPECT_EQ(lines_of(merge_.output).at(0)["id"], "q0");
}

TEST_F(MergeTest, what_does_not_belong_together_is_refused_and_nothing_is_written) {
    const fs::path a = generate("a.jsonl", "1/2");
    const fs::path other = generate("other.jsonl", "2/2", /*seed=*/7);
    EXPECT_ERROR(merge({a, other}), ErrorKind::BadInput,
                 "other.jsonl do not belong together: sampling.seed was 0 and is now 7");
    EXPECT_ERROR(merge({a, a}), ErrorKind::BadInput, "named twice");
    EXPECT_ERROR(merge({a}), ErrorKind::BadInput, "two runs");
    EXPECT_ERROR(merge({a, folder_ / "in.jsonl"}), ErrorKind::NotFound, "in.jsonl: no run is there");
    const fs::path b = generate("b.jsonl", "2/2");
    std::ofstream(b, std::ios::app) << "damaged\n";
    EXPECT_ERROR(merge({a, b}), ErrorKind::BadInput, "b.jsonl:4: not a record");
    EXPECT_FALSE(fs::exists(merge_.output));
    EXPECT_FALSE(fs::exists(folder_ / "merged.manifest.json"));
    merge_.output = a;
    EXPECT_ERROR(merge({other, b}), ErrorKind::BadInput, "do not belong together");
    merge_.output = b;
    EXPECT_ERROR(merge({a, generate("c.jsonl", "2/2")}), ErrorKind::BadInput, "is there; name another output");
}

TEST_F(MergeTest, one_id_for_two_questions_is_an_error) {
    const fs::path a = generate("a.jsonl", "1/2");
    std::ofstream(folder_ / "in.jsonl") << "{\"id\": \"q0\", \"instruction\": \"another\"}\n";
    EXPECT_ERROR(merge({a, generate("b.jsonl", "1/1")}), ErrorKind::BadInput,
                 "the id \"q0\" stands for different things");
}

TEST_F(MergeTest, shift_runs_are_joined_to_the_run_of_all_items) {
    const auto says = [](const char* answer) {
        return std::make_shared<test::ScriptedModel>(
            test::answer_after("A: ", [=](std::string_view) { return std::string(answer); }));
    };
    const auto prompt = generate::in_context_prompt(test::small_prompt());
    const shift::Side base{.model = says("good"), .prompt = prompt, .weight_type = "F32"};
    const shift::Side aligned{.model = says("gold"), .prompt = prompt, .weight_type = "F32"};
    const auto run = [&](const std::string& name, const std::string& shard) {
        shift::ShiftOptions options;
        options.folder = folder_ / name;
        options.parallel = 1;
        options.max_tokens = 20;
        options.origin = origin(shard);
        shift::run_shift(base, aligned,
                         generate::select(shift::read_questions(folder_ / "in.jsonl"), 0, generate::parse_shard(shard)),
                         options);
        return options.folder;
    };
    const fs::path whole = run("whole", "1/1");
    merge_.output = folder_ / "merged";
    EXPECT_EQ(merge({run("a", "1/2"), run("b", "2/2")}).records, 7U);
    EXPECT_EQ(read_file(shift::records_file(merge_.output)), read_file(shift::records_file(whole)));
    EXPECT_EQ(read(shift::manifest_file(merge_.output))["identity"], read(shift::manifest_file(whole))["identity"]);
    const std::string before = read_file(shift::records_file(merge_.output));
    run("merged", "1/1");
    EXPECT_EQ(read_file(shift::records_file(merge_.output)), before) << "nothing is left to be done";
    merge_.output = folder_ / "mixed";
    EXPECT_ERROR(merge({whole, generate("a.jsonl", "1/1")}), ErrorKind::BadInput, "do not belong together");
}

TEST_F(MergeTest, judged_runs_are_joined_with_what_they_cost) {
    const std::vector<eval::JudgeTask> tasks = eval::some_tasks(6);
    const eval::Price price{.prompt = 10, .completion = 100};
    const auto run = [&](const std::string& name, std::vector<eval::JudgeTask> some, const std::string& judge_name) {
        eval::ScriptedJudge judge([](const eval::ScriptedCall&) { return eval::replied(eval::kGoodReply); },
                                  judge_name);
        eval::JudgeRunOptions options;
        options.folder = folder_ / name;
        options.concurrency = 1;
        options.judges = {{&judge, price, eval::Json::object()}};
        options.origin = {{"command", "score"}, {"shard", name}};
        eval::run_judges(some, options);
        return options.folder;
    };
    const fs::path whole = run("whole", tasks, "one");
    const fs::path a = run("a", {tasks.begin(), tasks.begin() + 4}, "one");
    const fs::path b = run("b", {tasks.begin() + 3, tasks.end()}, "one");
    merge_.output = folder_ / "merged";
    const MergeSummary summary = merge({a, b});
    EXPECT_EQ(summary.records, 6U);
    EXPECT_EQ(summary.repeated, 1U);
    EXPECT_EQ(read_file(merge_.output / "records.jsonl"), read_file(whole / "records.jsonl"));
    const eval::EvalRun joined = eval::load_run(merge_.output);
    EXPECT_EQ(joined.manifest["bill"]["attempts"], 7) << "the one that both asked was paid twice";
    EXPECT_NEAR(joined.manifest["bill"]["cost_usd"].get<double>(), 7 * (100 * 10e-6 + 10 * 100e-6), 1e-9);
    // The run goes on with all tasks, finds all of them and the same bill.
    run("merged", tasks, "one");
    EXPECT_EQ(eval::load_run(merge_.output).manifest["bill"], joined.manifest["bill"]);
    EXPECT_EQ(read_file(merge_.output / "records.jsonl"), read_file(whole / "records.jsonl"));
    EXPECT_EQ(fs::status(merge_.output / "raw.jsonl").permissions() & fs::perms::all,
              fs::perms::owner_read | fs::perms::owner_write);
    // Another judge makes a jury.
    merge_.output = folder_ / "jury";
    EXPECT_EQ(merge({whole, run("two", tasks, "two")}).records, 12U);
    EXPECT_EQ(eval::load_run(merge_.output).manifest["judges"].size(), 2U);
}

}  // namespace
}  // namespace urial::app
