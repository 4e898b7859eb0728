#include <algorithm>
#include <fstream>
#include <functional>
#include <map>

#include <gtest/gtest.h>

#include "base/files.h"
#include "shift/record.h"
#include "shift/score.h"
#include "shift/shift.h"
#include "shift/summary.h"
#include "support/expect_error.h"
#include "support/expect_text.h"
#include "support/sandbox.h"
#include "support/scripted_model.h"

namespace urial::shift {
namespace {

using nlohmann::ordered_json;
using test::ScriptedModel;

std::shared_ptr<ScriptedModel> model_that_says(std::string_view answer, int context = 100'000) {
    return std::make_shared<ScriptedModel>(
        test::answer_after("A: ", [answer = std::string(answer)](std::string_view) { return answer; }), context);
}

/// The scripted model with another text for one token; the token after the last is one more.
class OtherVocabulary final : public engine::Model {
public:
    OtherVocabulary(std::shared_ptr<const engine::Model> model, Token changed)
        : model_(std::move(model)), changed_(changed) {
        info_ = model_->info();
        info_.content_hash = "other";
        if (changed == kOneMore) ++info_.vocabulary_size;
    }
    static constexpr Token kOneMore = test::kScriptedVocabulary;
    static constexpr Token kAll = -1;
    const engine::ModelInfo& info() const override { return info_; }
    std::vector<Token> tokenize(std::string_view text, engine::TokenizeOptions options) const override {
        return model_->tokenize(text, options);
    }
    std::string piece(Token token, bool special) const override {
        if (changed_ == kAll) return "other " + model_->piece(token, special);
        if (token != changed_) return model_->piece(token, special);
        return token == 'z' ? "Z" : "<extra>";
    }
    bool ends_generation(Token token) const override { return model_->ends_generation(token); }
    std::unique_ptr<engine::Session> new_session(const engine::SessionOptions& options) const override {
        return model_->new_session(options);
    }

private:
    std::shared_ptr<const engine::Model> model_;
    Token changed_;
    engine::ModelInfo info_;
};

class ShiftRunTest : public ::testing::Test {
protected:
    ShiftRunTest() {
        options_.folder = folder_ / "run";
        options_.max_tokens = 100;
        options_.notice = [this](std::string_view text) { notices_ += std::string(text) + "\n"; };
        base_.model = model_that_says("good");
        aligned_.model = model_that_says("gold");
        base_.prompt = aligned_.prompt = generate::in_context_prompt(test::small_prompt());
        for (int i = 0; i < 5; ++i) add_question(i, "query " + std::to_string(i));
    }

    void add_question(int id, std::string query) {
        ShiftItem item;
        item.id = std::to_string(id);
        item.conversation.query = std::move(query);
        item.fields = {{"id", id}, {"instruction", item.conversation.query}, {"topic", {"stem"}}};
        items_.push_back(std::move(item));
    }

    ShiftOutcome run() { return run_shift(base_, aligned_, items_, options_); }

    void edit_identity(const std::function<void(ordered_json&)>& edit) const {
        const fs::path path = manifest_file(options_.folder);
        ordered_json manifest = ordered_json::parse(read_text_file(path));
        edit(manifest["identity"]);
        write_file_atomic(path, manifest.dump());
    }

    std::map<std::string, ordered_json> records() const {
        std::map<std::string, ordered_json> by_id;
        for_each_json_line(records_file(options_.folder), [&](std::size_t, ordered_json&& record) {
            const std::string id = record["id"].dump();
            EXPECT_FALSE(by_id.contains(id)) << "record " << id << " stands twice";
            by_id[id] = std::move(record);
        });
        return by_id;
    }

    test::TemporaryFolder folder_;
    Side base_;
    Side aligned_;
    std::vector<ShiftItem> items_;
    ShiftOptions options_;
    std::string notices_;
};

TEST_F(ShiftRunTest, answers_are_scored_in_memory_too_each_in_the_place_of_its_item) {
    items_[1].answer_text = "go";
    items_[3].answer_ids = {'g', OtherVocabulary::kOneMore};
    ScoreOptions options;
    options.max_tokens = 100;
    std::vector<ScoreProgress> steps;
    options.progress = [&](const ScoreProgress& progress) { steps.push_back(progress); };
    const std::vector<ScoredAnswer> scored = score_answers(base_, aligned_, items_, options);
    ASSERT_EQ(scored.size(), 5U);
    for (const std::size_t i : {0, 2, 4}) {
        EXPECT_EQ(scored[i].text, "gold");
        EXPECT_EQ(scored[i].finish, "stop");
        ASSERT_EQ(scored[i].stats.size(), 5U) << "the end of the answer is a position as well";
        EXPECT_EQ(scored[i].stats[1].base.rank, 1U);
        EXPECT_GT(scored[i].stats[2].base.rank, 1U) << "the base model would say good";
    }
    EXPECT_EQ(scored[1].finish, "given");
    EXPECT_EQ(scored[1].stats.size(), 2U);
    EXPECT_NE(scored[3].failure.find("not shared by the two vocabularies"), std::string::npos) << scored[3].failure;
    EXPECT_TRUE(scored[3].stats.empty());
    ASSERT_FALSE(steps.empty());
    EXPECT_EQ(steps.back().positions, 3U * 5 + 2);
}

TEST_F(ShiftRunTest, the_aligned_model_answers_and_both_models_score_its_tokens) {
    const ShiftOutcome outcome = run();
    EXPECT_EQ(outcome.progress.done, 5U);
    const ordered_json record = records().at("0");
    EXPECT_EQ(record["answer"], "gold");
    EXPECT_EQ(record["finish_reason"], "stop");
    EXPECT_EQ(record["instruction"], "query 0");
    EXPECT_EQ(record["topic"], ordered_json({"stem"}));
    EXPECT_EQ(record["answer_ids"], ordered_json({'g', 'o', 'l', 'd', test::kEndOfText}));
    EXPECT_EQ(record["pieces"], ordered_json({"g", "o", "l", "d", "<eos>"}));
    EXPECT_EQ(record["aligned_rank"], ordered_json({1, 1, 1, 1, 1}));
    // The base model wants "o" at place 2: "l" ties with all others and stands behind "o" and the smaller ids.
    EXPECT_EQ(record["base_rank"], ordered_json({1, 1, 'l' + 2, 1, 1}));
    EXPECT_EQ(record["base_argmax"][2], 'o');
    EXPECT_EQ(record["kl_ab"][0], 0.0);
    EXPECT_GT(record["kl_ab"][2], 9.0);
    EXPECT_EQ(record["base_top"][2][0][0], 'o');
    EXPECT_EQ(record["base_top"][2].size(), options_.top_k);
    EXPECT_EQ(record["top_pieces"][std::to_string('o')], "o");
    EXPECT_EQ(record["original"]["jaccard10"].size(), 5U);
}

TEST_F(ShiftRunTest, given_answers_give_the_same_records_as_written_ones) {
    run();
    const auto written = records();
    for (ShiftItem& item : items_) item.answer_ids = written.at(item.id)["answer_ids"].get<std::vector<Token>>();
    options_.folder = folder_ / "given";
    run();
    for (auto& [id, record] : records()) {
        for (const auto& [name, value] : record.items()) {
            if (name == "key" || name == "finish_reason") continue;
            EXPECT_EQ(value, written.at(id).at(name)) << name;
        }
        EXPECT_EQ(record["finish_reason"], "given");
    }
}

TEST_F(ShiftRunTest, answers_longer_than_a_batch_are_scored_whole) {
    std::string long_answer;
    for (int i = 0; i < 300; ++i) long_answer += static_cast<char>('a' + i % 26);
    base_.model = aligned_.model = model_that_says(long_answer);
    items_.resize(2);
    for (ShiftItem& item : items_) item.answer_text = long_answer;
    items_[1].answer_text = long_answer.substr(0, 100) + "!" + long_answer.substr(101);
    run();
    const auto found = records();
    EXPECT_EQ(found.at("0")["base_rank"], ordered_json(std::vector<int>(300, 1)));
    for (std::size_t i = 0; i < 300; ++i) EXPECT_EQ(found.at("1")["base_rank"][i] == 1, i != 100) << i;
}

TEST_F(ShiftRunTest, a_prompt_longer_than_a_batch_is_read_in_parts) {
    items_.resize(1);
    items_[0].conversation.query = std::string(1000, 'x');
    run();
    EXPECT_EQ(records().at("0")["answer"], "gold");
}

TEST_F(ShiftRunTest, a_model_against_itself_has_no_shift) {
    base_.model = aligned_.model;
    run();
    for (const auto& [id, record] : records()) {
        for (std::size_t i = 0; i < record["answer_ids"].size(); ++i) {
            EXPECT_EQ(record["kl_ab"][i], 0.0);
            EXPECT_EQ(record["base_rank"][i], 1);
        }
    }
}

TEST_F(ShiftRunTest, an_answer_ends_at_max_tokens) {
    options_.max_tokens = 2;
    run();
    EXPECT_EQ(records().at("0")["answer"], "go");
    EXPECT_EQ(records().at("0")["finish_reason"], "length");
}

TEST_F(ShiftRunTest, a_second_run_continues_the_first) {
    auto all = items_;
    items_.resize(2);
    run();
    items_ = all;
    const ShiftOutcome outcome = run();
    EXPECT_EQ(outcome.resumed, 2U);
    EXPECT_EQ(records().size(), 5U);
}

TEST_F(ShiftRunTest, a_torn_last_record_is_removed_said_and_made_again) {
    run();
    const auto before = records();
    const fs::path path = records_file(options_.folder);
    fs::resize_file(path, fs::file_size(path) - 20);
    run();
    EXPECT_TRUE(test::contains(notices_, "a torn last record of"));
    EXPECT_EQ(records(), before);
}

TEST_F(ShiftRunTest, an_item_with_another_system_message_is_another_item) {
    items_.resize(1);
    items_[0].conversation.system = "Be brief.";
    run();
    items_[0].conversation.system = "Be long.";
    EXPECT_EQ(run().resumed, 0U);
    EXPECT_EQ(run().resumed, 1U);
}

TEST_F(ShiftRunTest, a_folder_of_another_pair_is_refused) {
    run();
    base_.prompt = generate::in_context_prompt(prompt::builtin("zero-shot"));
    EXPECT_ERROR(run(), ErrorKind::BadInput, "another pair or with other settings: base.prompt.name was \"small\"");
    options_.overwrite = true;
    EXPECT_EQ(run().resumed, 0U);
    EXPECT_EQ(records().size(), 5U);
}

TEST_F(ShiftRunTest, records_of_other_items_are_kept_and_said) {
    run();
    EXPECT_FALSE(test::contains(notices_, "other items"));
    items_.erase(items_.begin() + 1, items_.end());
    add_question(7, "a new query");
    EXPECT_EQ(run().resumed, 1U);
    EXPECT_TRUE(test::contains(notices_, "4 records of other items are in the folder and in the summary")) << notices_;
    EXPECT_EQ(records().size(), 6U);
}

TEST_F(ShiftRunTest, a_field_of_the_input_named_error_does_not_undo_the_answer) {
    for (ShiftItem& item : items_) item.fields["error"] = "of the input";
    run();
    EXPECT_FALSE(records().at("0").contains("error"));
    EXPECT_EQ(run().resumed, 5U);
    EXPECT_EQ(summarize(records_file(options_.folder)).answers, 5U);
}

TEST_F(ShiftRunTest, a_record_that_stands_twice_counts_once_and_is_said) {
    run();
    const Summary once = summarize(records_file(options_.folder));
    const std::string lines = read_file(records_file(options_.folder));
    write_file_atomic(records_file(options_.folder), lines + lines);
    const Summary twice = summarize(records_file(options_.folder));
    EXPECT_EQ(twice.answers, 5U);
    EXPECT_EQ(twice.positions, once.positions);
    EXPECT_EQ(twice.repeated, 5U);
    EXPECT_TRUE(
        test::contains(summary_context({}, twice).warnings.at(0), "5 records stand in the file more than once"));
    write_csv(options_.folder, folder_ / "all.csv");
    const std::string csv = read_file(folder_ / "all.csv");
    EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(csv, '\n')), 1 + once.positions);
    EXPECT_EQ(run().progress.done, 5U);
    EXPECT_TRUE(test::contains(notices_, "5 records stand there more than once")) << notices_;
}

TEST_F(ShiftRunTest, items_without_ids_in_another_order_are_refused) {
    for (ShiftItem& item : items_) item.fields.erase("id");
    run();
    EXPECT_EQ(run().resumed, 5U);
    std::swap(items_[1].conversation, items_[3].conversation);
    EXPECT_ERROR(run(), ErrorKind::BadInput, "a record that is there has the id");
}

TEST_F(ShiftRunTest, what_moves_the_logits_belongs_to_the_identity_of_a_folder) {
    run();
    options_.session.flash_attention = engine::SessionOptions::FlashAttention::Off;
    EXPECT_ERROR(run(), ErrorKind::BadInput, "flash_attention was \"auto\" and is now \"off\"");
    options_.session.flash_attention = engine::SessionOptions::FlashAttention::Auto;
    edit_identity([](ordered_json& identity) { identity["engine"]["version"] = "another"; });
    EXPECT_ERROR(run(), ErrorKind::BadInput, "engine.version was \"another\" and is now \"");
}

TEST_F(ShiftRunTest, numbers_of_an_earlier_arithmetic_are_not_continued) {
    run();
    edit_identity([](ordered_json& identity) { identity["base"]["model"].erase("arithmetic_version"); });
    EXPECT_ERROR(run(), ErrorKind::BadInput, "base.model.arithmetic_version is not stated and is now 1");
}

TEST_F(ShiftRunTest, an_entry_that_only_one_of_run_and_folder_has_is_a_difference) {
    run();
    edit_identity([](ordered_json& identity) { identity.erase("flash_attention"); });
    EXPECT_ERROR(run(), ErrorKind::BadInput, "flash_attention is not stated and is now \"auto\"");
    edit_identity([](ordered_json& identity) {
        identity["flash_attention"] = "auto";
        identity["sampling"] = 1;
    });
    EXPECT_ERROR(run(), ErrorKind::BadInput, "sampling was 1 and is no longer stated");
}

TEST_F(ShiftRunTest, records_without_a_manifest_are_refused) {
    run();
    fs::remove(manifest_file(options_.folder));
    EXPECT_ERROR(run(), ErrorKind::BadInput, "has content but no manifest");
}

TEST_F(ShiftRunTest, what_is_not_proved_to_be_a_run_is_not_touched_whatever_the_options) {
    fs::create_directory(options_.folder);
    for (const bool overwrite : {false, true}) {
        options_.overwrite = overwrite;
        for (const char* name : {"records.jsonl", "manifest.json", "summary.md", "summary.json"}) {
            const fs::path file = options_.folder / name;
            std::ofstream(file) << "somebody's\nnotes";
            EXPECT_ERROR(run(), ErrorKind::BadInput, name);
            EXPECT_EQ(read_file(file), "somebody's\nnotes");
            EXPECT_EQ(std::distance(fs::directory_iterator(options_.folder), fs::directory_iterator()), 1);
            fs::remove(file);
        }
    }
}

TEST_F(ShiftRunTest, a_record_that_a_power_cut_destroyed_is_set_aside_said_and_made_again) {
    run();
    const auto expected = records();
    std::string text = read_file(records_file(options_.folder));
    text.replace(text.find('\n') + 5, 30, 30, '\0');
    write_file_atomic(records_file(options_.folder), text);
    EXPECT_EQ(run().resumed, 4U);
    EXPECT_EQ(records(), expected);
    EXPECT_NE(notices_.find("1 damaged records were moved to"), std::string::npos) << notices_;
}

TEST_F(ShiftRunTest, an_answer_longer_than_the_context_fails_alone_and_is_tried_again) {
    aligned_.model = model_that_says("gold", /*context=*/200);
    items_[1].conversation.query = std::string(300, 'x');
    EXPECT_EQ(run().progress.failed, 1U);
    EXPECT_TRUE(test::contains(records().at("1")["error"].get<std::string>(), "more than the context of 200"));
    items_[1].conversation.query = "short";
    EXPECT_EQ(run().progress.failed, 0U);
    EXPECT_EQ(records().size(), 5U);
    EXPECT_EQ(records().at("1")["answer"], "gold");
}

TEST_F(ShiftRunTest, ids_outside_the_vocabulary_are_named) {
    items_[3].answer_ids = {'a', 258};
    EXPECT_ERROR(run(), ErrorKind::BadInput, "item 3 (line 0): answer_ids[1] is 258");
    items_[3].answer_ids = {'a', -1};
    EXPECT_ERROR(run(), ErrorKind::BadInput, "answer_ids[1] is -1");
}

TEST_F(ShiftRunTest, vocabularies_that_differ_are_refused_with_number_and_examples) {
    base_.model = std::make_shared<OtherVocabulary>(base_.model, 'z');
    EXPECT_ERROR(run(), ErrorKind::BadInput, "differ in 1 token ids");
    EXPECT_ERROR(run(), ErrorKind::BadInput, "122 is \"Z\" in the base and \"z\" in the aligned model");
    EXPECT_ERROR(run(), ErrorKind::BadInput, "--allow-vocab-mismatch 1 compares the rest");
}

TEST_F(ShiftRunTest, two_wholly_different_vocabularies_are_not_to_be_compared_all_the_same) {
    base_.model = std::make_shared<OtherVocabulary>(base_.model, OtherVocabulary::kAll);
    try {
        run();
        FAIL() << "no error";
    } catch (const Error& failure) {
        EXPECT_TRUE(test::contains(failure.what(), "differ in 258 token ids"));
        EXPECT_TRUE(test::contains(failure.what(), "take two models of one family"));
        EXPECT_FALSE(test::contains(failure.what(), "--allow-vocab-mismatch"));
    }
}

TEST_F(ShiftRunTest, an_allowed_mismatch_leaves_the_different_ids_out_of_both_distributions) {
    const std::string answer(150, 'g');  // more rows than the base model waits for
    aligned_.model = model_that_says(answer);
    base_.model = std::make_shared<OtherVocabulary>(model_that_says(std::string(150, 'z')), 'z');
    options_.allowed_vocabulary_mismatch = 1;
    options_.parallel = 3;
    options_.max_tokens = 200;
    run();
    for (const auto& [id, record] : records()) {
        EXPECT_EQ(record["answer"], answer);
        EXPECT_EQ(record["base_rank"].size(), answer.size() + 1);
        for (std::size_t i = 0; i < answer.size(); ++i) {
            // Without "z" the base model has no favourite: all other tokens tie, and the smaller ids stand before "g".
            EXPECT_EQ(record["base_rank"][i], 'g' + 1) << id << " at " << i;
        }
    }
}

TEST_F(ShiftRunTest, an_answer_fails_at_a_token_that_the_base_model_does_not_know) {
    aligned_.model = model_that_says("zz");
    base_.model = std::make_shared<OtherVocabulary>(base_.model, 'z');
    options_.allowed_vocabulary_mismatch = 1;
    EXPECT_EQ(run().progress.failed, 5U);
    EXPECT_TRUE(test::contains(notices_, "token 122 (\"z\") at position 0, which the two vocabularies do not share"));
    items_[0].answer_ids = {'z'};
    items_.resize(1);
    options_.overwrite = true;
    EXPECT_EQ(run().progress.failed, 1U);
    EXPECT_TRUE(test::contains(notices_, "token 122 of the answer is not shared"));
}

TEST_F(ShiftRunTest, an_end_that_only_the_aligned_model_knows_ends_the_answer_and_is_not_compared) {
    base_.model = std::make_shared<OtherVocabulary>(base_.model, test::kEndOfText);
    options_.allowed_vocabulary_mismatch = 1;
    EXPECT_EQ(run().progress.done, 5U);
    for (ShiftItem& item : items_) item.answer_ids = {'g', 'o', 'l', 'd', test::kEndOfText};
    options_.folder = folder_ / "given";
    EXPECT_EQ(run().progress.done, 5U);
    for (const char* name : {"run", "given"}) {
        options_.folder = folder_ / name;
        EXPECT_EQ(records().at("0")["answer_ids"], ordered_json({'g', 'o', 'l', 'd'})) << name;
        EXPECT_EQ(records().at("0")["base_rank"].size(), 4U) << name;
    }
}

TEST_F(ShiftRunTest, long_written_answers_of_any_width_are_scored_as_given_ones_are) {
    std::string answer;
    for (int i = 0; i < 180; ++i) answer += static_cast<char>('a' + i % 7);
    aligned_.model = model_that_says(answer);
    options_.max_tokens = 150;
    for (int i = 5; i < 80; ++i) add_question(i, "query " + std::to_string(i));
    std::map<std::string, ordered_json> first;
    for (const int parallel : {16, 1, 3, 40, 70}) {
        options_.parallel = parallel;
        options_.folder = folder_ / std::to_string(parallel);
        EXPECT_EQ(run().progress.done, 80U);
        auto written = records();
        if (first.empty()) first = written;
        EXPECT_EQ(written, first) << parallel << " at a time";
    }
    for (std::size_t i = 0; i < items_.size(); i += 2) {  // given and written answers at once
        items_[i].answer_ids = first.at(items_[i].id)["answer_ids"].get<std::vector<Token>>();
    }
    options_.folder = folder_ / "mixed";
    EXPECT_EQ(run().progress.done, 80U);
    for (const auto& [id, record] : records()) {
        EXPECT_EQ(record["base_rank"], first.at(id)["base_rank"]);
        EXPECT_EQ(record["kl_ab"], first.at(id)["kl_ab"]);
        EXPECT_EQ(record["aligned_top"], first.at(id)["aligned_top"]);
    }
}

TEST_F(ShiftRunTest, statistics_that_are_computed_beside_the_next_batch_are_the_same) {
    std::string answer;
    for (int i = 0; i < 130; ++i) answer += static_cast<char>('a' + i % 7);
    const auto model = [&](const std::string& text, bool elsewhere) {
        auto made = model_that_says(text);
        made->set_shading(true);
        made->set_elsewhere(elsewhere);
        return made;
    };
    options_.max_tokens = 120;
    for (int i = 5; i < 60; ++i) add_question(i, "query " + std::to_string(i));
    for (std::size_t i = 0; i < items_.size(); i += 3) items_[i].answer_text = answer.substr(i, 20 + i);
    std::map<std::string, ordered_json> here;
    for (const bool elsewhere : {false, true}) {
        base_.model = model("good", elsewhere);
        aligned_.model = model(answer, elsewhere);
        for (const int parallel : elsewhere ? std::vector{16, 70} : std::vector{16}) {
            options_.parallel = parallel;
            options_.folder = folder_ / (std::to_string(parallel) + (elsewhere ? " elsewhere" : ""));
            EXPECT_EQ(run().progress.done, 60U);
            if (here.empty()) here = records();
            EXPECT_EQ(records(), here) << parallel << " at a time" << (elsewhere ? ", elsewhere" : "");
        }
    }
    for (ShiftItem& item : items_) {  // all given: the base model goes beside the aligned one
        item.answer_ids = here.at(item.id)["answer_ids"].get<std::vector<Token>>();
        item.answer_text.reset();
    }
    options_.folder = folder_ / "given";
    EXPECT_EQ(run().progress.done, 60U);
    for (const auto& [id, record] : records()) EXPECT_EQ(record["kl_ab"], here.at(id)["kl_ab"]);
}

TEST_F(ShiftRunTest, a_run_whose_statistics_lag_is_stopped_and_goes_on) {
    const auto base = model_that_says("good");
    const auto aligned = model_that_says("gold");
    for (const auto& model : {base, aligned}) model->set_elsewhere(true);
    base_.model = base;
    aligned_.model = aligned;
    options_.parallel = 2;
    int steps = 0;
    options_.interrupted = [&] { return ++steps == 14; };
    EXPECT_TRUE(run().interrupted);
    const std::size_t before = records().size();
    EXPECT_GT(before, 0U);
    EXPECT_LT(before, 5U);
    options_.interrupted = nullptr;
    EXPECT_EQ(run().resumed, before);
    EXPECT_EQ(records().size(), 5U);
}

TEST_F(ShiftRunTest, a_run_stopped_in_the_middle_of_a_step_goes_on_later) {
    for (const int stopped_at : {1, 2, 5}) {
        int asked = 0;
        options_.session.watch.cancelled = [&] { return ++asked >= stopped_at; };
        EXPECT_TRUE(run().interrupted) << stopped_at;
    }
    options_.session.watch.cancelled = nullptr;
    const ShiftOutcome last = run();
    EXPECT_FALSE(last.interrupted);
    EXPECT_EQ(last.progress.done, last.progress.total);
    EXPECT_EQ(records().size(), last.progress.total);
}

TEST_F(ShiftRunTest, added_tokens_may_be_left_out) {
    aligned_.model = std::make_shared<OtherVocabulary>(aligned_.model, OtherVocabulary::kOneMore);
    EXPECT_ERROR(run(), ErrorKind::BadInput, "258 is nothing in the base and \"<extra>\" in the aligned model");
    options_.allowed_vocabulary_mismatch = 1;
    run();
    EXPECT_EQ(records().at("0")["answer"], "gold");
}

TEST_F(ShiftRunTest, an_interrupted_run_keeps_what_is_done_and_goes_on_later) {
    options_.parallel = 1;
    int steps = 0;
    options_.interrupted = [&] { return ++steps == 7; };
    EXPECT_TRUE(run().interrupted);
    EXPECT_EQ(records().size(), 1U);
    options_.interrupted = nullptr;
    EXPECT_EQ(run().resumed, 1U);
    EXPECT_EQ(records().size(), 5U);
}

TEST_F(ShiftRunTest, an_answer_that_is_watched_is_scored_token_by_token) {
    const Scorer scorer(base_, aligned_, 0);
    ScoreOptions options;
    std::vector<std::uint64_t> scored_after;  // each step
    options.progress = [&](const ScoreProgress& progress) { scored_after.push_back(progress.positions); };
    const ShiftItem* const item = items_.data();
    const auto score = [&] {
        scored_after.clear();
        scorer.score(
            std::span(&item, 1), options, [] {}, [](std::size_t, ScoredAnswer&&) {});
        return scored_after;
    };
    options.live = true;
    EXPECT_EQ(score(), (std::vector<std::uint64_t>{1, 2, 3, 4, 5})) << "four letters and the end";
    options.live = false;
    EXPECT_EQ(score(), (std::vector<std::uint64_t>{0, 0, 0, 0, 5})) << "the base model reads them together";
}

TEST_F(ShiftRunTest, the_csv_has_a_row_for_every_position) {
    items_.resize(1);
    run();
    write_csv(options_.folder, folder_ / "out.csv");
    const std::string csv = read_text_file(folder_ / "out.csv");
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 5);
    EXPECT_TRUE(test::begins_with(csv, "id,position,token,piece,class,base_rank,"));
    EXPECT_TRUE(test::contains(csv, "\n0,2,108,l,shifted,110,1,"));
}

TEST_F(ShiftRunTest, statistics_survive_writing_and_reading) {
    run();
    std::size_t count = 0;
    for_each_record(records_file(options_.folder), [&](ShiftRecord&& record) {
        ++count;
        EXPECT_EQ(record.answer_ids.size(), 5U);
        EXPECT_EQ(record.base_rank[2], static_cast<std::uint32_t>('l' + 2));
        EXPECT_EQ(record.base_argmax[2], 'o');
        EXPECT_EQ(record.base_top[2].size(), options_.top_k);
        EXPECT_EQ(record.base_top[2][0].token, 'o');
        EXPECT_TRUE(std::ranges::count(record.top_pieces, std::pair<Token, std::string>('o', "o")));
        EXPECT_EQ(record.js[0], 0.0);
        EXPECT_EQ(record.tags, std::vector<std::string>{"topic: stem"});
    });
    EXPECT_EQ(count, 5U);
}

TEST_F(ShiftRunTest, the_summary_of_a_run_that_is_still_writing_is_that_of_its_whole_records) {
    run();
    const Summary whole = summarize(records_file(options_.folder));
    std::ofstream(records_file(options_.folder), std::ios::app) << "{\"id\": \"torn\", \"answer_ids\": [1";
    EXPECT_EQ(summarize(records_file(options_.folder)).positions, whole.positions);
    std::ofstream(records_file(options_.folder), std::ios::app) << "\n";
    EXPECT_ERROR(summarize(records_file(options_.folder)), ErrorKind::BadInput, "records.jsonl:6: not a JSON record");
}

TEST(Rounded, keeps_six_digits_and_turns_infinities_into_null) {
    EXPECT_EQ(rounded(1.23456789e-7).dump(), "1.23457e-07");
    EXPECT_EQ(rounded(-0.1).dump(), "-0.1");
    EXPECT_TRUE(rounded(-HUGE_VAL).is_null());
}

}  // namespace
}  // namespace urial::shift
