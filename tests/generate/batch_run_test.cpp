#include "generate/batch_run.h"

#include <fstream>
#include <map>
#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "generate/record.h"
#include "support/expect_error.h"
#include "support/file_systems.h"
#include "support/sandbox.h"
#include "support/scripted_model.h"

namespace urial::generate {
namespace {

using nlohmann::ordered_json;

class BatchRunTest : public ::testing::Test {
protected:
    BatchRunTest() {
        options_.output = folder_ / "out.jsonl";
        local_.parallel = 3;
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

    BatchSummary run() {
        LocalAnswerer answerer({model_, test::small_prompt()}, local_);
        return run_batch(answerer, instructions_, options_);
    }

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
    LocalAnswererOptions local_;
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
    EXPECT_EQ(record["generator"],
              "scripted+small@" + sha256_hex(prompt::format_spec(test::small_prompt())).substr(0, 8));
    EXPECT_FALSE(record.contains("token_ids"));
}

TEST_F(BatchRunTest, a_run_cut_at_any_byte_resumes_to_the_same_records) {
    local_.parallel = 1;
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

TEST_F(BatchRunTest, what_is_not_proved_to_be_a_run_is_not_touched_whatever_the_options) {
    const std::vector<std::string> contents{"a diary\nwithout a last newline", "{\"precious\":1}\n", "[{\"a\": 1}]",
                                            "{\n  \"a\": 1\n}\n", std::string("GGUF\0\0\1", 7)};
    for (const bool overwrite : {false, true}) {
        options_.overwrite = overwrite;
        for (const std::string& content : contents) {
            std::ofstream(options_.output, std::ios::binary) << content;
            EXPECT_ERROR(run(), ErrorKind::BadInput, "has content but no manifest");
            EXPECT_EQ(read_file(options_.output), content);
            EXPECT_FALSE(fs::exists(manifest_path(options_.output)));
        }
    }
}

TEST_F(BatchRunTest, what_took_the_place_of_a_records_file_is_not_touched) {
    run();
    const std::string manifest = read_file(manifest_path(options_.output));
    for (const bool overwrite : {false, true}) {
        options_.overwrite = overwrite;
        for (const std::string content :
             {"a diary\nwithout a last newline", "{\"precious\":1}\n", "{\n  \"a\": 1\n}\n"}) {
            std::ofstream(options_.output, std::ios::binary) << content;
            EXPECT_ERROR(run(), ErrorKind::BadInput, "record of urial");
            EXPECT_EQ(read_file(options_.output), content);
            EXPECT_EQ(read_file(manifest_path(options_.output)), manifest);
        }
    }
}

TEST_F(BatchRunTest, a_manifest_of_something_else_is_not_touched) {
    for (const bool overwrite : {false, true}) {
        options_.overwrite = overwrite;
        for (const std::string content : {"{\"name\": \"my web app\"}", "no JSON", ""}) {
            std::ofstream(manifest_path(options_.output)) << content;
            EXPECT_ERROR(run(), ErrorKind::BadInput, "not the manifest of such a run");
            EXPECT_EQ(read_file(manifest_path(options_.output)), content);
            EXPECT_FALSE(fs::exists(options_.output));
        }
    }
}

TEST_F(BatchRunTest, a_manifest_is_not_taken_from_another_records_file) {
    run();
    options_.output = folder_ / "out.json";
    EXPECT_ERROR(run(), ErrorKind::BadInput, "the manifest of out.jsonl");
    EXPECT_FALSE(fs::exists(options_.output));
}

TEST_F(BatchRunTest, overwriting_begins_only_when_the_run_can) {
    run();
    const std::string before = read_file(options_.output);
    options_.overwrite = true;
    local_.context_tokens = 45;
    EXPECT_ERROR(run(), ErrorKind::ContextFull, "no room in a context of 45");
    EXPECT_EQ(read_file(options_.output), before);
}

TEST_F(BatchRunTest, a_run_that_fails_before_its_first_record_leaves_nothing_behind) {
    local_.context_tokens = 45;
    EXPECT_ERROR(run(), ErrorKind::ContextFull, "no room in a context of 45");
    EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(BatchRunTest, records_that_a_power_cut_destroyed_are_set_aside_said_and_answered_again) {
    run();
    const auto expected = records();
    std::string text = read_file(options_.output);
    const std::size_t second = text.find('\n') + 1;
    text.replace(second + 5, 30, 30, '\0');
    const std::string damaged = text.substr(second, text.find('\n', second) + 1 - second);
    write_file_atomic(options_.output, text);
    EXPECT_EQ(run().resumed, 9U);
    EXPECT_EQ(records().size(), expected.size());
    EXPECT_EQ(read_file(options_.output.string() + ".damaged"), damaged);
    EXPECT_NE(notices_.front().find("1 damaged records were moved to"), std::string::npos) << notices_.front();
}

TEST_F(BatchRunTest, records_are_synced_once_a_second_and_at_the_end_not_one_by_one) {
    test::FaultyFileSystem disk;
    const ReplacedFileSystem replaced(disk);
    run();
    EXPECT_GE(disk.calls["sync_data"], 1U);
    EXPECT_LT(disk.calls["sync_data"], 5U) << "of ten records";
}

TEST_F(BatchRunTest, after_any_power_cut_a_run_goes_on_to_the_same_answers) {
    std::mt19937 random(1);
    fs::create_directory(folder_ / "disk");
    test::RecordedDisk disk(folder_ / "disk");
    options_.output = folder_ / "disk/out.jsonl";
    {
        const ReplacedFileSystem replaced(disk);
        run();
    }
    const auto expected = records();
    for (int i = 0; i < 60; ++i) {
        const std::size_t cut = random() % (disk.size() + 1);
        SCOPED_TRACE(fmt::format("cut {} at call {} of {}", i, cut, disk.size()));
        const test::TemporaryFolder after;
        disk.play_power_cut(cut, after.path(), random);
        test::UnsyncedFileSystem fast;
        const ReplacedFileSystem replaced(fast);
        options_.output = after / "out.jsonl";
        run();
        const auto found = records();
        ASSERT_EQ(found.size(), expected.size());
        for (const auto& [id, record] : found) ASSERT_EQ(record["output"], expected.at(id)["output"]);
    }
}

TEST_F(BatchRunTest, an_instruction_too_long_for_the_context_fails_alone_and_is_tried_again) {
    local_.context_tokens = 150;
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
    local_.context_tokens = 45;
    EXPECT_ERROR(run(), ErrorKind::ContextFull, "no room in a context of 45");
}

TEST_F(BatchRunTest, old_turns_are_dropped_only_when_asked_and_never_silently) {
    local_.context_tokens = 150;
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
    const BatchSummary summary = run();
    write_array(ArrayFormat::AlpacaEval, options_.output, summary.keys, folder_ / "array.json");
    const auto array = ordered_json::parse(read_file(folder_ / "array.json"));
    ASSERT_EQ(array.size(), 10U);
    for (std::size_t i = 0; i < array.size(); ++i) {
        EXPECT_EQ(array[i]["instruction"], "query " + std::to_string(i));
        EXPECT_EQ(array[i]["output"], "re: query " + std::to_string(i));
        EXPECT_FALSE(array[i].contains("key"));
    }
}

TEST_F(BatchRunTest, a_field_of_the_input_named_error_does_not_undo_the_answer) {
    for (Instruction& item : instructions_) item.fields["error"] = "of the input";
    run();
    EXPECT_FALSE(records().at(4).contains("error"));
    EXPECT_EQ(notices_.front(), "not carried over from the input, because records have fields of these names: error");
    EXPECT_EQ(run().resumed, 10U) << "an answer counts as one in the next run too";
}

TEST_F(BatchRunTest, fields_that_only_some_records_have_are_not_taken_from_the_input) {
    for (Instruction& item : instructions_) item.fields.update({{"sample", 7}, {"near_ties", "mine"}});
    run();
    EXPECT_FALSE(records().at(4).contains("sample"));
    EXPECT_FALSE(records().at(4).contains("near_ties"));
}

TEST_F(BatchRunTest, an_answer_beside_a_field_error_of_an_earlier_version_is_an_answer) {
    local_.parallel = 1;
    run();
    std::string lines;
    for (auto& [id, record] : records()) {
        record["error"] = "of the input";
        lines += record.dump() + "\n";
    }
    write_file_atomic(options_.output, lines);
    EXPECT_EQ(run().resumed, 10U);
}

TEST_F(BatchRunTest, a_record_that_stands_twice_counts_once_and_is_said) {
    const BatchSummary first = run();
    const std::string lines = read_file(options_.output);
    write_file_atomic(options_.output, lines + lines);
    notices_.clear();
    EXPECT_EQ(run().progress.done, 10U);
    EXPECT_TRUE(notices_.front().ends_with("10 records stand there more than once; each counts once"))
        << notices_.front();
    write_array(ArrayFormat::JustEval, options_.output, first.keys, folder_ / "array.json");
    EXPECT_EQ(ordered_json::parse(read_file(folder_ / "array.json")).size(), 10U);
}

TEST_F(BatchRunTest, instructions_without_ids_in_another_order_are_refused) {
    for (Instruction& item : instructions_) item.fields.erase("id");
    run();
    const std::string before = read_file(options_.output);
    EXPECT_EQ(run().resumed, 10U);
    std::swap(instructions_[2].conversation, instructions_[7].conversation);
    EXPECT_ERROR(run(), ErrorKind::BadInput, "a record that is there has the id");
    EXPECT_EQ(read_file(options_.output), before);
}

TEST_F(BatchRunTest, a_null_id_is_none) {
    for (Instruction& item : instructions_) item.fields["id"] = nullptr;
    run();
    EXPECT_EQ(records().at(4)["instruction"], "query 4");
}

TEST_F(BatchRunTest, records_of_other_items_stay_and_are_said) {
    run();
    instructions_.erase(instructions_.begin(), instructions_.begin() + 4);
    notices_.clear();
    EXPECT_EQ(run().progress.done, 6U);
    EXPECT_EQ(notices_.front(), options_.output.string() + ": 4 records are of other items; they stay");
    EXPECT_EQ(records().size(), 10U);
}

TEST_F(BatchRunTest, another_number_of_threads_is_said_because_it_may_change_answers) {
    const auto threads = [&] { return ordered_json::parse(read_file(folder_ / "out.manifest.json"))["threads"]; };
    std::vector<Instruction> all = instructions_;
    instructions_.resize(4);
    local_.session.threads = 2;
    run();
    local_.session.threads = 3;
    notices_.clear();
    run();
    EXPECT_EQ(notices_.size(), 1U) << "nothing is computed: only that all is there is said";
    EXPECT_EQ(threads(), 2) << "those that computed what is there";
    instructions_ = all;
    notices_.clear();
    run();
    EXPECT_TRUE(notices_.front().ends_with("--threads 2 goes on as before")) << notices_.front();
    EXPECT_EQ(threads(), 3);
}

TEST_F(BatchRunTest, a_chosen_generator_stands_in_the_records_and_another_one_is_said) {
    run();
    options_.generator = "mine";
    notices_.clear();
    run();
    EXPECT_TRUE(notices_.front().ends_with("; new ones are of mine")) << notices_.front();
    options_.overwrite = true;
    run();
    EXPECT_EQ(records().at(4)["generator"], "mine");
}

TEST(GeneratorName, tells_models_adapters_and_prompts_apart) {
    engine::ModelInfo model;
    model.name = "gemma";
    EXPECT_EQ(generator_name(model, prompt::builtin("urial")), "gemma+urial");
    model.adapters = {{"chat-lora.gguf", "", 1}, {"other.gguf", "", 0.5F}};
    EXPECT_EQ(generator_name(model, prompt::builtin("urial")), "gemma+chat-lora+other:0.5+urial");
    EXPECT_EQ(generator_name(model, /*use_adapters=*/false, "chatml"), "gemma+chatml");
    prompt::PromptSpec edited = prompt::builtin("urial");
    edited.preamble += "Be brief.\n";
    EXPECT_EQ(prompt_label(edited).substr(0, 6), "urial@");
    EXPECT_EQ(prompt_label(edited).size(), 6 + 8U);
    prompt::PromptSpec once_more = edited;
    once_more.preamble += "Please.\n";
    EXPECT_NE(prompt_label(edited), prompt_label(once_more));
}

TEST_F(BatchRunTest, parallel_of_zero_is_refused) {
    local_.parallel = 0;
    EXPECT_ERROR(run(), ErrorKind::BadInput, "parallel is 0");
}

TEST_F(BatchRunTest, a_run_stopped_in_the_middle_of_a_step_keeps_what_is_done_and_goes_on_later) {
    for (const int stopped_at : {1, 2, 20}) {
        int asked = 0;
        local_.session.watch.cancelled = [&] { return ++asked >= stopped_at; };
        EXPECT_TRUE(run().interrupted) << stopped_at;
        if (!fs::exists(options_.output)) continue;  // stopped before the first record
        for (const auto& [id, record] : records()) EXPECT_EQ(record["output"], "re: query " + std::to_string(id));
    }
    local_.session.watch.cancelled = nullptr;
    const BatchSummary last = run();
    EXPECT_FALSE(last.interrupted);
    EXPECT_EQ(records().size(), 10U);
}

}  // namespace
}  // namespace urial::generate
