#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/shell.h"

namespace urial::test {
namespace {

std::string raw_record(int id, const std::string& score) {
    return R"({"id": )" + std::to_string(id) + R"(, "input": "question )" + std::to_string(id) +
           R"(", "output_cand": "an answer", "generator_cand": "m", "eval_config": {"mode": "score_multi", "gpt": "j"},)" +
           R"( "prompt": "Q: question )" + std::to_string(id) + R"( A: an answer", "result": "{}",)" +
           R"( "parsed_result": {"helpfulness": {"reason": "r", "score": ")" + score + R"("}}})";
}

void write_raw(const Shell& shell, const std::string& name, const std::string& first, const std::string& second) {
    std::ofstream(shell.folder() / name) << "[" << raw_record(1, first) << ",\n" << raw_record(2, second) << "]";
}

TEST(EvalCommands, raw_judgements_become_a_run_and_the_run_a_table) {
    const Shell shell;
    write_raw(shell, "raw.json", "4", "N/A");
    std::ofstream(shell.folder() / "items.jsonl")
        << R"({"id": 1, "instruction": "question 1", "task": ["math", "coding"], "dataset": "lima"})";
    const ShellResult imported = shell.run("$URIAL judge import raw.json items.jsonl -o run");
    EXPECT_EQ(imported.exit_code, 0) << imported.err;
    EXPECT_NE(imported.out.find("2 judgements"), std::string::npos);
    EXPECT_NE(imported.err.find("1 judgements have no tags"), std::string::npos) << imported.err;
    const auto ours = nlohmann::json::parse(shell.run("$URIAL report run --json").out);
    EXPECT_EQ(ours["aspects"]["helpfulness"]["mean"], 4.0);
    EXPECT_EQ(ours["task"]["math"]["helpfulness"]["n"], 1);
    const auto paper = nlohmann::json::parse(shell.run("$URIAL report run --compat paper --json").out);
    EXPECT_EQ(paper["aspects"]["helpfulness"]["mean"], 4.5);
    EXPECT_EQ(paper["avg"], 4.5);
    EXPECT_EQ(paper["len"], 2.0);
    EXPECT_EQ(paper["source"]["lima"]["n"], 1);
    EXPECT_FALSE(paper["task"].contains("math")) << "the last tag is coding";
    EXPECT_EQ(paper["report"]["total"], 2);
    EXPECT_NE(shell.run("$URIAL report run").out.find("\n  helpfulness              4.00  1         0    1\n"),
              std::string::npos);
}

TEST(EvalCommands, tables_come_in_several_formats_and_into_a_file) {
    const Shell shell;
    write_raw(shell, "a.json", "4", "5");
    write_raw(shell, "b.json", "3", "3");
    ASSERT_EQ(shell.run("$URIAL judge import a.json -o a && $URIAL judge import b.json -o b").exit_code, 0);
    const ShellResult written = shell.run("$URIAL report a b --format markdown -o table.md && cat table.md");
    EXPECT_NE(written.out.find("| a | 4.50 [4.00, 5.00] | 4.50 [4.00, 5.00] | 2.0 | 2 | 0 |"), std::string::npos)
        << written.out << written.err;
    const ShellResult csv = shell.run("$URIAL report a b --format csv --label 'x, y' --label z");
    EXPECT_NE(csv.out.find("\n\"x, y\",aspects,,helpfulness,4.5,4,5,2,0,0,no\n"), std::string::npos) << csv.out;
    EXPECT_NE(shell.run("$URIAL report a --format latex").out.find("\\toprule"), std::string::npos);
    const auto json = nlohmann::json::parse(shell.run("$URIAL report a b --json").out);
    EXPECT_EQ(json["runs"]["b"]["aspects"]["helpfulness"]["mean"], 3.0);
    EXPECT_EQ(shell.run("$URIAL report a --format word").exit_code, 2);
    EXPECT_EQ(shell.run("$URIAL report a --json --format csv").exit_code, 2);
}

TEST(EvalCommands, judged_runs_become_a_page_and_never_together_with_shift_runs) {
    const Shell shell;
    write_raw(shell, "a.json", "4", "5");
    ASSERT_EQ(shell.run("$URIAL judge import a.json -o a && mkdir s").exit_code, 0);
    std::ofstream(shell.folder() / "s/manifest.json") << R"({"format": "urial.shift/1"})";
    const ShellResult page = shell.run("$URIAL report a --html a.html --json && head -c 15 a.html");
    EXPECT_NE(page.out.find("\"records\": 2"), std::string::npos) << page.out << page.err;
    EXPECT_NE(page.out.find("<!doctype html>"), std::string::npos) << page.out;
    const ShellResult mixed = shell.run("$URIAL report a s --html both.html");
    EXPECT_EQ(mixed.exit_code, 2);
    EXPECT_NE(mixed.err.find("--shift-html"), std::string::npos) << mixed.err;
    const ShellResult wrong = shell.run("$URIAL report a --html b.html --shift-html a.html");
    EXPECT_EQ(wrong.exit_code, 2);
    EXPECT_NE(wrong.err.find("no page of shift runs"), std::string::npos) << wrong.err;
    EXPECT_EQ(shell.run("$URIAL report a --html b.html --format csv").exit_code, 2);
}

TEST(EvalCommands, two_runs_are_compared_item_by_item) {
    const Shell shell;
    write_raw(shell, "a.json", "4", "5");
    write_raw(shell, "b.json", "3", "3");
    ASSERT_EQ(shell.run("$URIAL judge import a.json -o a && $URIAL judge import b.json -o b").exit_code, 0);
    const auto json = nlohmann::json::parse(shell.run("$URIAL report a --against b --json").out);
    EXPECT_EQ(json["differences"]["helpfulness"]["mean"], 1.5);
    EXPECT_EQ(json["differences"]["helpfulness"]["n"], 2);
    std::ofstream(shell.folder() / "c.json") << "[" << raw_record(8, "4") << "]";
    const ShellResult apart = shell.run("$URIAL judge import c.json -o c && $URIAL report a --against c");
    EXPECT_EQ(apart.exit_code, 2);
    EXPECT_NE(apart.err.find("no scored item in common"), std::string::npos) << apart.err;
}

TEST(EvalCommands, a_run_of_pairs_is_counted_as_the_original_counts_it_and_has_no_scores_to_compare) {
    const Shell shell;
    const auto pair = [](int id, const std::string& preference) {
        return R"({"id": )" + std::to_string(id) + R"(, "input": "q)" + std::to_string(id) +
               R"(", "output_A": "one two", "output_B": "three", "generator_A": "x", "generator_B": "y",)" +
               R"( "eval_config": {"mode": "pairwise", "gpt": "j"}, "prompt": "p", "result": "{}",)" +
               R"( "parsed_result": {"reason": "r", "preference": ")" + preference + R"("}})";
    };
    std::ofstream(shell.folder() / "raw.json") << "[" << pair(1, "A") << "," << pair(2, "same") << "]";
    ASSERT_EQ(shell.run("$URIAL judge import raw.json -o run").exit_code, 0);
    const auto report = nlohmann::json::parse(shell.run("$URIAL report run --compat paper --json").out)["report"];
    EXPECT_EQ(report["total"], 2);
    EXPECT_EQ(report["x"], 1);
    EXPECT_EQ(report["same"], 1);
    EXPECT_EQ(report["avg_lens"]["x"], 2.0);
    const ShellResult refused = shell.run("$URIAL report run --against run");
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_NE(refused.err.find("a run of pairs has no scores"), std::string::npos) << refused.err;
}

TEST(EvalCommands, an_import_that_fails_leaves_nothing_behind_and_touches_nothing_that_is_there) {
    const Shell shell;
    write_raw(shell, "raw.json", "4", "5");
    std::ofstream(shell.folder() / "broken.json") << "[" << raw_record(1, "4") << ", {}]";
    EXPECT_EQ(shell.run("$URIAL judge import broken.json -o run").exit_code, 2);
    EXPECT_FALSE(std::filesystem::exists(shell.folder() / "run"));
    const ShellResult kept =
        shell.run("mkdir run && printf precious > run/records.jsonl && $URIAL judge import raw.json -o run");
    EXPECT_EQ(kept.exit_code, 2);
    EXPECT_EQ(shell.run("cat run/records.jsonl").out, "precious");
    const ShellResult full = shell.run("ulimit -f 0; trap '' XFSZ; $URIAL judge import raw.json -o full");
    EXPECT_NE(full.exit_code, 0);
    EXPECT_FALSE(std::filesystem::exists(shell.folder() / "full")) << full.err;
}

TEST(EvalCommands, an_import_that_was_killed_can_be_repeated) {
    const Shell shell;
    write_raw(shell, "raw.json", "4", "5");
    ASSERT_EQ(shell.run("$URIAL judge import raw.json -o whole").exit_code, 0);
    // As if killed between the records and the manifest of the finished run.
    ASSERT_EQ(shell.run("cp -r whole run && sed -i '2s/^/  \"finished\": null,/' run/manifest.json").exit_code, 0);
    EXPECT_NE(shell.run("$URIAL report run").err.find("not finished"), std::string::npos);
    EXPECT_EQ(shell.run("$URIAL judge import raw.json -o run").exit_code, 0);
    EXPECT_EQ(
        shell.run("cmp run/manifest.json whole/manifest.json && cmp run/records.jsonl whole/records.jsonl").exit_code,
        0);
    EXPECT_EQ(shell.run("$URIAL judge import raw.json -o run").exit_code, 2) << "it holds a run already";
}

TEST(EvalCommands, a_page_makes_no_folder_and_replaces_no_file_of_the_run) {
    const Shell shell;
    write_raw(shell, "raw.json", "4", "5");
    ASSERT_EQ(shell.run("$URIAL judge import raw.json -o run && cp run/records.jsonl before").exit_code, 0);
    const ShellResult missing = shell.run("$URIAL report run --html none/page.html");
    EXPECT_EQ(missing.exit_code, 2);
    EXPECT_NE(missing.err.find("there is no folder none"), std::string::npos) << missing.err;
    EXPECT_FALSE(std::filesystem::exists(shell.folder() / "none"));
    EXPECT_EQ(shell.run("$URIAL report run -o none/table.md").exit_code, 2);
    for (const char* flag : {"-o", "--html"}) {
        const ShellResult refused = shell.run(std::string("$URIAL report run ") + flag + " run/records.jsonl");
        EXPECT_EQ(refused.exit_code, 2);
        EXPECT_NE(refused.err.find("belongs to the run"), std::string::npos) << refused.err;
    }
    EXPECT_EQ(shell.run("cmp before run/records.jsonl").exit_code, 0);
}

TEST(EvalCommands, answers_of_several_generators_are_not_averaged_in_silence) {
    const Shell shell;
    std::string other = raw_record(2, "3");
    other.replace(other.find("\"m\""), 3, "\"n\"");
    std::ofstream(shell.folder() / "raw.json") << "[" << raw_record(1, "4") << "," << other << "]";
    const ShellResult report = shell.run("$URIAL judge import raw.json -o run && $URIAL report run");
    EXPECT_EQ(report.exit_code, 0);
    EXPECT_NE(report.err.find("the answers of 2 generators are counted together (m, n)"), std::string::npos)
        << report.err;
}

TEST(EvalCommands, a_choice_that_chooses_nothing_is_refused) {
    const Shell shell;
    write_raw(shell, "raw.json", "4", "5");
    ASSERT_EQ(shell.run("$URIAL judge import raw.json -o run").exit_code, 0);
    const ShellResult subset = shell.run("$URIAL report run --subset lite");
    EXPECT_EQ(subset.exit_code, 2);
    EXPECT_NE(subset.err.find("give the file with --ids"), std::string::npos) << subset.err;
    EXPECT_EQ(shell.run("$URIAL judge score raw.json --judge openai:x -o o --dry-run --limit -1").exit_code, 2);
    EXPECT_EQ(shell.run("$URIAL judge score raw.json --judge openai:x -o o --dry-run --limit 0").exit_code, 2);
}

TEST(EvalCommands, a_rubric_recovered_from_requests_is_a_rubric_that_can_be_shown) {
    const Shell shell;
    write_raw(shell, "raw.json", "4", "5");
    EXPECT_EQ(shell.run("$URIAL judge rubric import raw.json -o mine.toml").exit_code, 0);
    const ShellResult shown = shell.run("$URIAL judge show mine.toml");
    EXPECT_NE(shown.out.find("Q: {{instruction}} A: {{output}}"), std::string::npos) << shown.out << shown.err;
    EXPECT_EQ(shell.run("$URIAL judge rubric import raw.json -o mine.toml").exit_code, 2) << "it exists already";
    EXPECT_NE(shell.run("$URIAL judge rubrics").out.find("just-eval-safety"), std::string::npos);
}

TEST(EvalCommands, a_folder_that_is_no_run_and_an_unknown_condition_are_refused) {
    const Shell shell;
    EXPECT_EQ(shell.run("$URIAL report .").exit_code, 2);
    write_raw(shell, "raw.json", "4", "5");
    ASSERT_EQ(shell.run("$URIAL judge import raw.json -o run").exit_code, 0);
    const ShellResult refused = shell.run("$URIAL report run --where tusk=coding");
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_NE(refused.err.find("did you mean task"), std::string::npos) << refused.err;
    EXPECT_NE(shell.run("$URIAL report run --where task=coding").err.find("no record is left"), std::string::npos);
}

TEST(EvalCommands, a_run_is_calibrated_against_people_and_against_another_run) {
    const Shell shell;
    write_raw(shell, "a.json", "4", "5");
    write_raw(shell, "b.json", "3", "5");
    ASSERT_EQ(shell.run("$URIAL judge import a.json -o a && $URIAL judge import b.json -o b").exit_code, 0);
    std::ofstream(shell.folder() / "people.jsonl") << R"({"id": 1, "scores": {"helpfulness": 5}})";
    const ShellResult people = shell.run("$URIAL judge calibrate a --human people.jsonl");
    EXPECT_NE(people.out.find("1 items; without a partner: 1 of the judge's, 0 of the others'"), std::string::npos)
        << people.out << people.err;
    const auto json = nlohmann::json::parse(shell.run("$URIAL judge calibrate a --human b --json").out);
    EXPECT_EQ(json["judges"]["j"]["helpfulness"]["exact"]["value"], 0.5);
    EXPECT_EQ(json["judges"]["j"]["helpfulness"]["mean_difference"], 0.5);
    std::ofstream(shell.folder() / "others.jsonl") << R"({"id": 7, "scores": {"helpfulness": 5}})";
    const ShellResult nothing = shell.run("$URIAL judge calibrate a --human others.jsonl");
    EXPECT_EQ(nothing.exit_code, 2);
    EXPECT_NE(nothing.err.find("nothing in common"), std::string::npos) << nothing.err;
}

}  // namespace
}  // namespace urial::test
