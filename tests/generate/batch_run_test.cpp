#include "generate/batch_run.h"

#include <map>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "support/expect_error.h"
#include "support/sandbox.h"
#include "support/scripted_model.h"

namespace urial::generate {
namespace {

using nlohmann::ordered_json;

prompt::PromptSpec small_prompt() {
    prompt::PromptSpec spec;
    spec.name = "small";
    spec.preamble = "Preamble.\n";
    spec.form = {"Q: ", "\n", "A: ", "\n"};
    return spec;
}

class BatchRunTest : public ::testing::Test {
protected:
    BatchRunTest() {
        options_.output = folder_ / "out.jsonl";
        options_.parallel = 3;
        options_.sampling.max_tokens = 40;
        options_.notice = [this](std::string_view text) { notices_.emplace_back(text); };
        for (int i = 0; i < 10; ++i) {
            Instruction item;
            item.id = std::to_string(i);
            item.conversation.query = "query " + item.id;
            item.fields = {{"id", i}, {"instruction", item.conversation.query}, {"topic", "t" + item.id}};
            instructions_.push_back(std::move(item));
        }
    }

    BatchSummary run() { return run_batch(PreparedPrompt(model_, small_prompt()), instructions_, options_); }

    std::map<int, ordered_json> records() const {
        std::map<int, ordered_json> by_id;
        for_each_json_line(options_.output, [&](std::size_t, ordered_json&& record) {
            const int id = record["id"];
            EXPECT_FALSE(by_id.contains(id)) << "record " << id << " stands twice";
            by_id[id] = std::move(record);
        });
        return by_id;
    }

    test::TemporaryFolder folder_;
    std::shared_ptr<test::ScriptedModel> model_ =
        std::make_shared<test::ScriptedModel>(test::answer_after("A: ", [](std::string_view prompt) {
            return "re: " + std::string(prompt.substr(prompt.rfind("Q: ") + 3, 7));
        }));
    std::vector<Instruction> instructions_;
    BatchOptions options_;
    std::vector<std::string> notices_;
};

TEST_F(BatchRunTest, every_instruction_becomes_one_record_with_its_fields_carried_over) {
    const BatchSummary summary = run();
    EXPECT_EQ(summary.progress.done, 10U);
    const auto found = records();
    ASSERT_EQ(found.size(), 10U);
    const ordered_json& record = found.at(4);
    EXPECT_EQ(record["instruction"], "query 4");
    EXPECT_EQ(record["topic"], "t4");
    EXPECT_EQ(record["output"], "re: query 4");
    EXPECT_EQ(record["finish_reason"], "stop");
    EXPECT_EQ(record["completion_tokens"], 12) << "eleven bytes and the end of text";
    EXPECT_EQ(record["generator"], "scripted+small");
    EXPECT_FALSE(record.contains("token_ids"));
}

TEST_F(BatchRunTest, a_run_cut_at_any_byte_resumes_to_the_same_records) {
    options_.parallel = 1;
    run();
    const std::string whole = read_file(options_.output);
    const auto expected = records();
    for (std::size_t cut = 0; cut < whole.size(); cut += 97) {
        write_file_atomic(options_.output, whole.substr(0, cut));
        run();
        auto resumed = records();
        ASSERT_EQ(resumed.size(), expected.size()) << "cut at " << cut;
        for (auto& [id, record] : resumed) {
            EXPECT_EQ(record["output"], expected.at(id)["output"]) << "cut at " << cut;
            EXPECT_EQ(record["key"], expected.at(id)["key"]);
        }
    }
}

TEST_F(BatchRunTest, a_finished_run_is_not_run_again) {
    run();
    const std::size_t decodes = model_->log().decodes;
    const BatchSummary again = run();
    EXPECT_EQ(again.resumed, 10U);
    EXPECT_EQ(model_->log().decodes, decodes);
}

TEST_F(BatchRunTest, an_interrupted_run_keeps_what_is_done_and_says_so) {
    int steps = 0;
    options_.interrupted = [&] { return ++steps == 20; };
    const BatchSummary first = run();
    EXPECT_TRUE(first.interrupted);
    EXPECT_LT(first.progress.done, 10U);
    EXPECT_EQ(records().size(), first.progress.done);
    options_.interrupted = nullptr;
    const BatchSummary second = run();
    EXPECT_EQ(second.resumed, first.progress.done);
    EXPECT_EQ(records().size(), 10U);
}

TEST_F(BatchRunTest, other_settings_do_not_continue_a_file) {
    run();
    options_.sampling.max_tokens = 41;
    EXPECT_ERROR(run(), ErrorKind::BadInput, "sampling.max_tokens was 40 and is now 41");
    options_.overwrite = true;
    EXPECT_EQ(run().resumed, 0U);
    EXPECT_EQ(records().size(), 10U);
}

TEST_F(BatchRunTest, a_file_of_someone_else_is_not_touched) {
    write_file_atomic(options_.output, "{\"precious\":1}\n");
    EXPECT_ERROR(run(), ErrorKind::BadInput, "has content but no manifest");
    EXPECT_EQ(read_file(options_.output), "{\"precious\":1}\n");
}

TEST_F(BatchRunTest, an_instruction_too_long_for_the_context_fails_alone_and_is_tried_again) {
    options_.context_tokens = 150;
    instructions_[3].conversation.query = std::string(200, 'x');
    const BatchSummary first = run();
    EXPECT_EQ(first.progress.failed, 1U);
    EXPECT_EQ(first.progress.done, 9U);
    auto found = records();
    EXPECT_TRUE(found.at(3)["output"].is_null());
    EXPECT_NE(found.at(3)["error"].get<std::string>().find("context of 150"), std::string::npos);
    const BatchSummary second = run();
    EXPECT_EQ(second.resumed, 9U);
    EXPECT_EQ(second.progress.failed, 1U);
    EXPECT_EQ(records().size(), 10U);
}

TEST_F(BatchRunTest, a_prompt_without_room_for_an_answer_is_an_error_at_once) {
    options_.context_tokens = 45;
    EXPECT_ERROR(run(), ErrorKind::ContextFull, "no room in a context of 45");
}

TEST_F(BatchRunTest, old_turns_are_dropped_only_when_asked_and_never_silently) {
    options_.context_tokens = 150;
    instructions_.resize(1);
    instructions_[0].conversation.turns = {{std::string(90, 'a'), "b"}, {"c", "d"}};
    EXPECT_EQ(run().progress.failed, 1U);
    options_.output = folder_ / "other.jsonl";
    options_.overflow = Overflow::DropOldest;
    notices_.clear();
    EXPECT_EQ(run().progress.done, 1U);
    ASSERT_FALSE(notices_.empty());
    EXPECT_EQ(notices_.front(), "item 0: the oldest 1 turns were dropped to fit the context");
}

TEST_F(BatchRunTest, samples_need_a_temperature_and_each_is_a_record) {
    options_.samples = 3;
    EXPECT_ERROR(run(), ErrorKind::BadInput, "3 samples at temperature 0");
    options_.sampling.temperature = 0.1;
    run();
    std::map<std::pair<int, int>, int> seen;
    for_each_json_line(options_.output, [&](std::size_t, ordered_json&& record) {
        ++seen[{record["id"], record["sample"]}];
    });
    EXPECT_EQ(seen.size(), 30U);
}

TEST_F(BatchRunTest, the_manifest_says_what_made_the_records) {
    run();
    const auto manifest = ordered_json::parse(read_file(folder_ / "out.manifest.json"));
    EXPECT_EQ(manifest["identity"]["prompt"]["text"], "Preamble.\n");
    EXPECT_EQ(manifest["identity"]["sampling"]["temperature"], 0.0);
    EXPECT_EQ(manifest["records"], 10);
    EXPECT_TRUE(manifest["finished"].is_string());
}

TEST_F(BatchRunTest, an_array_for_another_tool_stands_in_the_order_of_the_instructions) {
    run();
    write_array(ArrayFormat::AlpacaEval, options_.output, instructions_, folder_ / "array.json");
    const auto array = ordered_json::parse(read_file(folder_ / "array.json"));
    ASSERT_EQ(array.size(), 10U);
    for (std::size_t i = 0; i < array.size(); ++i) {
        EXPECT_EQ(array[i]["instruction"], "query " + std::to_string(i));
        EXPECT_EQ(array[i]["output"], "re: query " + std::to_string(i));
        EXPECT_FALSE(array[i].contains("key"));
    }
}

TEST_F(BatchRunTest, parallel_of_zero_is_refused) {
    options_.parallel = 0;
    EXPECT_ERROR(run(), ErrorKind::BadInput, "parallel is 0");
}

}  // namespace
}  // namespace urial::generate
