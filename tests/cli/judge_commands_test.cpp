// `urial judge score | pairwise | tags | mt-bench` as a user runs them, against a server of this test: killed and
// resumed, and with a key that must not be found anywhere.

#include <atomic>
#include <csignal>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "eval/eval.h"
#include "support/chat_server.h"
#include "support/expect_text.h"
#include "support/sandbox.h"
#include "support/shell.h"

namespace urial::test {
namespace {

using nlohmann::json;

const std::string kCanary = "sk-canary-5f2e9c7a1b3d4e6f";

/// A reply that fulfils the schema of the request: the first value that is allowed, "because" for texts.
json fulfil(const json& schema) {
    if (schema.contains("enum")) return schema["enum"].front();
    if (schema["type"] == "string") return "because";
    if (schema["type"] == "array") return json::array({fulfil(schema["items"])});
    json object = json::object();
    for (const auto& [key, value] : schema["properties"].items()) object[key] = fulfil(value);
    return object;
}

ChatAnswer fulfilled(const ChatRequest& request) {
    return completion(fulfil(request.body["response_format"]["json_schema"]["schema"]).dump());
}

class JudgeCommands : public ::testing::Test {
protected:
    void write(const std::string& name, const std::string& text) const { std::ofstream(shell.folder() / name) << text; }
    void write_answers(const std::string& name, std::size_t count, const std::string& generator) const {
        std::string text;
        for (std::size_t id = 1; id <= count; ++id) {
            text += json{{"id", id},
                         {"instruction", "question <" + std::to_string(id) + ">"},
                         {"output", "answer of " + generator},
                         {"generator", generator},
                         {"task", {id % 2 == 0 ? "coding" : "math"}}}
                        .dump() +
                    "\n";
        }
        write(name, text);
    }
    std::vector<eval::EvalRecord> records(const std::string& run) const {
        return eval::load_run(shell.folder() / run).records;
    }

    ScopedEnvironment no_key{"OPENAI_API_KEY", std::nullopt};
    ScopedEnvironment no_url{"OPENAI_BASE_URL", std::nullopt};
    Shell shell;
};

TEST_F(JudgeCommands, answers_are_scored_and_the_table_and_the_counts_are_printed) {
    ChatServer server(fulfilled);
    write("answers.jsonl", R"({"id": 1, "instruction": "q", "output": "a", "generator": "m"}
{"id": 2, "instruction": "bad q", "output": "no", "generator": "m", "category": "safety"}
)");
    const ShellResult scored =
        shell.run("$URIAL judge score answers.jsonl --judge " + server.base_url() + "#gpt -o run");
    ASSERT_EQ(scored.exit_code, 0) << scored.err;
    const std::string table = shell.run("$URIAL report run").out;
    EXPECT_TRUE(begins_with(scored.out, table));
    EXPECT_TRUE(contains(table, "helpfulness"));
    EXPECT_TRUE(contains(table, "safety"));
    EXPECT_TRUE(contains(scored.out, "2 of 2 judgements in run, 0 of them not wholly readable"));
    EXPECT_TRUE(contains(scored.out, "2 requests (0 failed), 200 + 20 tokens, cost not known"));
    ASSERT_EQ(records("run").size(), 2u);
    for (const eval::EvalRecord& record : records("run")) {
        EXPECT_EQ(record.rubric, record.item.id == "2" ? "just-eval-safety" : "just-eval");
        EXPECT_EQ(record.judge, "gpt");
    }
}

TEST_F(JudgeCommands, the_answers_of_a_shift_run_and_of_standard_input_are_judged) {
    ChatServer server(fulfilled);
    fs::create_directories(shell.folder() / "gemma");
    write("gemma/records.jsonl", R"({"id": "a", "instruction": "q", "answer": "yes", "key": "00ff", "answer_ids": [1]}
{"id": "b", "instruction": "r", "answer": null, "key": "00fe", "error": "too long"}
)");
    const std::string judge = " --judge " + server.base_url() + "#gpt";
    const ShellResult scored = shell.run("$URIAL judge score gemma -o run" + judge);
    ASSERT_EQ(scored.exit_code, 0) << scored.err;
    EXPECT_TRUE(contains(scored.err, "1 records have an error in the place of an answer")) << scored.err;
    ASSERT_EQ(records("run").size(), 1u);
    EXPECT_EQ(records("run").front().answer.output, "yes");
    EXPECT_EQ(records("run").front().answer.generator, "gemma") << "named after the folder of the run";
    const ShellResult piped =
        shell.run("cat gemma/records.jsonl | $URIAL judge pairwise - gemma -o pairs --rubric pairwise" + judge);
    ASSERT_EQ(piped.exit_code, 0) << piped.err;
    EXPECT_EQ(records("pairs").size(), 2u);
}

TEST_F(JudgeCommands, a_verdict_that_follows_the_order_is_a_tie_and_a_flip) {
    ChatServer server(fulfilled);  // always the first label: whoever stands first
    write_answers("a.jsonl", 3, "x");
    write_answers("b.jsonl", 3, "y");
    ASSERT_EQ(shell.run("$URIAL judge pairwise a.jsonl b.jsonl --judge " + server.base_url() + "#gpt -o run").exit_code,
              0);
    EXPECT_EQ(server.received(), 6u);
    const auto report = json::parse(shell.run("$URIAL report run --json").out);
    EXPECT_EQ(report["win_rates"]["x"]["overall"]["ties"], 3);
    EXPECT_EQ(report["win_rates"]["x"]["overall"]["flips"], 3);
    EXPECT_EQ(report["win_rates"]["x"]["overall"]["wins"], 0);
}

TEST_F(JudgeCommands, an_answer_that_is_better_in_both_orders_wins) {
    ChatServer server([](const ChatRequest& request) {
        const std::string user = request.user();
        const bool first = user.find("answer of x") < user.find("answer of y");
        json reply = json::object();
        for (const auto& [key, value] :
             request.body["response_format"]["json_schema"]["schema"]["properties"].items()) {
            reply[key] = {{"reason", "r"}, {"preference", first ? "A" : "B"}};
        }
        return completion(reply.dump());
    });
    write_answers("a.jsonl", 3, "x");
    write_answers("b.jsonl", 3, "y");
    ASSERT_EQ(shell.run("$URIAL judge pairwise a.jsonl b.jsonl --judge " + server.base_url() + "#gpt -o run").exit_code,
              0);
    const auto report = json::parse(shell.run("$URIAL report run --json").out);
    EXPECT_EQ(report["win_rates"]["x"]["overall"]["wins"], 3);
    EXPECT_EQ(report["win_rates"]["x"]["overall"]["flips"], 0);
}

TEST_F(JudgeCommands, instructions_are_tagged) {
    ChatServer server(fulfilled);
    write("items.jsonl", R"({"id": 1, "instruction": "q"})");
    const ShellResult tagged = shell.run("$URIAL judge tags items.jsonl --judge " + server.base_url() + "#gpt -o run");
    EXPECT_TRUE(contains(tagged.out, " requests (0 failed), ")) << tagged.out;
    ASSERT_EQ(tagged.exit_code, 0) << tagged.err;
    EXPECT_EQ(std::get<eval::Labels>(*records("run").front().find("difficulty")).values,
              std::vector<std::string>{"easy"});
    EXPECT_EQ(json::parse(shell.run("$URIAL report run --json").out)["labels"]["difficulty"]["easy"], 1);
}

TEST_F(JudgeCommands, both_turns_of_mt_bench_are_scored) {
    ChatServer server(fulfilled);
    write(
        "answers.jsonl",
        R"({"question_id": 1, "category": "math", "turns": ["q", "q2"], "reference": ["r", "r2"], "outputs": ["a", "a2"]})");
    const ShellResult benched =
        shell.run("$URIAL judge mt-bench answers.jsonl --judge " + server.base_url() + "#gpt -o run");
    ASSERT_EQ(benched.exit_code, 0) << benched.err;
    EXPECT_TRUE(contains(benched.out, "TURN 2"));
    ASSERT_EQ(records("run").size(), 2u);
    for (const eval::EvalRecord& record : records("run")) {
        EXPECT_EQ(record.rubric, record.turn == 1 ? "mt-bench-reference" : "mt-bench-reference-turn-2");
        EXPECT_EQ(record.answer.generator, "answers") << "named after the file";
    }
    EXPECT_FALSE(contains(benched.err, "no reference answer"));
    write("without.jsonl", R"({"question_id": 1, "category": "math", "turns": ["q", "q2"], "outputs": ["a", "a2"]})");
    const ShellResult without =
        shell.run("$URIAL judge mt-bench without.jsonl --judge " + server.base_url() + "#gpt -o without");
    EXPECT_TRUE(contains(without.err, "1 questions of math, reasoning and coding have no reference answer"))
        << without.err;
}

TEST_F(JudgeCommands, a_jury_and_the_filters_decide_what_is_asked) {
    ChatServer server(fulfilled);
    write_answers("a.jsonl", 10, "x");
    const std::string url = server.base_url();
    const ShellResult judged = shell.run("$URIAL judge score a.jsonl --jury " + url + "#one," + url +
                                         "#two --where task=coding --limit 3 -o run --json");
    ASSERT_EQ(judged.exit_code, 0) << judged.err;
    EXPECT_EQ(json::parse(judged.out)["judgements"], 6);
    std::map<std::string, int> by_judge;
    for (const eval::EvalRecord& record : records("run")) ++by_judge[record.judge];
    EXPECT_EQ(by_judge, (std::map<std::string, int>{{"one", 3}, {"two", 3}}));
    const json report = json::parse(shell.run("$URIAL report run --json").out);
    EXPECT_EQ(report["agreement"]["clarity"]["exact"]["value"], 1.0) << "the server says the same to both";
    EXPECT_EQ(report["agreement"]["clarity"]["units"], 3);
    EXPECT_EQ(report["bill"]["attempts"], 6);
    const std::string text = shell.run("$URIAL report run").out;
    EXPECT_TRUE(contains(text, "JUDGES  ITEMS  ALPHA [95 %]")) << text;
    EXPECT_TRUE(contains(text, "6 requests (0 failed), 600 + 60 tokens, cost not known")) << text;
}

TEST_F(JudgeCommands, the_server_and_the_key_may_come_from_the_environment) {
    std::string key;
    ChatServer server([&](const ChatRequest& request) {
        key = request.headers.at("authorization");
        return fulfilled(request);
    });
    const ScopedEnvironment url("OPENAI_BASE_URL", server.base_url());
    const ScopedEnvironment secret("OPENAI_API_KEY", kCanary);
    write_answers("a.jsonl", 1, "x");
    EXPECT_EQ(shell.run("$URIAL judge score a.jsonl --judge openai:m -o run").exit_code, 0);
    EXPECT_EQ(key, "Bearer " + kCanary);
    EXPECT_EQ(shell.run("$URIAL judge score a.jsonl --judge m2 -o run2").exit_code, 0);
    EXPECT_EQ(records("run2").front().judge, "m2");
}

TEST_F(JudgeCommands, a_dry_run_prints_what_it_would_take_and_a_cap_needs_prices) {
    write_answers("a.jsonl", 4, "x");
    write("prices.toml", "[[prices]]\nmodel = \"gpt\"\nprompt = 0\ncompletion = 100\n");
    const std::string command = "$URIAL judge score a.jsonl --judge http://127.0.0.1:9/v1#gpt -o run --dry-run --json";
    const json unpriced = json::parse(shell.run(command).out);
    EXPECT_EQ(unpriced["requests"], 4);
    EXPECT_TRUE(unpriced["most_cost_usd"].is_null());
    EXPECT_EQ(unpriced["unpriced"][0], "gpt");
    const json priced = json::parse(shell.run(command + " --prices prices.toml --max-tokens 500").out);
    EXPECT_EQ(priced["most_completion_tokens"], 2000);
    EXPECT_NEAR(priced["most_cost_usd"].get<double>(), 0.2, 1e-9);
    EXPECT_FALSE(fs::exists(shell.folder() / "run"));
    const ShellResult capped = shell.run(command + " --max-cost 1");
    EXPECT_EQ(capped.exit_code, 2);
    EXPECT_TRUE(contains(capped.err, "the price of gpt is not known"));
}

TEST_F(JudgeCommands, a_cap_stops_the_run_which_goes_on_with_a_higher_one) {
    ChatServer server(fulfilled);  // 10 completion tokens each: 0.001 USD
    write_answers("a.jsonl", 10, "x");
    write("prices.toml", "[[prices]]\nmodel = \"gpt\"\nprompt = 0\ncompletion = 100\n");
    const std::string command = "$URIAL judge score a.jsonl --judge " + server.base_url() +
                                "#gpt -o run --prices prices.toml --max-tokens 20 --max-cost ";
    const ShellResult stopped = shell.run(command + "0.005");
    EXPECT_EQ(stopped.exit_code, 1);
    EXPECT_TRUE(contains(stopped.err, "--max-cost 0.005"));
    EXPECT_EQ(server.received(), 4u) << "after four, 0.001 is left and a request may cost 0.002";
    const ShellResult unfinished = shell.run("$URIAL report run");
    EXPECT_EQ(unfinished.exit_code, 2);
    EXPECT_TRUE(contains(unfinished.err, "not finished"));
    EXPECT_EQ(shell.run(command + "1").exit_code, 0);
    EXPECT_EQ(server.received(), 10u);
}

TEST_F(JudgeCommands, why_a_judge_cannot_be_reached_is_said_and_another_judge_may_take_the_folder) {
    write_answers("a.jsonl", 2, "x");
    ChatServer refusing([](const ChatRequest&) {
        return ChatAnswer{400, R"({"error": {"message": "no such model"}})"};
    });
    const ShellResult failed =
        shell.run("$URIAL judge score a.jsonl -o run --judge " + refusing.base_url() + "#absent");
    EXPECT_EQ(failed.exit_code, 1);
    EXPECT_NE(failed.err.find("2 judgements failed"), std::string::npos) << failed.err;
    EXPECT_NE(failed.err.find("no such model"), std::string::npos) << failed.err;
    ChatServer server(fulfilled);
    const ShellResult other = shell.run("$URIAL judge score a.jsonl -o run --judge " + server.base_url() + "#gpt");
    EXPECT_EQ(other.exit_code, 0) << other.err;
    EXPECT_EQ(records("run").size(), 2u);
}

TEST_F(JudgeCommands, a_judge_that_is_neither_server_nor_model_is_refused_with_the_forms_that_there_are) {
    write_answers("a.jsonl", 1, "x");
    const ShellResult refused = shell.run("$URIAL judge score a.jsonl --judge nobody -o run");
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_TRUE(contains(refused.err, "openai:MODEL"));
    EXPECT_EQ(shell.run("$URIAL judge score a.jsonl -o run").exit_code, 2);
    EXPECT_EQ(shell.run("$URIAL judge score a.jsonl --judge http://h/v1#m --rubric tags -o run").exit_code, 2);
}

/// Kills the process whose id stands in `file`.
void kill_process(const fs::path& file) {
    std::ifstream stream(file);
    pid_t process = 0;
    if (stream >> process && process > 1) ::kill(process, SIGKILL);
}

/// Kills its client at one request, before or after it is answered.
class KillingServer {
public:
    explicit KillingServer(fs::path pid_file) : pid_file_(std::move(pid_file)) {}

    /// The `requests`-th from now on; 0: never.
    void arm(std::size_t requests, bool after_answering) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));  // what a dead client sent has arrived by then
        const std::lock_guard lock(mutex_);
        kill_at_ = requests == 0 ? 0 : received_ + requests;
        after_answering_ = after_answering;
    }
    std::size_t received() const {
        const std::lock_guard lock(mutex_);
        return received_;
    }
    ChatAnswer answer(const ChatRequest& request) {
        const std::lock_guard lock(mutex_);
        ChatAnswer answer = fulfilled(request);
        if (++received_ != kill_at_) return answer;
        if (after_answering_) {
            answer.after = [this] { kill_process(pid_file_); };
        } else {
            kill_process(pid_file_);
        }
        return answer;
    }

private:
    const fs::path pid_file_;
    mutable std::mutex mutex_;  // guards what follows
    std::size_t received_ = 0;
    std::size_t kill_at_ = 0;
    bool after_answering_ = false;
};

TEST_F(JudgeCommands, a_run_that_is_killed_again_and_again_loses_nothing_and_its_bill_is_that_of_the_server) {
    constexpr std::size_t kItems = 60;
    const std::vector<std::size_t> kill_after{1, 2, 1, 4, 5, 10, 15};
    KillingServer killing(shell.folder() / "pid");
    ChatServer server([&](const ChatRequest& request) { return killing.answer(request); });
    write_answers("a.jsonl", kItems, "x");
    const std::string command = "$URIAL judge score a.jsonl --judge " + server.base_url() +
                                "#gpt -o run --concurrency 3 & echo $! > pid; wait $!";
    for (const std::size_t requests : kill_after) {
        killing.arm(requests, /*after_answering=*/requests % 2 == 0);
        ASSERT_EQ(shell.run(command).exit_code, 128 + SIGKILL);
        EXPECT_EQ(shell.run("$URIAL report run").exit_code, 2) << "an unfinished run gives no table";
    }
    killing.arm(0, false);
    const ShellResult finished = shell.run(command);
    ASSERT_EQ(finished.exit_code, 0) << finished.err;

    std::map<std::string, int> seen;
    for (const eval::EvalRecord& record : records("run")) ++seen[record.item.id];
    EXPECT_EQ(seen.size(), kItems) << "an item was lost";
    for (const auto& [id, count] : seen) EXPECT_EQ(count, 1) << "item " << id;
    const json bill = json::parse(read_file(shell.folder() / "run" / "manifest.json"))["bill"];
    const auto attempts = bill["attempts"].get<std::size_t>();
    const auto unsettled = bill["unsettled"].get<std::size_t>();
    // Only what was in flight at a kill is uncertain: it was written down before it was sent, and perhaps never sent.
    EXPECT_LE(unsettled, kill_after.size() * 3);
    EXPECT_GE(unsettled, 1u) << "no kill hit a request in flight";
    EXPECT_GE(attempts, killing.received());
    EXPECT_LE(attempts - unsettled, killing.received());
    EXPECT_EQ(attempts - unsettled, kItems) << "an item was judged twice";
    EXPECT_EQ(bill["prompt_tokens"], kItems * 100);
}

bool stands_in_a_process_list(const std::string& text) {
    for (const auto& entry : fs::directory_iterator("/proc")) {
        std::ifstream file(entry.path() / "cmdline");
        const std::string line{std::istreambuf_iterator<char>(file), {}};
        if (line.find(text) != std::string::npos) return true;
    }
    return false;
}

/// Fails in every way there is, saying the key back each time; mostly in ways that may be retried at once.
ChatAnswer betray(const ChatRequest& request, std::size_t number) {
    const std::string key = request.headers.at("authorization");
    const json problem{{"error", {{"message", "you sent " + key}}}};
    const std::string at_once = "Retry-After: 0\r\nLocation: http://127.0.0.1:9/" + key + "\r\n";
    // The two that are waited after, so only now and then.
    if (number % 100 == 10) return {200, "<html>" + key};
    if (number % 100 == 11) {
        ChatAnswer cut{200, key};
        cut.send = 90;
        return cut;
    }
    switch (number % 20) {
        case 1:
        case 2: return {418, problem.dump()};
        case 3: return completion("I saw " + key);
        case 4: return {400, "response_format: " + key};
        default: return {number % 2 == 0 ? 500 : 429, number % 3 == 0 ? key : problem.dump(), at_once};
    }
}

TEST_F(JudgeCommands, a_key_is_in_no_file_no_output_and_no_process_list_through_three_hundred_failures) {
    std::atomic<std::size_t> number = 0;
    std::atomic<bool> listed = false;
    ChatServer server([&](const ChatRequest& request) {
        const std::size_t now = number++;
        if (now % 50 == 0 && stands_in_a_process_list(kCanary)) listed = true;
        return betray(request, now);
    });
    const ScopedEnvironment secret("OPENAI_API_KEY", kCanary);
    write_answers("a.jsonl", 90, "x");
    write("prices.toml", "[[prices]]\nmodel = \"gpt\"\nprompt = 1\ncompletion = 1\n");
    const std::string flags =
        " -o run -v -v --prices prices.toml --max-cost 5 --concurrency 8 --judge " + server.base_url();
    const ShellResult run = shell.run("$URIAL judge score a.jsonl" + flags + "#gpt");
    EXPECT_EQ(run.exit_code, 1) << run.err;
    EXPECT_GE(number, 300u);
    EXPECT_TRUE(contains(run.err, "you sent Bearer [key]")) << "the failures are told";
    EXPECT_FALSE(listed);
    std::string printed = run.out + run.err;
    for (const int status : {401, 403, 404, 302}) {
        ChatServer refusing([status](const ChatRequest& request) {
            const std::string key = request.headers.at("authorization");
            return ChatAnswer{status, key, "Location: http://127.0.0.1:9/" + key + "\r\n"};
        });
        const ShellResult refused = shell.run("$URIAL -vv judge score a.jsonl -o run" + std::to_string(status) +
                                              " --judge " + refusing.base_url() + "#gpt");
        EXPECT_EQ(refused.exit_code, 2) << status;
        printed += refused.out + refused.err;
    }
    const ShellResult report =
        shell.run("$URIAL -vv report run --allow-unscored && $URIAL -vv report run --html page.html");
    EXPECT_EQ(report.exit_code, 0) << report.err;
    printed += report.out + report.err;
    EXPECT_FALSE(contains(printed, kCanary));
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(shell.folder())) {
        if (!entry.is_regular_file()) continue;
        ++files;
        EXPECT_EQ(read_file(entry.path()).find(kCanary), std::string::npos) << entry.path();
    }
    EXPECT_GE(files, 4u);
}

}  // namespace
}  // namespace urial::test
