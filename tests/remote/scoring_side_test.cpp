// Runs of `shift` with models on scripted servers (scoring_testing.h), whose numbers are known beforehand.

#include "remote/scoring_side.h"

#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "base/mutex.h"
#include "remote/scoring_testing.h"
#include "shift/record.h"
#include "shift/summary.h"
#include "support/expect_error.h"
#include "support/expect_text.h"
#include "support/sandbox.h"

namespace urial::remote {
namespace {

using nlohmann::ordered_json;
using test::ChatRequest;
using test::ChatServer;
using test::contains;

/// Two scripted servers, or one and a scripted model here. The aligned model says "gzl", the base model "gol".
class ScoringSideTest : public ::testing::Test {
protected:
    ScoringSideTest() {
        options_.folder = folder_ / "run";
        options_.max_tokens = 50;
        options_.top_k = kListed;
        options_.parallel = 3;
        options_.notice = [this](std::string_view text) { notices_ += std::string(text) + "\n"; };
        for (int i = 0; i < 4; ++i) {
            shift::ShiftItem item;
            item.id = std::to_string(i);
            item.conversation.query = "query " + item.id;
            item.fields = {{"id", i}, {"instruction", item.conversation.query}};
            items_.push_back(std::move(item));
        }
    }

    static std::shared_ptr<ModelServers> servers(const ChatServer& server) {
        return std::make_shared<ModelServers>(options_for({server.base_url()}));
    }
    static std::unique_ptr<ScoringSide> side(
        const ChatServer& server,
        std::shared_ptr<const generate::PromptSource> prompt = generate::in_context_prompt(test::small_prompt())) {
        return std::make_unique<ScoringSide>(servers(server), std::move(prompt));
    }
    static std::unique_ptr<shift::ListedSide> side_here(std::string says) {
        shift::Side local;
        local.model = std::make_shared<test::ScriptedModel>(
            test::answer_after("A: ", [says = std::move(says)](std::string_view) { return says; }));
        local.prompt = generate::in_context_prompt(test::small_prompt());
        return shift::listed_side(std::move(local));
    }

    shift::ShiftOutcome run() {
        const std::unique_ptr<ScoringSide> base = side(base_server_);
        const std::unique_ptr<ScoringSide> aligned = side(aligned_server_, aligned_prompt_);
        return shift::run_shift(*base, *aligned, items_, options_);
    }

    std::map<std::string, ordered_json> records() const {
        std::map<std::string, ordered_json> by_id;
        for (ordered_json& record : records_of(shift::records_file(options_.folder))) {
            const std::string id = record["id"].dump();
            EXPECT_FALSE(by_id.contains(id)) << id;
            by_id[id] = std::move(record);
        }
        return by_id;
    }

    test::TemporaryFolder folder_;
    shift::ShiftOptions options_;
    std::vector<shift::ShiftItem> items_;
    std::string notices_;
    std::shared_ptr<const generate::PromptSource> aligned_prompt_ = generate::in_context_prompt(test::small_prompt());
    ScriptedScores base_scores_{.says = "gol"};
    ScriptedScores aligned_scores_{.says = "gzl"};
    Mutex mutex_;
    std::vector<ChatRequest> asked_ GUARDED_BY(mutex_);  // of the aligned server
    ChatServer base_server_{[this](const ChatRequest& request) { return base_scores_.answer(request); }};
    ChatServer aligned_server_{[this](const ChatRequest& request) {
        const MutexLock lock(mutex_);
        asked_.push_back(request);
        return aligned_scores_.answer(request);
    }};
};

/// Position 1: the aligned model says "z" (0.8), lists "y" (0.1) and "q" (0.05); the base model says "o" (0.8), lists
/// "z" (0.1) and "q" (0.05). "y" is beyond the base model's list, whose last has 1e-5.
double lower_bound_at_1() {
    const double tail = 1 - 0.95 - 7e-5;
    const double left = 1 - 0.15 - 7e-5 - 1e-5;
    return 0.8 * std::log(8) + 0.1 * std::log(0.1 / 1e-5) + tail * std::log(tail / left);
}

void expect_the_scripted_numbers(const ordered_json& record) {
    EXPECT_EQ(record["answer"], "gzl");
    EXPECT_EQ(record["answer_ids"], ordered_json({'g', 'z', 'l', test::kEndOfText}));
    EXPECT_EQ(record["pieces"], ordered_json({"g", "z", "l", "<eos>"}));
    EXPECT_EQ(record["aligned_rank"], ordered_json({1, 1, 1, 1}));
    EXPECT_NEAR(record["aligned_logp"][1].get<double>(), std::log(0.8), 1e-5);
    EXPECT_NEAR(record["base_logp"][1].get<double>(), std::log(0.1), 1e-5);
    EXPECT_NEAR(record["base_logp"][2].get<double>(), std::log(1e-6), 1e-4);
    EXPECT_EQ(record["base_argmax"], ordered_json({'g', 'o', '?', '?'}));
    EXPECT_NEAR(record["base_margin"][0].get<double>(), std::log(8), 1e-5);
    EXPECT_EQ(record["base_top"][1].size(), kListed);
    EXPECT_EQ(record["base_top"][1][1][0], 'z');
    EXPECT_EQ(record["aligned_top"][1][1][0], 'y');
    EXPECT_EQ(record["top_pieces"][std::to_string('y')], "y");
    EXPECT_EQ(record["kl_ab_lower_bound"][0], 0.0);
    EXPECT_NEAR(record["kl_ab_lower_bound"][1].get<double>(), lower_bound_at_1(), 1e-4);
    // Of "z" 0.7 more than under the base model, of "y" nearly 0.1 more; "q" and the seven others are alike.
    EXPECT_NEAR(record["tv_lower_bound"][1].get<double>(), 0.8 - 1e-5, 1e-5);
    EXPECT_NEAR(record["tv_upper_bound"][1].get<double>(), 1 - 0.15 - 7e-5, 1e-5);
    for (const char* absent : {"kl_ab", "kl_ba", "js", "tv", "base_entropy", "aligned_entropy", "original"}) {
        EXPECT_FALSE(record.contains(absent)) << absent;
    }
}

TEST_F(ScoringSideTest, two_models_on_vllm_give_ranks_lists_and_bounds_and_no_divergence) {
    const shift::ShiftOutcome outcome = run();
    EXPECT_EQ(outcome.progress.done, 4U);
    EXPECT_EQ(outcome.progress.positions, 16U);
    const ordered_json record = records().at("2");
    expect_the_scripted_numbers(record);
    EXPECT_EQ(record["base_rank"], ordered_json({1, 2, 77, 77}));
    EXPECT_EQ(record["finish_reason"], "stop");
    EXPECT_TRUE(test::begins_with(record["generator"].get<std::string>(), "tiny+small@"));
}

TEST_F(ScoringSideTest, the_manifest_says_which_servers_and_how_ties_count) {
    run();
    const ordered_json manifest = ordered_json::parse(read_text_file(shift::manifest_file(options_.folder)));
    EXPECT_EQ(manifest["remote"]["aligned"]["servers"][0]["software"], "vLLM");
    EXPECT_EQ(manifest["remote"]["aligned"]["servers"][0]["version"], "0.1");
    EXPECT_EQ(manifest["remote"]["base"]["servers"][0]["address"], base_server_.base_url());
    EXPECT_EQ(manifest["identity"]["base"]["model"]["name"], kModel);
    EXPECT_EQ(manifest["identity"]["base"]["tie_rule"]["beyond"], "the worst of equals");
    EXPECT_FALSE(manifest.contains("engine")) << "nothing was computed here";
}

TEST_F(ScoringSideTest, sglang_gives_the_same_but_for_ranks_beyond_its_list) {
    base_scores_.is_sglang = aligned_scores_.is_sglang = true;
    EXPECT_EQ(run().progress.done, 4U);
    const ordered_json record = records().at("2");
    expect_the_scripted_numbers(record);
    EXPECT_EQ(record["base_rank"], ordered_json({1, 2, nullptr, nullptr}));
    const shift::Summary summary = shift::summarize(shift::records_file(options_.folder));
    EXPECT_DOUBLE_EQ(summary.shares.shifted.value, 0.5);
    EXPECT_DOUBLE_EQ(summary.bins[0].base_rank.value, (1.0 + 2 + 50 + 50) / 4) << "a rank beyond 50 counts as 50";
}

TEST_F(ScoringSideTest, an_aligned_model_on_a_server_is_compared_with_a_base_model_here) {
    const std::unique_ptr<shift::ListedSide> base = side_here("gol");
    const std::unique_ptr<ScoringSide> aligned = side(aligned_server_);
    EXPECT_EQ(shift::run_shift(*base, *aligned, items_, options_).progress.done, 4U);
    const ordered_json record = records().at("1");
    EXPECT_EQ(record["answer_ids"], ordered_json({'g', 'z', 'l', test::kEndOfText}));
    // Here every token but the favourite ties: "z" stands behind "o" and the smaller ids.
    EXPECT_EQ(record["base_rank"][0], 1);
    EXPECT_EQ(record["base_rank"][1], 'z' + 1);
    EXPECT_EQ(record["base_argmax"][1], 'o');
    EXPECT_EQ(record["base_top"][1].size(), kListed);
    EXPECT_EQ(record["aligned_rank"], ordered_json({1, 1, 1, 1}));
    EXPECT_GT(record["kl_ab_lower_bound"][1].get<double>(), 5);
    const ordered_json manifest = ordered_json::parse(read_text_file(shift::manifest_file(options_.folder)));
    EXPECT_TRUE(manifest.contains("engine"));
    EXPECT_EQ(manifest["identity"]["base"]["tie_rule"], "the smaller id first");
    EXPECT_FALSE(manifest["remote"].contains("base"));
}

TEST_F(ScoringSideTest, an_aligned_model_here_is_compared_with_a_base_model_on_a_server) {
    const std::unique_ptr<ScoringSide> base = side(base_server_);
    const std::unique_ptr<shift::ListedSide> aligned = side_here("gzl");
    EXPECT_EQ(shift::run_shift(*base, *aligned, items_, options_).progress.done, 4U);
    const ordered_json record = records().at("1");
    EXPECT_EQ(record["answer_ids"], ordered_json({'g', 'z', 'l', test::kEndOfText}));
    EXPECT_EQ(record["base_rank"], ordered_json({1, 2, 77, 77}));
    EXPECT_EQ(record["aligned_argmax"], ordered_json({'g', 'z', 'l', test::kEndOfText}));
    EXPECT_TRUE(test::begins_with(record["generator"].get<std::string>(), "scripted+small@"));
}

TEST_F(ScoringSideTest, given_answers_are_scored_as_written_ones_are) {
    run();
    const ordered_json written = records().at("0");
    items_.resize(3);
    items_[0].answer_ids = written["answer_ids"].get<std::vector<engine::Token>>();
    items_[1].answer_text = "gzl";
    items_[2].answer_text = "gzl";
    items_[2].answer_ended = true;
    options_.folder = folder_ / "given";
    EXPECT_EQ(run().progress.done, 3U);
    for (const char* list : {"answer_ids", "base_rank", "base_logp", "kl_ab_lower_bound", "aligned_top"}) {
        EXPECT_EQ(records().at("0")[list], written[list]) << list;
    }
    EXPECT_EQ(records().at("0")["finish_reason"], "given");
    EXPECT_EQ(records().at("1")["answer_ids"], ordered_json({'g', 'z', 'l'}));
    EXPECT_TRUE(contains(notices_, "1 given answers have an end, whose token a server does not say")) << notices_;
}

TEST_F(ScoringSideTest, a_chat_side_gets_its_prompt_from_the_server) {
    aligned_prompt_ = generate::server_chat_prompt();
    EXPECT_EQ(run().progress.done, 4U);
    EXPECT_EQ(records().at("0")["answer"], "gzl");
    const MutexLock lock(mutex_);
    const auto chat = std::ranges::find_if(asked_, [](const ChatRequest& r) { return r.body.contains("messages"); });
    ASSERT_NE(chat, asked_.end());
    EXPECT_EQ(chat->target, "/tokenize");
    EXPECT_EQ(chat->body["add_generation_prompt"], true);
    EXPECT_EQ(chat->body["messages"][0], nlohmann::json({{"role", "user"}, {"content", chat->user()}}));
}

TEST_F(ScoringSideTest, a_request_is_greedy_in_token_ids_and_as_long_as_the_list_wants) {
    items_.resize(1);
    run();
    const MutexLock lock(mutex_);
    int written = 0, scored = 0;
    for (const ChatRequest& request : asked_) {
        if (request.target != "/v1/completions") continue;
        EXPECT_EQ(request.body["prompt"][0], test::kBos);
        EXPECT_EQ(request.body["temperature"], 0);
        if (request.body.contains("prompt_logprobs")) {
            ++scored;
            EXPECT_EQ(request.body["prompt_logprobs"], kListed);
            EXPECT_EQ(request.body["max_tokens"], 1);
        } else {
            ++written;
            EXPECT_EQ(request.body["top_k"], -1) << "the server's own defaults must not count";
            EXPECT_EQ(request.body["repetition_penalty"], 1);
        }
    }
    EXPECT_EQ(written, 1);
    EXPECT_EQ(scored, 1);
}

TEST_F(ScoringSideTest, a_long_answer_is_written_in_parts_and_ends_where_the_prompt_says) {
    prompt::PromptSpec spec = test::small_prompt();
    spec.headers = {"Q: "};
    aligned_prompt_ = generate::in_context_prompt(spec);
    aligned_scores_.says = std::string(300, 'a') + "\nQ: more";
    options_.max_tokens = 1000;
    items_.resize(1);
    EXPECT_EQ(run().progress.done, 1U);
    const ordered_json record = records().at("0");
    EXPECT_EQ(record["finish_reason"], "stop");
    EXPECT_EQ(record["answer"], std::string(300, 'a'));
    EXPECT_EQ(record["answer_ids"].size(), 300U + std::string("\nQ: ").size());
    options_.folder = folder_ / "short";
    options_.max_tokens = 200;
    run();
    EXPECT_EQ(records().at("0")["finish_reason"], "length");
    EXPECT_EQ(records().at("0")["answer_ids"].size(), 200U);
}

TEST_F(ScoringSideTest, a_second_run_continues_and_another_model_is_refused) {
    auto all = items_;
    items_.resize(2);
    run();
    items_ = all;
    EXPECT_EQ(run().resumed, 2U);
    EXPECT_EQ(records().size(), 4U);
    options_.top_k = 5;
    EXPECT_ERROR(run(), ErrorKind::BadInput, "top_k was 10 and is now 5");
    options_.top_k = kListed;
    base_scores_.is_sglang = true;
    EXPECT_ERROR(run(), ErrorKind::BadInput, "base.software was \"vLLM\" and is now \"SGLang\"");
}

TEST_F(ScoringSideTest, a_run_that_another_version_continues_says_so) {
    auto all = items_;
    items_.resize(2);
    run();
    EXPECT_FALSE(contains(notices_, "last digits"));
    const fs::path path = shift::manifest_file(options_.folder);
    ordered_json manifest = ordered_json::parse(read_text_file(path));
    manifest["remote"]["aligned"]["servers"][0]["version"] = "0.0.9";
    write_file_atomic(path, manifest.dump());
    items_ = all;
    EXPECT_EQ(run().resumed, 2U);
    EXPECT_TRUE(contains(notices_, "what is there came from vLLM 0.0.9, the rest will come from vLLM 0.1")) << notices_;
}

TEST_F(ScoringSideTest, an_interrupted_run_keeps_what_is_done) {
    options_.parallel = 1;
    options_.interrupted = [&] { return fs::exists(shift::records_file(options_.folder)) && !records().empty(); };
    EXPECT_TRUE(run().interrupted);
    const std::size_t done = records().size();
    EXPECT_GE(done, 1U);
    EXPECT_LT(done, 4U);
    options_.interrupted = nullptr;
    EXPECT_EQ(run().resumed, done);
    EXPECT_EQ(records().size(), 4U);
}

TEST_F(ScoringSideTest, vocabularies_that_cut_texts_differently_are_refused) {
    base_scores_.cut = [](std::string text) { return text.substr(0, text.find("fox")); };
    EXPECT_ERROR(run(), ErrorKind::BadInput, "the vocabularies differ: token 16 of \"The quick brown fox");
    EXPECT_ERROR(run(), ErrorKind::BadInput, "is nothing in the base and 102 in the aligned model");
    EXPECT_FALSE(fs::exists(shift::records_file(options_.folder)));
    base_scores_.cut = nullptr;
    options_.allowed_vocabulary_mismatch = 1;
    EXPECT_ERROR(run(), ErrorKind::BadInput, "--allow-vocab-mismatch 1: a server does not say");
}

TEST_F(ScoringSideTest, a_prompt_that_one_side_cuts_differently_fails_alone) {
    items_[1].conversation.query = "say </s>";
    base_scores_.cut = [](std::string text) {
        const std::size_t found = text.find("</s>");
        return found == std::string::npos ? text : text.erase(found, 4);
    };
    EXPECT_EQ(run().progress.failed, 1U);
    EXPECT_EQ(run().progress.done, 3U);
    EXPECT_TRUE(contains(records().at("1")["error"].get<std::string>(), "the two sides tokenise this differently"));
}

TEST_F(ScoringSideTest, what_does_not_fit_into_a_servers_context_fails_alone) {
    items_[0].conversation.query = std::string(5000, 'x');
    EXPECT_EQ(run().progress.failed, 1U);
    EXPECT_TRUE(contains(records().at("0")["error"].get<std::string>(), "more than the context of 4096 of tiny"));
}

TEST_F(ScoringSideTest, servers_that_score_no_given_tokens_are_refused_with_a_remedy) {
    for (const auto& [owner, remedy] : {std::pair("llamacpp", "give this model as a GGUF file, in this process"),
                                        std::pair("somebody", "serve the model by vLLM or SGLang")}) {
        const ChatServer server([owner = owner](const ChatRequest& request) {
            return request.target == "/v1/models" ? model_list(owner) : reply(404, "");
        });
        EXPECT_ERROR(side(server), ErrorKind::BadInput, remedy);
    }
    aligned_scores_.is_sglang = true;
    EXPECT_ERROR(side(aligned_server_, generate::server_chat_prompt()), ErrorKind::BadInput, "by vLLM");
}

TEST_F(ScoringSideTest, a_list_that_is_longer_than_the_server_gives_ends_the_run_with_the_remedy) {
    const ChatServer limited([&](const ChatRequest& request) {
        if (!request.body.contains("prompt_logprobs")) return base_scores_.answer(request);
        return reply(
            400, R"({"error": {"message": "Requested prompt logprobs of 10, which is greater than max allowed: 5"}})");
    });
    const std::unique_ptr<ScoringSide> base = side(limited);
    const std::unique_ptr<ScoringSide> aligned = side(aligned_server_);
    EXPECT_ERROR(shift::run_shift(*base, *aligned, items_, options_), ErrorKind::BadInput,
                 "start vLLM with --max-logprobs 10");
}

}  // namespace
}  // namespace urial::remote
