#include "app/batch_files.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/answerers.h"
#include "base/files.h"
#include "base/hash.h"
#include "support/chat_server.h"
#include "support/expect_error.h"
#include "support/expect_text.h"
#include "support/sandbox.h"

namespace urial::app {
namespace {

using batch::custom_id;
using batch::hash_of_ids;
using batch::read_request_set;
using batch::request_line;
using batch::RequestSet;
using batch::RequestWriter;
using batch::ResultsAnswerer;
using batch::Target;
using nlohmann::ordered_json;
using test::contains;

const std::string kOrgModel = "org/tiny";

/// What the model of these tests writes behind the prompt of a question, were it not stopped.
std::string written_after(const std::string& query) {
    return fmt::format("It is {}.\n```\n\n# Query:\n```\nmore\n```", query);
}

/// What `vllm run-batch` writes.
ordered_json vllm_result(const std::string& id, const std::string& content) {
    ordered_json body{{"id", "chatcmpl-1"}, {"model", kOrgModel}};
    body["choices"] = ordered_json::array(
        {{{"index", 0}, {"message", {{"role", "assistant"}, {"content", content}}}, {"finish_reason", "stop"}}});
    body["usage"] = {{"prompt_tokens", 20}, {"completion_tokens", 5}, {"total_tokens", 25}};
    return {{"id", "vllm-" + id},
            {"custom_id", id},
            {"response", {{"status_code", 200}, {"request_id", "vllm-batch-1"}, {"body", std::move(body)}}},
            {"error", nullptr}};
}

class BatchFilesTest : public ::testing::Test {
protected:
    BatchFilesTest() {
        std::string lines;
        for (int i = 0; i < 6; ++i) lines += fmt::format("{{\"id\": \"q{0}\", \"instruction\": \"thing {0}\"}}\n", i);
        write_file_atomic(folder_ / "in.jsonl", lines);
        export_.model = kOrgModel;
        export_.prompt.prompt = "zero-shot";
        export_.requests = folder_ / "requests.jsonl";
        export_.run.sampling.max_tokens = 40;
        export_.run.origin = {{"input", (folder_ / "in.jsonl").string()},
                              {"input_sha256", sha256_file(folder_ / "in.jsonl")},
                              {"limit", 0},
                              {"shard", "1/1"}};
        import_.requests = export_.requests;
        import_.results = {folder_ / "results.jsonl"};
        import_.run.output = folder_ / "out.jsonl";
        import_.run.notice = [this](std::string_view text) { notices_ += std::string(text) + "\n"; };
    }

    std::vector<generate::Instruction> instructions() const {
        return generate::read_instructions(folder_ / "in.jsonl");
    }
    ExportSummary write_requests() { return export_generation(instructions(), export_, {}); }
    std::vector<ordered_json> requests() const { return lines_of(export_.requests); }

    static std::vector<ordered_json> lines_of(const fs::path& path) {
        std::vector<ordered_json> lines;
        for_each_json_line(path, [&](std::size_t, ordered_json&& line) { lines.push_back(std::move(line)); });
        return lines;
    }

    /// Of request `index` as the engine answers it.
    ordered_json result(std::size_t index) const {
        const ordered_json request = requests().at(index);
        return vllm_result(request.at("custom_id"), written_after(fmt::format("thing {}", index)));
    }
    std::string id(std::size_t index) const { return requests().at(index).at("custom_id"); }

    void write_results(const std::vector<ordered_json>& results, const std::string& tail = "") const {
        std::string text;
        for (const ordered_json& each : results) text += each.dump() + "\n";
        write_file_atomic(folder_ / "results.jsonl", text + tail);
    }
    std::vector<ordered_json> all_results() const {
        std::vector<ordered_json> results;
        for (std::size_t i = 0; i < 6; ++i) results.push_back(result(i));
        return results;
    }

    ImportSummary read_results() const { return import_generation(import_); }

    std::map<std::string, ordered_json> records() const {
        std::map<std::string, ordered_json> by_id;
        for (ordered_json& record : lines_of(import_.run.output)) {
            const std::string name = record.at("id");
            EXPECT_FALSE(by_id.contains(name)) << name << " stands twice";
            by_id[name] = std::move(record);
        }
        return by_id;
    }
    ordered_json manifest() const { return ordered_json::parse(read_file(folder_ / "out.manifest.json")); }

    test::TemporaryFolder folder_;
    GenerationExport export_;
    GenerationImport import_;
    std::string notices_;
};

TEST_F(BatchFilesTest, a_text_to_be_continued_is_for_vllm_the_one_message_of_a_chat_that_passes_it_through) {
    EXPECT_EQ(write_requests().requests, 6U);
    const ordered_json request = requests().at(2);
    EXPECT_EQ(request["method"], "POST");
    EXPECT_EQ(request["url"], "/v1/chat/completions");
    const ordered_json& body = request["body"];
    EXPECT_EQ(body["model"], kOrgModel);
    EXPECT_EQ(
        body["messages"],
        ordered_json::parse(R"([{"role": "user", "content": "# Query:\n```\nthing 2\n```\n\n# Answer:\n```\n"}])"));
    EXPECT_EQ(body["chat_template"], "{% for m in messages %}{{ m.content }}{% endfor %}");
    EXPECT_EQ(body["add_special_tokens"], true);
    EXPECT_EQ(body["return_token_ids"], true);
    EXPECT_EQ(body["max_tokens"], 40);
    EXPECT_EQ(body["temperature"], 0);
    EXPECT_EQ(body["top_k"], -1);
    EXPECT_EQ(body["stop"], ordered_json::parse(R"(["\n# Query:", "\n# Answer:"])"));
    EXPECT_EQ(body["include_stop_str_in_output"], true) << "the answer ends by the prompt's own rules";
}

TEST_F(BatchFilesTest, for_openai_it_is_a_completion_and_an_option_that_it_lacks_is_an_error) {
    export_.target = Target::OpenAi;
    write_requests();
    const ordered_json request = requests().at(0);
    EXPECT_EQ(request["url"], "/v1/completions");
    EXPECT_EQ(request["body"]["prompt"], "# Query:\n```\nthing 0\n```\n\n# Answer:\n```\n");
    EXPECT_FALSE(request["body"].contains("top_k"));
    EXPECT_FALSE(request["body"].contains("return_token_ids"));
    export_.run.sampling.top_k = 5;
    export_.overwrite = true;
    EXPECT_ERROR(write_requests(), ErrorKind::BadInput, "--top-k 5: --target openai");
    EXPECT_EQ(requests().at(0), request) << "what was there stays";
}

TEST_F(BatchFilesTest, an_aligned_model_gets_messages_in_its_own_chat_form) {
    export_.prompt.prompt = "chat";
    export_.prompt.system = "Be brief.";
    write_requests();
    const ordered_json request = requests().at(0);
    EXPECT_EQ(request["url"], "/v1/chat/completions");
    EXPECT_EQ(request["body"]["messages"][0]["role"], "system");
    EXPECT_EQ(request["body"]["messages"][1]["content"], "thing 0");
    EXPECT_FALSE(request["body"].contains("chat_template"));
    EXPECT_FALSE(request["body"].contains("stop"));
}

TEST_F(BatchFilesTest, the_records_are_those_of_a_live_run_and_a_live_run_goes_on_with_them) {
    write_requests();
    std::vector<ordered_json> results = all_results();
    results.erase(results.begin() + 3);
    std::reverse(results.begin(), results.end());
    write_results(results);
    const ImportSummary summary = read_results();
    EXPECT_EQ(summary.results.taken, 5U);
    EXPECT_EQ(summary.results.missing, 1U);
    EXPECT_TRUE(manifest()["finished"].is_null()) << "an answer is missing";

    std::atomic<int> asked = 0;
    test::ChatServer server([&](const test::ChatRequest& request) {
        test::ChatAnswer answer;
        if (request.target == "/v1/models") {
            answer.body = R"({"data": [{"id": "org/tiny", "owned_by": "vllm", "root": "/weights/tiny"}]})";
        } else if (request.target == "/v1/completions") {
            ++asked;
            const std::string prompt = request.body.at("prompt");
            const std::string query = prompt.substr(prompt.find("thing"), 7);
            const ordered_json choice{{"index", 0}, {"text", written_after(query)}, {"finish_reason", "stop"}};
            ordered_json body{{"model", kOrgModel}, {"choices", ordered_json::array({choice})}};
            body["usage"] = {{"prompt_tokens", 20}, {"completion_tokens", 5}};
            answer.body = body.dump();
        } else {
            answer.status = 404;
        }
        return answer;
    });
    ModelChoice model;
    model.model = server.base_url() + "#" + kOrgModel;
    generate::BatchOptions run = export_.run;
    run.notice = import_.run.notice;
    const auto live = [&](const fs::path& output) {
        run.output = output;
        const auto answerer = open_answerer(model, export_.prompt, {.parallel = 2}, {});
        return generate::run_batch(*answerer, instructions(), run);
    };
    const generate::BatchSummary continued = live(import_.run.output);
    EXPECT_EQ(asked, 1) << "the one that was missing";
    EXPECT_EQ(continued.resumed, 5U);
    EXPECT_EQ(manifest()["identity"]["model"]["served"]["root"], "/weights/tiny") << "known since servers were asked";

    const std::map<std::string, ordered_json> joined = records();
    live(folder_ / "live.jsonl");
    std::size_t compared = 0;
    for (ordered_json& record : lines_of(folder_ / "live.jsonl")) {
        ordered_json imported = joined.at(record.at("id"));
        EXPECT_EQ(imported.contains("seconds"), record.at("id") == "q3") << "nobody has measured a file's answers";
        imported.erase("seconds");
        record.erase("seconds");
        EXPECT_EQ(imported.dump(), record.dump());
        EXPECT_EQ(record["output"], fmt::format("It is {}.", record["instruction"].get<std::string>()));
        ++compared;
    }
    EXPECT_EQ(compared, 6U);
    // And the other way round: what is asked live need not be imported.
    import_.run.output = folder_ / "live.jsonl";
    write_results({});
    EXPECT_EQ(read_results().run.progress.done, 6U);
    export_.run.output = folder_ / "live.jsonl";
    export_.requests = folder_ / "rest.jsonl";
    EXPECT_EQ(write_requests().requests, 0U);
}

TEST_F(BatchFilesTest, results_are_counted_by_what_is_wrong_with_them) {
    write_requests();
    ordered_json refused = result(0);
    refused["response"] = {{"status_code", 400}, {"request_id", "r"}, {"body", nullptr}};
    refused["error"] = {{"message", "the prompt is too long"}, {"code", 400}};
    ordered_json broken = result(1);
    broken["response"] = nullptr;
    broken["error"] = {{"code", "batch_expired"}, {"message", "no time was left"}};
    ordered_json foreign = vllm_result("0123456789abcdef", "x");
    ordered_json odd = vllm_result("not a key", "x");
    const ordered_json other_text = vllm_result(id(3), written_after("another thing"));
    write_results({refused, foreign, result(3), result(2), broken, odd, other_text, result(2), ordered_json{{"a", 1}}},
                  "no JSON\n\n\xFF\n" + std::string(100, '[') + "\n" + result(4).dump().substr(0, 60));
    const ImportSummary summary = read_results();
    EXPECT_EQ(summary.results.read, 8U);
    EXPECT_EQ(summary.results.taken, 2U);
    EXPECT_EQ(summary.results.repeated, 2U);
    EXPECT_EQ(summary.results.foreign, 2U);
    EXPECT_EQ(summary.results.failed, 2U);
    EXPECT_EQ(summary.results.missing, 2U);
    EXPECT_EQ(summary.results.unreadable, 5U);
    EXPECT_TRUE(contains(summary.results.first_unreadable, "results.jsonl:9: not a result"));
    EXPECT_TRUE(contains(summary.results.first_failure, "status 400: the prompt is too long"));
    const auto found = records();
    EXPECT_EQ(found.size(), 4U);
    EXPECT_EQ(found.at("q3")["output"], "It is thing 3.") << "the first of two results counts";
    EXPECT_TRUE(found.at("q0")["output"].is_null());
    EXPECT_EQ(found.at("q1")["error"], "no time was left");
    EXPECT_FALSE(found.contains("q4"));
}

TEST_F(BatchFilesTest, a_second_import_of_the_rest_completes_the_run) {
    write_requests();
    ordered_json failed = result(1);
    failed["response"]["status_code"] = 500;
    write_results({failed, result(0)});
    read_results();
    export_.run.output = import_.run.output;
    export_.requests = folder_ / "rest.jsonl";
    const ExportSummary rest = write_requests();
    EXPECT_EQ(rest.requests, 5U) << "the failed one is asked again";
    EXPECT_EQ(rest.answered, 1U);
    write_results({vllm_result(id(0), written_after("thing 1")), vllm_result(id(4), written_after("thing 5")),
                   vllm_result(id(1), written_after("thing 2")), vllm_result(id(3), written_after("thing 4")),
                   vllm_result(id(2), written_after("thing 3"))});
    import_.requests = export_.requests;
    const ImportSummary summary = read_results();
    EXPECT_EQ(summary.run.progress.done, 6U);
    EXPECT_EQ(summary.results.missing, 0U);
    EXPECT_FALSE(manifest()["finished"].is_null());
    for (int i = 0; i < 6; ++i) {
        EXPECT_EQ(records().at(fmt::format("q{}", i))["output"], fmt::format("It is thing {}.", i));
    }
    const std::string before = read_file(import_.run.output);
    EXPECT_EQ(read_results().results.repeated, 5U) << "once more, nothing is new";
    EXPECT_EQ(read_file(import_.run.output), before);
}

TEST_F(BatchFilesTest, a_failure_does_not_count_where_another_result_of_the_request_is_good) {
    write_requests();
    ordered_json failed = result(0);
    failed["response"]["status_code"] = 500;
    std::vector<ordered_json> results = all_results();
    results.insert(results.begin(), failed);
    results.push_back(failed);
    write_results(results);
    const ImportSummary summary = read_results();
    EXPECT_EQ(summary.results.failed, 0U);
    EXPECT_EQ(summary.results.repeated, 1U);
    EXPECT_EQ(summary.run.progress.done, 6U);
}

TEST_F(BatchFilesTest, older_vllm_puts_the_body_into_the_response) {
    write_requests();
    ordered_json old = result(0);
    old["response"] = ordered_json(old["response"]["body"]);
    write_results({old});
    EXPECT_EQ(read_results().results.taken, 1U);
    EXPECT_EQ(records().at("q0")["output"], "It is thing 0.");
}

TEST_F(BatchFilesTest, rows_of_ray_data_are_read_from_a_folder_of_files) {
    write_requests();
    const auto row = [&](std::size_t index, int tokens) {
        return ordered_json{{"custom_id", id(index)},         {"prompt", "..."},
                            {"prompt_token_ids", {1, 2, 3}},  {"num_input_tokens", 3},
                            {"generated_tokens", {4, 5}},     {"generated_text", "Words without an end"},
                            {"num_generated_tokens", tokens}, {"__inference_error__", ""}};
    };
    const fs::path results = folder_ / "ray";
    fs::create_directory(results);
    write_file_atomic(results / "2_000001.json", row(1, 40).dump() + "\n");
    ordered_json failed = row(2, 2);
    failed["generated_text"] = nullptr;
    failed["__inference_error__"] = "ValueError: the prompt is too long";
    write_file_atomic(results / "1_000000.json", row(0, 12).dump() + "\n" + failed.dump() + "\n");
    write_file_atomic(results / "notes.txt", "nothing");
    import_.results = {results};
    const ImportSummary summary = read_results();
    EXPECT_EQ(summary.results.taken, 2U);
    EXPECT_EQ(summary.results.failed, 1U);
    EXPECT_EQ(summary.results.unreadable, 0U);
    EXPECT_EQ(records().at("q0")["output"], "Words without an end");
    EXPECT_EQ(records().at("q0")["finish_reason"], "stop");
    EXPECT_EQ(records().at("q0")["prompt_tokens"], 3);
    EXPECT_EQ(records().at("q1")["finish_reason"], "length") << "as many tokens as it may have";
    EXPECT_TRUE(contains(records().at("q2")["error"].get<std::string>(), "too long"));
}

TEST_F(BatchFilesTest, openai_leaves_out_the_text_at_which_it_stopped) {
    export_.target = Target::OpenAi;
    write_requests();
    ordered_json choice{{"index", 0}, {"text", "It is so.\n\n"}, {"finish_reason", "stop"}};
    ordered_json line{{"id", "batch_req_1"}, {"custom_id", id(0)}, {"error", nullptr}};
    line["response"] = {{"status_code", 200}, {"request_id", "req_1"}};
    line["response"]["body"] = {{"model", "tiny-2026"}, {"choices", ordered_json::array({choice})}};
    ordered_json cut = line;
    cut["custom_id"] = id(1);
    cut["response"]["body"]["choices"][0]["finish_reason"] = "length";
    write_results({line, cut});
    read_results();
    EXPECT_EQ(records().at("q0")["output"], "It is so.") << "the blank lines before a header belong to it";
    EXPECT_EQ(records().at("q1")["output"], "It is so.\n\n") << "there was no header";
    EXPECT_FALSE(records().at("q0").contains("prompt_tokens")) << "nobody has counted them";
    EXPECT_EQ(manifest()["answered_as"], "tiny-2026");
}

TEST_F(BatchFilesTest, an_answer_to_other_prompt_tokens_is_refused) {
    RequestSet set{.kind = "generate", .model = kOrgModel, .generator = "tiny", .custom_ids = {}};
    set.identity = {{"model", "m"}, {"adapters", ordered_json::array()}, {"prompt", "p"}};
    RequestWriter writer(folder_ / "ids.jsonl", false);
    for (std::uint64_t i = 1; i <= 3; ++i) {
        writer.add(request_line(custom_id(i), "/v1/chat/completions", {}), {.prompt_hash = hash_of_ids({2, 105, 7})});
    }
    writer.commit(std::move(set));
    const RequestSet read = read_request_set(folder_ / "ids.jsonl");
    ordered_json same = vllm_result(custom_id(1), "good");
    same["response"]["body"]["prompt_token_ids"] = {2, 105, 7};
    ordered_json other = vllm_result(custom_id(2), "bad");
    other["response"]["body"]["choices"][0]["prompt_token_ids"] = {2, 2, 105, 7};
    write_results({same, other, vllm_result(custom_id(3), "silent")});
    ResultsAnswerer answerer(read, {folder_ / "results.jsonl"}, 40);
    std::map<std::uint64_t, generate::Result> done;
    for (std::uint64_t i = 1; i <= 3; ++i) {
        generate::Question question;
        question.id = i;
        question.on_done = [&done, i](generate::Answer&& answer) { done[i] = std::move(answer.result); };
        answerer.submit(std::move(question));
    }
    answerer.prepare();
    while (answerer.step()) {
    }
    EXPECT_EQ(done.at(1).text, "good");
    ASSERT_TRUE(done.at(2).failure);
    EXPECT_TRUE(contains(done.at(2).failure->what(), "other prompt tokens"));
    EXPECT_EQ(done.at(3).text, "silent");
    EXPECT_EQ(answerer.counts().other_prompt, 1U);
    EXPECT_EQ(answerer.counts().unchecked_prompt, 1U);
    EXPECT_EQ(answerer.counts().failed, 0U);
}

TEST_F(BatchFilesTest, results_of_two_models_are_an_error_and_what_was_taken_stays) {
    write_requests();
    ordered_json stranger = result(1);
    stranger["response"]["body"]["model"] = "org/other";
    write_results({result(0), stranger});
    EXPECT_ERROR(read_results(), ErrorKind::BadInput, "two models, org/tiny and org/other");
    EXPECT_EQ(records().size(), 1U);
}

TEST_F(BatchFilesTest, other_instructions_than_those_that_were_exported_are_refused) {
    write_requests();
    write_results(all_results());
    write_file_atomic(folder_ / "moved.jsonl", read_file(folder_ / "in.jsonl"));
    std::ofstream(folder_ / "in.jsonl", std::ios::app) << "{\"id\": \"new\", \"instruction\": \"x\"}\n";
    EXPECT_ERROR(read_results(), ErrorKind::BadInput, "not the instructions that were exported");
    import_.input = folder_ / "moved.jsonl";
    EXPECT_EQ(read_results().run.progress.done, 6U);
}

TEST_F(BatchFilesTest, what_is_not_a_file_of_requests_is_never_replaced) {
    write_file_atomic(export_.requests, "mine\n");
    export_.overwrite = true;
    EXPECT_ERROR(write_requests(), ErrorKind::BadInput, "nothing proves");
    EXPECT_EQ(read_file(export_.requests), "mine\n");
    fs::remove(export_.requests);
    write_requests();
    EXPECT_EQ(write_requests().requests, 6U);
    export_.overwrite = false;
    EXPECT_ERROR(write_requests(), ErrorKind::BadInput, "--overwrite");
    write_file_atomic(folder_ / "requests.manifest.json", R"({"format": "urial.requests/1"})");
    EXPECT_ERROR(read_results(), ErrorKind::BadInput, "requests.manifest.json: ");
}

TEST_F(BatchFilesTest, shards_of_the_requests_make_one_file_of_records) {
    for (const char* shard : {"1/2", "2/2"}) {
        export_.requests = folder_ / "shard.jsonl";
        export_.overwrite = true;
        export_.run.origin["shard"] = shard;
        const auto part = generate::select(instructions(), 0, generate::parse_shard(shard));
        EXPECT_EQ(export_generation(part, export_, {}).requests, 3U);
        std::vector<ordered_json> results;
        for (const ordered_json& request : requests()) {
            const std::string content = request["body"]["messages"][0]["content"];
            results.push_back(
                vllm_result(request["custom_id"], written_after(content.substr(content.find("thing"), 7))));
        }
        write_results(results);
        import_.requests = export_.requests;
        EXPECT_EQ(read_results().results.taken, 3U);
    }
    EXPECT_EQ(records().size(), 6U);
    EXPECT_EQ(records().at("q5")["output"], "It is thing 5.");
}

}  // namespace
}  // namespace urial::app
