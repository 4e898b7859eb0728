// Exports and imports of shift with results as a scripted engine (remote/scoring_testing.h) writes them, against live
// runs with the same models on servers.

#include "app/shift_files.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/hash.h"
#include "prompt/prompt.h"
#include "remote/scoring_testing.h"
#include "support/expect_error.h"
#include "support/expect_text.h"
#include "support/sandbox.h"
#include "support/scripted_model.h"

namespace urial::app {
namespace {

using engine::Token;
using nlohmann::ordered_json;
using remote::ScriptedScores;
using test::contains;

constexpr std::size_t kSamplesOfASide = 8;

/// The tokens that the scripted engine makes of a request: bytes, and one for "<eos>".
std::vector<Token> tokens_read(const ordered_json& body) {
    std::string text;
    for (const ordered_json& message : body["messages"]) {
        const std::string content = message["content"];
        if (body.contains("chat_template")) {
            text += content;
        } else {
            text += message["role"] == "user" ? "U: " + content + "\n" : "A: " + content;
        }
    }
    std::vector<Token> tokens;
    if (body.value("add_special_tokens", true)) tokens.push_back(test::kBos);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_end = text.compare(i, 5, "<eos>") == 0;
        tokens.push_back(is_end ? test::kEndOfText : static_cast<unsigned char>(text[i]));
        if (is_end) i += 4;
    }
    return tokens;
}

/// What `vllm run-batch` writes for a request.
ordered_json result_of(const ordered_json& request, const ScriptedScores& scores) {
    const ordered_json& sent = request["body"];
    const std::vector<Token> tokens = tokens_read(sent);
    ordered_json body{{"id", "chatcmpl-1"}, {"model", sent["model"]}};
    body["choices"] = ordered_json::array(
        {{{"index", 0}, {"message", {{"role", "assistant"}, {"content", "x"}}}, {"finish_reason", "length"}}});
    body["prompt_token_ids"] = tokens;
    if (sent.contains("prompt_logprobs")) {
        body["prompt_logprobs"] = ordered_json::array({nullptr});
        for (std::size_t i = 1; i < tokens.size(); ++i) {
            const std::vector<Token> before(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(i));
            body["prompt_logprobs"].push_back(ordered_json::parse(scores.vllm_position(before, tokens[i]).dump()));
        }
    }
    return {{"custom_id", request["custom_id"]},
            {"response", {{"status_code", 200}, {"body", std::move(body)}}},
            {"error", nullptr}};
}

class ShiftFilesTest : public ::testing::Test {
protected:
    ShiftFilesTest() {
        write_file_atomic(folder_ / "small.toml", prompt::format_spec(test::small_prompt()));
        write_answers(R"("answer_ids": [103, 122, 108, 257], "answer": "gzl", "pieces": ["g", "z", "l", "<eos>"])");
        export_.base = {"org/base", {}, (folder_ / "small.toml").string()};
        export_.aligned = {"org/chat", {}, (folder_ / "small.toml").string()};
        export_.requests = folder_ / "requests.jsonl";
        import_.requests = export_.requests;
        import_.results = {folder_ / "results.jsonl"};
        import_.folder = folder_ / "run";
        import_.notice = [this](std::string_view text) { notices_ += std::string(text) + "\n"; };
    }

    void write_answers(const std::string& answer) {
        std::string lines;
        for (int i = 0; i < 4; ++i) {
            lines += fmt::format("{{\"id\": \"q{0}\", \"instruction\": \"query {0}\", {1}}}\n", i, answer);
        }
        write_file_atomic(folder_ / "answers.jsonl", lines);
        export_.origin = {{"input", (folder_ / "answers.jsonl").string()},
                          {"input_sha256", sha256_file(folder_ / "answers.jsonl")},
                          {"limit", 0},
                          {"shard", "1/1"}};
    }
    std::vector<shift::ShiftItem> items() const { return shift::read_answers(folder_ / "answers.jsonl").items; }
    ExportSummary write_requests(const std::shared_ptr<const engine::Model>& tokenizer = nullptr) const {
        return export_shift(items(), export_, tokenizer, {});
    }
    static std::shared_ptr<const engine::Model> tokenizer() {
        return std::make_shared<test::ScriptedModel>([](std::string_view) { return std::nullopt; });
    }

    /// Of one side: the samples, then the answers.
    std::vector<ordered_json> requests(std::size_t part) const {
        return remote::records_of(shift_request_files(export_.requests).at(part));
    }
    std::vector<ordered_json> results(std::size_t part) const {
        std::vector<ordered_json> all;
        for (const ordered_json& request : requests(part)) {
            all.push_back(result_of(request, part == 0 ? base_ : aligned_));
        }
        return all;
    }
    std::vector<ordered_json> all_results() const {
        std::vector<ordered_json> all = results(0);
        for (ordered_json& result : results(1)) all.push_back(std::move(result));
        return all;
    }
    void write_results(const std::vector<ordered_json>& lines, const std::string& tail = "") const {
        std::string text;
        for (const ordered_json& line : lines) text += line.dump() + "\n";
        write_file_atomic(folder_ / "results.jsonl", text + tail);
    }
    ShiftImportSummary read_results() const { return import_shift(import_, {}); }

    std::map<std::string, ordered_json> records(const fs::path& run) const {
        std::map<std::string, ordered_json> by_id;
        for (ordered_json& record : remote::records_of(shift::records_file(run))) {
            const std::string id = record["id"];
            EXPECT_FALSE(by_id.contains(id)) << id << " stands twice";
            by_id[id] = std::move(record);
        }
        return by_id;
    }
    ordered_json manifest() const { return ordered_json::parse(read_file(shift::manifest_file(import_.folder))); }

    test::TemporaryFolder folder_;
    ScriptedScores base_{.says = "gol"};
    ScriptedScores aligned_{.says = "gzl"};
    ShiftExport export_;
    ShiftImport import_;
    std::string notices_;
};

TEST_F(ShiftFilesTest, each_side_has_a_file_of_texts_that_end_with_the_answer) {
    const ExportSummary summary = write_requests();
    EXPECT_EQ(summary.requests, 2 * (kSamplesOfASide + 4));
    const std::vector<ordered_json> base = requests(0);
    ASSERT_EQ(base.size(), kSamplesOfASide + 4);
    const ordered_json& request = base.at(kSamplesOfASide + 2);
    EXPECT_EQ(request["url"], "/v1/chat/completions");
    const ordered_json& body = request["body"];
    EXPECT_EQ(body["model"], "org/base");
    EXPECT_EQ(body["messages"],
              ordered_json::parse(R"([{"role": "user", "content": "Preamble.\nQ: query 2\nA: gzl<eos>"}])"));
    EXPECT_EQ(body["chat_template"], "{% for m in messages %}{{ m.content }}{% endfor %}");
    EXPECT_EQ(body["add_special_tokens"], true) << "the text begins as the model's texts do";
    EXPECT_EQ(body["prompt_logprobs"], 10);
    EXPECT_EQ(body["return_token_ids"], true);
    EXPECT_EQ(body["max_tokens"], 1);
    EXPECT_EQ(requests(1).at(kSamplesOfASide)["body"]["model"], "org/chat");
    const ordered_json& sample = base.at(0)["body"];
    EXPECT_EQ(sample["messages"][0]["content"], shift::vocabulary_samples()[0]);
    EXPECT_EQ(sample["add_special_tokens"], false);
    EXPECT_FALSE(sample.contains("prompt_logprobs"));
    export_.overwrite = true;
    write_requests();
    EXPECT_EQ(requests(0), base) << "the same export has the same ids";
}

TEST_F(ShiftFilesTest, a_chat_side_continues_the_answer_in_the_models_own_chat_form) {
    export_.aligned.prompt = "chat";
    write_requests();
    const ordered_json body = requests(1).at(kSamplesOfASide)["body"];
    EXPECT_EQ(body["messages"], ordered_json::parse(R"([{"role": "user", "content": "query 0"},
                                                        {"role": "assistant", "content": "gzl<eos>"}])"));
    EXPECT_FALSE(body.contains("chat_template"));
    EXPECT_EQ(body["add_generation_prompt"], false);
    EXPECT_EQ(body["continue_final_message"], true);
    write_results(all_results());
    const ShiftImportSummary summary = read_results();
    EXPECT_EQ(summary.run.progress.done, 4U);
    EXPECT_EQ(records(import_.folder).at("q1")["aligned_rank"], ordered_json({1, 1, 1, 1}));
}

TEST_F(ShiftFilesTest, the_records_are_those_of_a_live_run_and_a_live_run_goes_on_with_them) {
    write_requests();
    std::vector<ordered_json> lines = all_results();
    lines.erase(lines.begin() + kSamplesOfASide + 3);  // q3 of the base side
    std::reverse(lines.begin(), lines.end());
    write_results(lines);
    const ShiftImportSummary summary = read_results();
    EXPECT_EQ(summary.run.progress.done, 3U);
    EXPECT_EQ(summary.run.missing, 1U);
    EXPECT_EQ(summary.results.missing, 1U);
    EXPECT_TRUE(manifest()["finished"].is_null());
    EXPECT_EQ(manifest()["remote"]["base"]["answered_as"], "org/base");

    std::atomic<int> scored = 0;
    const auto serve = [&](const std::string& model, const ScriptedScores& scores) {
        return [&scored, &scores, model](const test::ChatRequest& request) {
            if (request.target == "/v1/completions") ++scored;
            if (request.target != "/v1/models") return scores.answer(request);
            return remote::reply(
                200, fmt::format(R"({{"data": [{{"id": "{}", "owned_by": "vllm", "root": "/w"}}]}})", model));
        };
    };
    test::ChatServer base_server(serve("org/base", base_));
    test::ChatServer aligned_server(serve("org/chat", aligned_));
    PairChoice pair;
    pair.base = {base_server.base_url() + "#org/base", {}, export_.base.prompt};
    pair.aligned = {aligned_server.base_url() + "#org/chat", {}, export_.aligned.prompt};
    const auto live = [&](const fs::path& folder) {
        shift::ShiftOptions options;
        options.folder = folder;
        options.parallel = 1;
        return run_shift(pair, items(), options, {});
    };
    EXPECT_EQ(live(import_.folder).resumed, 3U);
    EXPECT_EQ(scored, 2) << "both sides of the one that was missing";
    EXPECT_FALSE(manifest()["finished"].is_null());
    live(folder_ / "live");
    const auto imported = records(import_.folder);
    const auto expected = records(folder_ / "live");
    ASSERT_EQ(expected.size(), 4U);
    for (const auto& [id, record] : expected) EXPECT_EQ(imported.at(id).dump(), record.dump());
    EXPECT_EQ(expected.at("q0")["base_rank"], ordered_json({1, 2, 77, 77})) << "the scripted numbers";
    // And the other way round: what was asked live need not be imported.
    import_.folder = folder_ / "live";
    write_results({});
    EXPECT_EQ(read_results().run.progress.done, 4U);
    export_.rest_of = folder_ / "live";
    export_.requests = folder_ / "rest.jsonl";
    EXPECT_EQ(write_requests().answered, 4U);
}

TEST_F(ShiftFilesTest, results_are_counted_by_what_is_wrong_with_them) {
    write_requests();
    std::vector<ordered_json> lines = all_results();
    const auto answer = [&](std::size_t part, std::size_t item) -> ordered_json& {
        return lines.at(part * (kSamplesOfASide + 4) + kSamplesOfASide + item);
    };
    ordered_json refused = answer(0, 0);
    refused["response"] = {{"status_code", 400}, {"body", {{"error", {{"message", "prompt too long"}}}}}};
    const ordered_json good = answer(0, 0);
    answer(0, 0) = refused;
    answer(1, 1)["response"]["body"]["prompt_token_ids"].push_back(7);  // the answer's last tokens are others
    answer(0, 2)["response"]["body"].erase("prompt_logprobs");
    ordered_json foreign = answer(0, 3);
    foreign["custom_id"] = "0123456789abcdef";
    lines.push_back(answer(0, 3));
    lines.push_back(foreign);
    write_results(lines, "no JSON\n" + good.dump().substr(0, 50));
    const ShiftImportSummary first = read_results();
    EXPECT_EQ(first.results.read, 2 * (kSamplesOfASide + 4) + 2);
    EXPECT_EQ(first.run.progress.done, 1U);
    EXPECT_EQ(first.results.failed, 2U);
    EXPECT_EQ(first.results.other_prompt, 1U);
    EXPECT_EQ(first.results.repeated, 1U);
    EXPECT_EQ(first.results.foreign, 1U);
    EXPECT_EQ(first.results.unreadable, 2U);
    EXPECT_EQ(first.results.missing, 0U);
    EXPECT_EQ(first.results.unchecked_prompt, 5U) << "there is no tokenizer";
    auto found = records(import_.folder);
    EXPECT_TRUE(contains(found.at("q0")["error"].get<std::string>(), "status 400: prompt too long"));
    EXPECT_TRUE(contains(found.at("q1")["error"].get<std::string>(), "the aligned side read other tokens"));
    EXPECT_TRUE(contains(found.at("q2")["error"].get<std::string>(), "prompt_logprobs"));
    EXPECT_EQ(found.at("q3")["base_rank"], ordered_json({1, 2, 77, 77}));

    // What failed is looked up anew, without the samples too: a good result counts wherever failed ones stand.
    const std::vector<ordered_json> base = results(0);
    const std::vector<ordered_json> aligned = results(1);
    std::vector<ordered_json> rest{refused};
    for (std::size_t i = 0; i < 3; ++i) {
        rest.push_back(base.at(kSamplesOfASide + i));
        rest.push_back(aligned.at(kSamplesOfASide + i));
    }
    rest.push_back(refused);
    write_results(rest);
    const ShiftImportSummary second = read_results();
    EXPECT_EQ(second.run.resumed, 1U);
    EXPECT_EQ(second.run.progress.done, 4U);
    EXPECT_EQ(second.results.failed, 0U);
    EXPECT_EQ(second.results.missing, 0U);
    EXPECT_EQ(second.results.repeated, 1U);
    found = records(import_.folder);
    EXPECT_EQ(found.at("q1")["base_rank"], ordered_json({1, 2, 77, 77}));
    EXPECT_FALSE(manifest()["finished"].is_null());
}

TEST_F(ShiftFilesTest, nothing_is_taken_while_a_side_is_missing) {
    write_requests();
    write_results(results(1));
    const ShiftImportSummary alone = read_results();
    EXPECT_FALSE(alone.is_compared);
    EXPECT_EQ(alone.run.progress.done, 0U);
    EXPECT_EQ(alone.results.missing, 4U) << "those of the base side";
    EXPECT_FALSE(fs::exists(import_.folder));
    write_results(results(0));
    write_file_atomic(folder_ / "aligned.jsonl", [&] {
        std::string text;
        for (const ordered_json& line : results(1)) text += line.dump() + "\n";
        return text;
    }());
    import_.results.push_back(folder_ / "aligned.jsonl");
    EXPECT_EQ(read_results().run.progress.done, 4U);
}

TEST_F(ShiftFilesTest, with_a_tokenizer_texts_are_answers_and_prompts_are_compared) {
    write_answers(R"("output": "gzl")");
    EXPECT_ERROR(write_requests(), ErrorKind::BadInput, "item q0: the answer is a text");
    EXPECT_FALSE(fs::exists(shift_request_files(export_.requests).at(0)));
    write_requests(tokenizer());
    std::vector<ordered_json> lines = all_results();
    ordered_json& twice = lines.at(kSamplesOfASide + 1)["response"]["body"];
    twice["prompt_token_ids"].insert(twice["prompt_token_ids"].begin(), test::kBos);
    twice["prompt_logprobs"].insert(twice["prompt_logprobs"].begin(), nullptr);
    write_results(lines);
    const ShiftImportSummary summary = read_results();
    EXPECT_EQ(summary.results.other_prompt, 1U) << "the text began twice";
    EXPECT_EQ(summary.results.unchecked_prompt, 0U);
    EXPECT_EQ(summary.run.progress.done, 3U);
    EXPECT_EQ(records(import_.folder).at("q0")["answer_ids"], ordered_json({'g', 'z', 'l'}));
    EXPECT_TRUE(contains(records(import_.folder).at("q1")["error"].get<std::string>(), "those of the prompt"));
}

TEST_F(ShiftFilesTest, what_cannot_be_a_text_is_refused_before_anything_is_written) {
    write_answers(R"("answer_ids": [103], "base_prompt_ids": [1, 2])");
    EXPECT_ERROR(write_requests(tokenizer()), ErrorKind::BadInput, "item q0: prompts given as token ids");
    write_answers(R"("answer_ids": [103])");
    EXPECT_ERROR(write_requests(), ErrorKind::BadInput, "item q0: \"answer_ids\" needs its text");
    write_answers(R"("answer_ids": [5000])");
    EXPECT_ERROR(write_requests(tokenizer()), ErrorKind::BadInput, "outside the vocabulary");
    EXPECT_FALSE(fs::exists(shift_request_files(export_.requests).at(0)));
}

TEST_F(ShiftFilesTest, two_vocabularies_and_two_models_on_one_side_are_errors) {
    write_requests();
    std::vector<ordered_json> lines = all_results();
    const ordered_json sample = lines.at(2);
    lines.at(2)["response"]["body"]["prompt_token_ids"][4] = 1;
    write_results(lines);
    EXPECT_ERROR(read_results(), ErrorKind::BadInput, "the vocabularies differ");
    lines.at(2) = sample;
    lines.at(kSamplesOfASide + 1)["response"]["body"]["model"] = "org/other";
    write_results(lines);
    EXPECT_ERROR(read_results(), ErrorKind::BadInput, "base side are of two models, org/base and org/other");
    EXPECT_FALSE(fs::exists(shift::records_file(import_.folder)));
}

TEST_F(ShiftFilesTest, the_same_model_on_both_sides_is_asked_about_two_prompts) {
    export_.aligned.model = "org/base";
    export_.aligned.prompt = "zero-shot";
    write_requests();
    std::vector<ordered_json> lines = results(0);
    for (const ordered_json& request : requests(1)) lines.push_back(result_of(request, base_));
    write_results(lines);
    const ShiftImportSummary summary = read_results();
    EXPECT_EQ(summary.run.progress.done, 4U);
    EXPECT_EQ(summary.results.repeated, kSamplesOfASide) << "the samples are the same requests";
    const ordered_json record = records(import_.folder).at("q0");
    EXPECT_EQ(record["base_rank"], ordered_json({1, 2, 77, 77}));
    EXPECT_EQ(record["aligned_rank"][0], 77) << "the scripted model knows nothing of that prompt";
}

}  // namespace
}  // namespace urial::app
