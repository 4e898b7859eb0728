#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "support/expect_text.h"
#include "support/paths.h"
#include "support/sanitizer.h"
#include "support/shell.h"

namespace urial::test {
namespace {

using nlohmann::ordered_json;

struct Measured {
    int exit_code = 0;
    long peak_kilobytes = 0;
};

/// The binary with these arguments in `folder`, and the most memory that it had.
Measured measure(const fs::path& folder, std::vector<std::string> arguments) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (::chdir(folder.c_str()) != 0) ::_exit(99);
        arguments.insert(arguments.begin(), binary_path().string());
        std::vector<char*> words;
        for (std::string& word : arguments) words.push_back(word.data());
        words.push_back(nullptr);
        ::execv(words[0], words.data());
        ::_exit(98);
    }
    int status = 0;
    struct rusage usage {};
    EXPECT_EQ(::wait4(child, &status, 0, &usage), child);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, usage.ru_maxrss};
}

void write_questions(const fs::path& folder, int count) {
    std::ofstream file(folder / "in.jsonl");
    for (int i = 0; i < count; ++i) file << fmt::format("{{\"id\": {0}, \"instruction\": \"question {0}\"}}\n", i);
}

/// One line as `vllm run-batch` writes it.
std::string result_line(const std::string& id, const std::string& more = "") {
    return R"({"id": "vllm-1", "custom_id": ")" + id +
           R"(", "response": {"status_code": 200, "request_id": "r", "body": {"model": "m", "choices": [{"index": 0, )"
           R"("message": {"role": "assistant", "content": "An answer.\n```\n"}, "finish_reason": "stop"}], )" +
           more + R"("usage": {"prompt_tokens": 9, "completion_tokens": 4}}}, "error": null})" + "\n";
}

std::vector<std::string> ids_in(const fs::path& manifest) {
    return ordered_json::parse(read_file(manifest)).at("custom_ids");
}

TEST(BatchCommands, requests_go_out_and_results_come_back_as_records) {
    const Shell shell;
    write_questions(shell.folder(), 3);
    const ShellResult exported =
        shell.run("$URIAL batch export generate -i in.jsonl -m http://gpu:8000/v1#org/m -p zero-shot -o r.jsonl");
    EXPECT_EQ(exported.exit_code, 0) << exported.err;
    EXPECT_TRUE(contains(exported.err, "3 requests in r.jsonl"));
    EXPECT_TRUE(contains(exported.err,
                         "vllm run-batch -i r.jsonl -o results.jsonl --model org/m "
                         "--trust-request-chat-template"));
    const std::vector<std::string> ids = ids_in(shell.folder() / "r.manifest.json");
    std::ofstream(shell.folder() / "results.jsonl") << result_line(ids.at(2)) << result_line(ids.at(0));
    const ShellResult imported = shell.run("$URIAL --json batch import results.jsonl --requests r.jsonl -o a.jsonl");
    EXPECT_EQ(imported.exit_code, 1) << "one is missing";
    const auto counts = ordered_json::parse(imported.out);
    EXPECT_EQ(counts["taken"], 2);
    EXPECT_EQ(counts["missing"], 1);
    EXPECT_EQ(counts["prompt_not_compared"], 2);
    std::ofstream(shell.folder() / "results.jsonl") << result_line(ids.at(1));
    const ShellResult rest =
        shell.run("$URIAL batch import results.jsonl --requests r.jsonl -o a.jsonl && wc -l < a.jsonl");
    EXPECT_EQ(rest.exit_code, 0) << rest.err;
    EXPECT_EQ(rest.out, "3\n");
    EXPECT_TRUE(contains(read_file(shell.folder() / "a.jsonl"), R"("output":"An answer.")"));
}

TEST(BatchCommands, what_cannot_be_read_or_would_be_destroyed_is_an_error) {
    const Shell shell;
    write_questions(shell.folder(), 1);
    const std::string exported = "$URIAL batch export generate -i in.jsonl -m m -p zero-shot -o r.jsonl";
    EXPECT_EQ(shell.run("$URIAL batch export generate -i in.jsonl -m m -o in.jsonl").exit_code, 2);
    EXPECT_EQ(shell.run(exported).exit_code, 0);
    EXPECT_EQ(shell.run(exported).exit_code, 2) << "it is there";
    EXPECT_EQ(shell.run(exported + " --overwrite --shard 2/2").exit_code, 0);
    EXPECT_TRUE(contains(shell.run("$URIAL batch import none.jsonl --requests r.jsonl -o a.jsonl").err, "none.jsonl"));
    EXPECT_TRUE(
        contains(shell.run("$URIAL batch import in.jsonl --requests none.jsonl -o a.jsonl").err, "none.manifest.json"));
    EXPECT_FALSE(fs::exists(shell.folder() / "a.jsonl"));
}

/// What vLLM says of the answer token 5 behind two prompt tokens; of requests without an answer it scores nothing.
std::string score_line(const std::string& id, const std::string& logp) {
    return R"({"custom_id": ")" + id +
           R"(", "response": {"status_code": 200, "body": {"model": "m", "choices": [{}], )" +
           R"("prompt_token_ids": [1, 9, 5], "prompt_logprobs": [null, null, {"5": {"logprob": )" + logp +
           R"(, "rank": 1, "decoded_token": "yes"}, "6": {"logprob": -3.0, "rank": 2, "decoded_token": "no"}}]}}})" +
           "\n";
}

TEST(BatchCommands, the_tokens_of_answers_go_out_for_two_models_and_come_back_as_a_shift_run) {
    const Shell shell;
    std::ofstream(shell.folder() / "answers.jsonl")
        << R"({"id": "a", "instruction": "Is it?", "answer": "yes", "answer_ids": [5]})"
        << "\n";
    const std::string exported =
        "$URIAL batch export shift --answers answers.jsonl --base org/b --aligned http://gpu/v1#org/a -o ";
    const ShellResult written = shell.run(exported + "r.jsonl --top 2");
    EXPECT_EQ(written.exit_code, 0) << written.err;
    EXPECT_TRUE(contains(written.err,
                         "vllm run-batch -i r.base.jsonl -o results.base.jsonl --model org/b "
                         "--trust-request-chat-template"));
    EXPECT_TRUE(contains(written.err, "vllm run-batch -i r.aligned.jsonl -o results.aligned.jsonl --model org/a "));
    EXPECT_TRUE(contains(shell.run(exported + "long.jsonl --top 30").err, "--max-logprobs 30"));
    EXPECT_EQ(shell.run(exported + "r.jsonl").exit_code, 2) << "it is there";
    EXPECT_EQ(shell
                  .run("cp answers.jsonl x.base.jsonl; $URIAL batch export shift --answers x.base.jsonl --base b "
                       "--aligned a -o x.jsonl --overwrite")
                  .exit_code,
              2)
        << "the input";

    const std::vector<std::string> ids = ids_in(shell.folder() / "r.manifest.json");
    ASSERT_EQ(ids.size(), 18U) << "eight texts of each side, and the answer";
    const std::string import_both = "$URIAL --json batch import base.jsonl aligned.jsonl --requests r.jsonl -o run";
    {
        std::ofstream base(shell.folder() / "base.jsonl");
        std::ofstream aligned(shell.folder() / "aligned.jsonl");
        for (std::size_t i = 0; i < 8; ++i) base << score_line(ids[i], "-1.0");
        for (std::size_t i = 8; i < 16; ++i) aligned << score_line(ids[i], "-1.0");
        aligned << score_line(ids[17], "-0.25");
    }
    const ShellResult half = shell.run(import_both);
    EXPECT_EQ(half.exit_code, 1);
    EXPECT_EQ(ordered_json::parse(half.out)["missing"], 1) << half.err;
    std::ofstream(shell.folder() / "base.jsonl", std::ios::app) << score_line(ids[16], "-1.5");
    const ShellResult whole = shell.run(import_both);
    EXPECT_EQ(whole.exit_code, 0) << whole.err;
    EXPECT_EQ(ordered_json::parse(whole.out)["taken"], 1);
    const auto record = ordered_json::parse(read_file(shell.folder() / "run" / "records.jsonl"));
    EXPECT_EQ(record["base_logp"], ordered_json::parse("[-1.5]"));
    EXPECT_EQ(record["aligned_logp"], ordered_json::parse("[-0.25]"));
    EXPECT_EQ(record["pieces"], ordered_json::parse(R"(["yes"])"));
    EXPECT_TRUE(fs::exists(shell.folder() / "run" / "summary.md"));
    const ShellResult shown = shell.run("$URIAL batch import base.jsonl --requests r.jsonl -o run");
    EXPECT_EQ(shown.exit_code, 0);
    EXPECT_TRUE(contains(shown.err, "1 of 1 answers in run"));
}

// Sanitizers keep memory of their own: under them fewer results go through the same code, and memory is not judged.
const int kManyResults = test::is_sanitized() ? 1'000 : 50'000;
const long kMostKilobytes = test::is_sanitized() ? std::numeric_limits<long>::max() : 300'000;

TEST(BatchCommands, fifty_thousand_results_are_imported_within_300_megabytes) {
    const Shell shell;
    write_questions(shell.folder(), kManyResults);
    const fs::path& folder = shell.folder();
    const Measured exported = measure(
        folder, {"-q", "batch", "export", "generate", "-i", "in.jsonl", "-m", "m", "-p", "zero-shot", "-o", "r.jsonl"});
    ASSERT_EQ(exported.exit_code, 0);
    EXPECT_LT(exported.peak_kilobytes, kMostKilobytes);
    std::string prompt_ids = "\"prompt_token_ids\": [2";
    for (int i = 1; i < 100; ++i) prompt_ids += fmt::format(",{}", 1000 + i);
    {
        const std::vector<std::string> ids = ids_in(folder / "r.manifest.json");
        ASSERT_EQ(ids.size(), static_cast<std::size_t>(kManyResults));
        std::ofstream results(folder / "results.jsonl");
        for (auto id = ids.rbegin(); id != ids.rend(); ++id) results << result_line(*id, prompt_ids + "], ");
    }
    const Measured imported =
        measure(folder, {"-q", "batch", "import", "results.jsonl", "--requests", "r.jsonl", "-o", "a.jsonl"});
    EXPECT_EQ(imported.exit_code, 0);
    EXPECT_LT(imported.peak_kilobytes, kMostKilobytes);
    const auto manifest = ordered_json::parse(read_file(folder / "a.manifest.json"));
    EXPECT_EQ(manifest["records"], kManyResults);
}

}  // namespace
}  // namespace urial::test
