#include "app/judging_files.h"

#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "eval/judge_testing.h"
#include "support/expect_error.h"
#include "support/expect_text.h"
#include "support/sandbox.h"

namespace urial::app {
namespace {

using nlohmann::ordered_json;
using test::contains;

class JudgingFilesTest : public ::testing::Test {
protected:
    JudgingFilesTest() {
        std::ofstream answers(folder_ / "answers.jsonl");
        for (int i = 0; i < 4; ++i) {
            answers << fmt::format(
                "{{\"id\": \"{0}\", \"instruction\": \"question {0}\", \"output\": \"answer {0}\", \"generator\": "
                "\"g\"}}\n",
                i);
        }
        answers.close();
        write_file_atomic(folder_ / "rubric.toml", eval::format_rubric(eval::test_rubric()));
        const std::string named = (folder_ / "answers.jsonl").string();
        export_.files.answers = {named, named};
        export_.files.rubric = (folder_ / "rubric.toml").string();
        export_.judge = "http://gpu:8000/v1#org/judge";
        export_.requests = folder_ / "requests.jsonl";
        import_.requests = export_.requests;
        import_.results = {folder_ / "results.jsonl"};
        import_.folder = folder_ / "run";
    }

    static std::vector<ordered_json> lines_of(const fs::path& path) {
        std::vector<ordered_json> lines;
        for_each_json_line(path, [&](std::size_t, ordered_json&& line) { lines.push_back(std::move(line)); });
        return lines;
    }
    std::string id(std::size_t index) const { return lines_of(export_.requests).at(index).at("custom_id"); }

    static ordered_json result(const std::string& id, const std::string& reply) {
        ordered_json body{{"model", "org/judge"}};
        body["choices"] = ordered_json::array({{{"index", 0}, {"message", {{"content", reply}}}}});
        body["usage"] = {{"prompt_tokens", 100}, {"completion_tokens", 10}};
        return {{"custom_id", id}, {"response", {{"status_code", 200}, {"body", std::move(body)}}}, {"error", nullptr}};
    }
    void write_results(const std::vector<ordered_json>& results) const {
        std::string text;
        for (const ordered_json& each : results) text += each.dump() + "\n";
        write_file_atomic(folder_ / "results.jsonl", text);
    }

    test::TemporaryFolder folder_;
    JudgingExport export_;
    JudgingImport import_;
};

TEST_F(JudgingFilesTest, a_request_is_what_the_judge_would_be_asked) {
    EXPECT_EQ(export_judging(export_, {}).requests, 4U);
    const ordered_json request = lines_of(export_.requests).at(1);
    const std::vector<eval::JudgeTask> tasks = judge_tasks(Judging::Score, export_.files, {});
    EXPECT_EQ(request["custom_id"], eval::task_key(tasks.at(1), "org/judge"));
    EXPECT_EQ(request["url"], "/v1/chat/completions");
    EXPECT_EQ(request["body"]["model"], "org/judge");
    EXPECT_EQ(request["body"]["temperature"], 0);
    EXPECT_EQ(request["body"]["max_tokens"], 1024);
    EXPECT_EQ(request["body"]["response_format"]["type"], "json_schema");
    const std::string asked = request["body"]["messages"].back()["content"];
    EXPECT_TRUE(asked.starts_with("question 1|") && asked.ends_with("|answer 1")) << asked;
    export_.files.items.shard = "2/3";
    export_.overwrite = true;
    EXPECT_EQ(export_judging(export_, {}).requests, 1U);
    EXPECT_EQ(id(0), eval::task_key(tasks.at(1), "org/judge"));
}

TEST_F(JudgingFilesTest, the_run_is_that_of_a_judge_who_was_asked) {
    export_judging(export_, {});
    ordered_json failed = result(id(2), "");
    failed["response"] = {{"status_code", 500}, {"body", {{"error", {{"message", "it broke"}}}}}};
    write_results({result(id(3), eval::kGoodReply), failed, result(id(1), "no verdict"), result("strange", "x"),
                   result(id(0), eval::kGoodReply), result(id(0), "again")});
    const JudgingImportSummary first = import_judging(import_, {});
    EXPECT_EQ(first.replies.read, 6U);
    EXPECT_EQ(first.replies.taken, 2U);
    EXPECT_EQ(first.replies.unreadable, 1U);
    EXPECT_EQ(first.replies.failed, 1U);
    EXPECT_EQ(first.replies.foreign, 1U);
    EXPECT_EQ(first.replies.repeated, 1U);
    EXPECT_EQ(first.replies.missing, 1U);
    EXPECT_FALSE(first.replies.run.finished());

    // What is open is exported again; a second reply without a verdict is not asked for a third time.
    const std::string unread = id(1);
    export_.rest_of = import_.folder;
    export_.requests = import_.requests = folder_ / "rest.jsonl";
    EXPECT_EQ(export_judging(export_, {}).requests, 2U);
    EXPECT_EQ(id(0), unread);
    write_results({result(id(1), eval::kGoodReply), result(unread, "nothing again")});
    const JudgingImportSummary second = import_judging(import_, {});
    EXPECT_TRUE(second.replies.run.finished());
    const eval::EvalRun run = eval::load_run(import_.folder);
    EXPECT_EQ(run.records.size(), 4U);
    EXPECT_EQ(run.manifest["bill"]["prompt_tokens"], 500) << "five replies came";

    // A live run with the same replies has the same records.
    eval::ScriptedJudge judge(
        [](const eval::ScriptedCall& call) {
            if (!call.request.user.starts_with("question 1|")) return eval::replied(eval::kGoodReply);
            return eval::replied(call.number == 1 ? "no verdict" : "nothing again");
        },
        "org/judge");
    eval::JudgeRunOptions options;
    options.folder = folder_ / "live";
    options.concurrency = 1;
    options.judges = {{&judge, std::nullopt, eval::Json::object()}};
    eval::run_judges(judge_tasks(Judging::Score, export_.files, {}), options);
    std::map<std::string, std::string> live;
    std::map<std::string, std::string> imported;
    for (auto* records : {&live, &imported}) {
        for (ordered_json& record : lines_of((records == &live ? options.folder : import_.folder) / "records.jsonl")) {
            if (record["id"] == "2") record.erase("attempts");  // one of the file's failed
            (*records)[record["id"]] = record.dump();
        }
    }
    EXPECT_EQ(imported, live);
    // And it finds nothing to ask where the imported run is.
    options.folder = import_.folder;
    const std::size_t before = judge.calls();
    eval::run_judges(judge_tasks(Judging::Score, export_.files, {}), options);
    EXPECT_EQ(judge.calls(), before);
}

TEST_F(JudgingFilesTest, answers_that_changed_since_are_refused) {
    export_judging(export_, {});
    write_results({result(id(0), eval::kGoodReply)});
    std::ofstream(folder_ / "answers.jsonl", std::ios::app)
        << "{\"id\": \"9\", \"instruction\": \"q\", \"output\": \"a\", \"generator\": \"g\"}\n";
    EXPECT_ERROR(import_judging(import_, {}), ErrorKind::BadInput, "no longer those that were exported");
    EXPECT_FALSE(fs::exists(import_.folder));
}

}  // namespace
}  // namespace urial::app
