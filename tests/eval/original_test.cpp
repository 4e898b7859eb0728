#include "eval/original.h"

#include <fstream>

#include "eval_testing.h"
#include "support/sanitizer.h"

namespace urial::eval {
namespace {

RenderedRequest request(const std::string& prompt, const std::string& instruction, std::vector<std::string> outputs) {
    return {"score_multi", prompt, instruction, std::move(outputs), {"a"}, "here"};
}

TEST(RecoverTemplate, texts_that_occur_by_chance_do_not_mislead) {
    // "a" and "b" stand in the literal text as well, and the answer repeats the instruction.
    const std::vector<RenderedRequest> requests{request("rate a: a, b: b.", "a", {"b"}),
                                                request("rate a: what?, b: I ask what?.", "what?", {"I ask what?"})};
    EXPECT_EQ(recover_template(requests), "rate a: {{instruction}}, b: {{output}}.");
}

TEST(RecoverTemplate, two_answers_are_told_apart) {
    const std::vector<RenderedRequest> requests{request("Q x A y B y!", "x", {"y", "y"}),
                                                request("Q q1 A one B two!", "q1", {"one", "two"})};
    EXPECT_EQ(recover_template(requests), "Q {{instruction}} A {{output_a}} B {{output_b}}!");
}

TEST(RecoverTemplate, what_cannot_be_recovered_is_an_error) {
    const std::vector<RenderedRequest> none{request("no such text", "instruction", {"answer"})};
    EXPECT_NE(message_of([&] { recover_template(none); }).find("literally"), std::string::npos);
    const std::vector<RenderedRequest> braces{request("{{ins}}: q1, o1", "q1", {"o1"})};
    EXPECT_NE(message_of([&] { recover_template(braces); }).find("{{"), std::string::npos);
    const TemporaryFolder folder;
    const std::vector<std::filesystem::path> empty{folder.write("empty.json", "[]")};
    EXPECT_NE(message_of([&] { recover_rubrics(empty, "x"); }).find("no request"), std::string::npos);
    // Hundreds of millions of ways to read it, each as long as the prompt.
    const std::vector<RenderedRequest> ambiguous{
        {"pairwise", std::string(1'000, 'a'), "a", {"a", "a"}, {}, "file: record 0"}};
    EXPECT_NE(message_of([&] { recover_template(ambiguous); }).find("too often"), std::string::npos);
    const std::vector<RenderedRequest> few{{"pairwise", std::string(150, 'a'), "a", {"a", "a"}, {}, "a"},
                                           {"pairwise", "b", "b", {"b", "b"}, {}, "b"}};
    EXPECT_NE(message_of([&] { recover_template(few); }).find("too often"), std::string::npos);
    const std::vector<RenderedRequest> brace{request("{q1: o1", "q1", {"o1"})};
    EXPECT_NE(message_of([&] { recover_template(brace); }).find("before what was inserted"), std::string::npos);
}

TEST(OriginalReply, is_repaired_by_the_original_rules) {
    EXPECT_EQ(repair_reply_as_original("Sure:\n```json\n{\"a\": 1}\n```\nBye"), "{\"a\": 1}");
    EXPECT_EQ(repair_reply_as_original(R"({"a": "C:\dir"})"), R"({"a": "C:\\dir"})")
        << "single backslashes are doubled";
    EXPECT_EQ(repair_reply_as_original(R"({"a": "say \\"x\\" \n"})"), R"({"a": "say \"x\" \n"})")
        << "quotes escaped twice are undone, and then nothing is doubled";
    EXPECT_EQ(repair_reply_as_original("N/A"), "N/A");
}

TEST(OriginalReply, quotes_inside_a_reason_before_a_preference_are_escaped) {
    const auto parsed = parse_repaired_as_original(
        "{\"x\": {\"reason\": \"A says \"hi\" twice\",\n \"preference\": \"A\"},\n"
        " \"y\": {\"reason\": \"fine \\\"so\\\"\", \"preference\": \"B\"}}");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->at("x").at("reason"), "A says \"hi\" twice");
    EXPECT_EQ(parsed->at("y").at("reason"), "fine \"so\"");
    EXPECT_FALSE(parse_repaired_as_original("{\"reason\": \"a \"b\" c\", \"score\": \"5\"}"))
        << "scores are not repaired";
    EXPECT_FALSE(parse_repaired_as_original("I cannot judge this."));
}

TEST(OriginalReply, what_our_rules_cannot_read_is_read_by_the_originals) {
    std::vector<EvalRecord> records(3);
    for (EvalRecord& record : records) record.verdicts = {{"a", Unscored{UnscoredReason::SeveralObjects, ""}}};
    records[0].reply = "{\"a\": {\"reason\": \"two\nlines\", \"score\": \"4\"}}";
    records[1].reply = "{\"a\": {\"reason\": \"r\", \"score\": \"9\"}}";
    records[2].reply = "no idea";
    const std::vector<EvalRecord> read = reread_as_original(records);
    EXPECT_EQ(std::get<Score>(read[0].verdicts[0].verdict).value, 4) << "the original removes line breaks";
    EXPECT_EQ(std::get<Unscored>(read[1].verdicts[0].verdict).reason, UnscoredReason::OutOfRange);
    EXPECT_EQ(std::get<Unscored>(read[2].verdicts[0].verdict).reason, UnscoredReason::SeveralObjects);
}

Json raw_record(int id, Json parsed = {}) {
    Json raw{
        {"id", id}, {"input", "question " + std::to_string(id)}, {"output_cand", "an answer"}, {"generator_cand", "m"}};
    raw["eval_config"] = Json{{"mode", "score_multi"}, {"gpt", "judge"}};
    raw["prompt"] = "p";
    raw["result"] = parsed.is_null() ? "N/A" : parsed.dump();
    if (!parsed.is_null()) raw["parsed_result"] = parsed;
    return raw;
}

Json judgement(const std::string& score) {
    Json json = Json::object();
    for (const char* aspect : {"helpfulness", "clarity"}) json[aspect] = Json{{"reason", "r"}, {"score", score}};
    return json;
}

TEST(Import, a_failed_request_is_unscored_for_every_aspect) {
    const TemporaryFolder folder;
    const std::vector<std::filesystem::path> files{
        folder.write_gzip("a.json.gz", Json::array({raw_record(1, judgement("4")), raw_record(2)}).dump())};
    const ImportReport report = import_judgements(files, folder.path() / "run");
    EXPECT_EQ(report.records, 2U);
    EXPECT_EQ(report.unscored, 1U);
    const EvalRun run = load_run(folder.path() / "run");
    ASSERT_EQ(run.records[1].verdicts.size(), 2U);
    EXPECT_EQ(std::get<Unscored>(run.records[1].verdicts[1].verdict).reason, UnscoredReason::RequestFailed);
    EXPECT_EQ(report_as_original(run.records).total, 1U);
}

TEST(Import, a_score_outside_the_scale_is_unscored_with_its_text) {
    std::map<std::string, std::vector<std::string>> aspects;
    const std::vector<EvalRecord> records{record_from_raw(raw_record(1, judgement("7")), aspects),
                                          record_from_raw(raw_record(2, judgement("4")), aspects)};
    EXPECT_EQ(std::get<Unscored>(records[0].verdicts[0].verdict).raw, "7");
    EXPECT_EQ(report_as_original(records).means.at(0).second, 4.0);
}

TEST(Import, one_judgement_in_two_files_is_an_error_that_names_both) {
    const TemporaryFolder folder;
    const std::string text = Json::array({raw_record(1, judgement("4"))}).dump();
    const std::vector<std::filesystem::path> files{folder.write("first.json", text), folder.write("second.json", text)};
    const std::string message = message_of([&] { import_judgements(files, folder.path() / "run"); });
    EXPECT_NE(message.find("second.json: record 0"), std::string::npos) << message;
    EXPECT_NE(message.find("first.json"), std::string::npos) << message;
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "run" / kManifestFile)) << "half a run must not look like one";
}

TEST(Import, items_give_tags_and_must_be_the_instructions_that_were_judged) {
    const TemporaryFolder folder;
    const auto raw = folder.write("raw.json", Json::array({raw_record(1, judgement("4"))}).dump());
    const auto items =
        folder.write("items.jsonl", R"({"id": 1, "instruction": "question 1", "task": ["math"], "dataset": "lima"})");
    const auto wrong = folder.write("wrong.jsonl", R"({"id": 1, "instruction": "another"})");
    const std::vector<std::filesystem::path> files{raw, items};
    EXPECT_EQ(import_judgements(files, folder.path() / "run").tagged, 1U);
    EXPECT_EQ(load_run(folder.path() / "run").records[0].item.task, std::vector<std::string>{"math"});
    const std::string message =
        message_of([&] { import_judgements(std::span(&raw, 1), folder.path() / "other", {.items = wrong}); });
    EXPECT_NE(message.find("another instruction"), std::string::npos) << message;
}

TEST(Import, other_modes_and_missing_fields_are_named) {
    const TemporaryFolder folder;
    const auto fault = [&](Json raw) {
        const auto path = folder.write("raw.json", Json::array({std::move(raw)}).dump());
        return message_of([&] { import_judgements(std::span(&path, 1), folder.path() / "run"); });
    };
    Json reward = raw_record(1);
    reward["eval_config"]["mode"] = "reward";
    EXPECT_NE(fault(reward).find("mode \"reward\""), std::string::npos);
    Json incomplete = raw_record(1);
    incomplete.erase("output_cand");
    EXPECT_NE(fault(incomplete).find("no \"output_cand\""), std::string::npos);
    EXPECT_NE(fault(Json{{"instruction", "x"}}).find("only items"), std::string::npos);
}

/// Peak resident memory of this process in MB (Linux).
double peak_memory_mb() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
    }
    return 0;
}

TEST(Import, a_hundred_megabytes_are_streamed_in_bounded_memory) {
    if (test::is_sanitized()) GTEST_SKIP() << "sanitizers need memory of their own";
    const TemporaryFolder folder;
    const auto path = folder.path() / "big.json";
    {
        std::ofstream file(path);
        Json raw = raw_record(0, judgement("4"));
        raw["output_cand"] = std::string(100'000, 'x');
        for (int id = 0; id < 1000; ++id) {
            raw["id"] = id;
            file << (id == 0 ? "[\n" : ",\n") << raw.dump(2);
        }
        file << "\n]";
    }
    ASSERT_GT(std::filesystem::file_size(path), 100'000'000U);
    const double before = peak_memory_mb();
    EXPECT_EQ(import_judgements(std::span(&path, 1), folder.path() / "run").records, 1000U);
    const double after = peak_memory_mb();
    EXPECT_LT(after - before, 200);
}

}  // namespace
}  // namespace urial::eval
