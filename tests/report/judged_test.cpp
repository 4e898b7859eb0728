// Judged runs as tables, JSON and a page. What the page does in a browser: judged_browser_test.mjs.

#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>

#include "base/files.h"
#include "report/report.h"
#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial::report {
namespace {

using eval::EvalRecord;

/// An answer with one verdict for each of helpfulness and depth. Made up.
EvalRecord scored(const std::string& id, eval::Verdict helpfulness, const std::string& task) {
    EvalRecord record;
    record.item.id = id;
    record.item.instruction = "question " + id;
    record.item.task = {task};
    record.answer = {"one two three", {}, "model"};
    record.rubric = "test";
    record.judge = "judge";
    record.verdicts = {{"helpfulness", std::move(helpfulness)}, {"depth", eval::Score{2, "short"}}};
    return record;
}

EvalRecord preferred(const std::string& id, bool swapped, eval::Choice choice) {
    EvalRecord record = scored(id, eval::Preference{choice, "because"}, "math");
    record.verdicts.pop_back();
    record.answer.generator = swapped ? "b" : "a";
    record.other = eval::Answer{"four", {}, swapped ? "a" : "b"};
    return record;
}

JudgedRun run_of(std::string label, std::vector<EvalRecord> records) {
    return {std::move(label), {}, {{"format", "urial.eval/1"}}, std::move(records)};
}

JudgedRun scores(const std::string& label = "run", double shift = 0) {
    return run_of(label,
                  {scored("1", eval::Score{3 + shift, "r"}, "math"), scored("2", eval::Score{4 + shift, "r"}, "code")});
}

/// One of two verdicts of an aspect cannot be read.
JudgedRun unread() {
    return run_of("unread", {scored("1", eval::Score{3, "r"}, "math"), scored("2", eval::Unscored{}, "math")});
}

JudgedRun pairs() {
    return run_of("pairs", {preferred("1", false, eval::Choice::A), preferred("1", true, eval::Choice::B),
                            preferred("2", false, eval::Choice::A), preferred("2", true, eval::Choice::A)});
}

std::vector<JudgedResult> results_of(const std::vector<JudgedRun>& runs) {
    std::vector<JudgedResult> results;
    for (const JudgedRun& run : runs) results.push_back(judged_result(run, {}));
    return results;
}

const Table& titled(const Document& document, std::string_view title) {
    const auto found = std::ranges::find(document.tables, title, &Table::title);
    if (found == document.tables.end()) throw std::out_of_range(std::string(title));
    return *found;
}

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(JudgedTables, one_run_on_a_terminal_has_a_line_for_each_aspect) {
    const Document document = judged_document(results_of({scores()}), Layout::Tall);
    const Table& table = titled(document, "Scores");
    ASSERT_EQ(table.rows.size(), 4U) << "two aspects, the average, the length";
    EXPECT_EQ(std::get<std::string>(table.rows[0][0]), "helpfulness");
    EXPECT_EQ(std::get<Measure>(table.rows[0][1]).value, 3.5);
    EXPECT_EQ(std::get<std::size_t>(table.rows[0][2]), 2U);
    EXPECT_EQ(std::get<Measure>(table.rows[2][1]).value, 2.75);
    EXPECT_EQ(std::get<Measure>(table.rows[3][1]).value, 3.0);
    EXPECT_EQ(titled(document, "Task").rows.size(), 4U) << "two tags with two aspects each";
}

TEST(JudgedTables, a_headline_has_the_means_and_names_what_it_leaves_out) {
    const Document headline = judged_document(results_of({scores()}), Layout::Tall, Detail::Headline);
    ASSERT_EQ(headline.tables.size(), 1U);
    EXPECT_EQ(headline.tables[0].title, "Scores");
    EXPECT_EQ(headline.left_out, std::vector<std::string>{"Task"});
    const Document full = judged_document(results_of({scores()}), Layout::Tall, Detail::Full);
    EXPECT_EQ(full.tables.size(), 2U);
    EXPECT_TRUE(full.left_out.empty());
}

TEST(JudgedTables, several_runs_stand_side_by_side) {
    const auto results = results_of({scores("first"), scores("second", 1)});
    const Table tall = titled(judged_document(results, Layout::Tall), "Scores");
    EXPECT_EQ(tall.columns, (std::vector<std::string>{"aspect", "first", "second"}));
    EXPECT_EQ(std::get<Measure>(tall.rows[0][2]).value, 4.5);
    const Document wide = judged_document(results, Layout::Wide);
    const Table& headline = titled(wide, "Scores");
    EXPECT_EQ(headline.columns,
              (std::vector<std::string>{"run", "helpfulness", "depth", "average", "words", "n", "unscored"}));
    ASSERT_EQ(headline.rows.size(), 2U);
    EXPECT_EQ(std::get<std::string>(headline.rows[1][0]), "second");
    EXPECT_EQ(std::get<Measure>(headline.rows[1][1]).value, 4.5);
    EXPECT_EQ(titled(wide, "Task").rows.size(), 4U) << "two tags of two runs";
}

TEST(JudgedTables, a_run_with_too_much_unscored_shows_no_mean_in_any_format) {
    const auto results = results_of({unread()});
    const std::string text = to_text(judged_document(results, Layout::Tall));
    EXPECT_NE(text.find("helpfulness          withheld"), std::string::npos) << text;
    EXPECT_NE(text.find("withheld: more than 5 % of the verdicts are unscored"), std::string::npos) << text;
    for (const std::string& shown : {text, to_markdown(judged_document(results, Layout::Wide)),
                                     to_latex(judged_document(results, Layout::Wide))}) {
        EXPECT_EQ(shown.find("2.00"), std::string::npos) << "the mean of depth: " << shown;
        EXPECT_EQ(shown.find("3.00"), std::string::npos) << "the mean of helpfulness: " << shown;
    }
    const std::string csv = to_csv(judged_csv(results));
    EXPECT_TRUE(has_line(csv, "unread,aspects,,helpfulness,,,,1,1,0,yes")) << csv;
    EXPECT_TRUE(has_line(csv, "unread,aspects,,average,,,,,,,yes")) << csv;
    EXPECT_TRUE(judged_json(results)["aspects"]["helpfulness"]["mean"].is_null());
}

TEST(JudgedTables, an_aspect_without_a_number_is_a_dash_and_an_empty_field) {
    const auto results = results_of({run_of("run", {scored("1", eval::NotApplicable{}, "math")})});
    const std::string text = to_text(judged_document(results, Layout::Tall));
    EXPECT_NE(text.find("helpfulness                 -  0         0    1"), std::string::npos) << text;
    EXPECT_TRUE(has_line(to_csv(judged_csv(results)), "run,aspects,,helpfulness,,,,0,0,1,no"));
}

TEST(JudgedTables, an_average_of_an_aspect_without_an_interval_has_none) {
    const auto results = results_of(
        {run_of("run", {scored("1", eval::NotApplicable{}, "math"), scored("2", eval::Score{4, "r"}, "math")})});
    EXPECT_TRUE(results[0].scores->aspects[1].second.ci95) << "depth has two values";
    EXPECT_FALSE(results[0].scores->aspects[0].second.ci95);
    EXPECT_FALSE(results[0].scores->average_ci95);
}

TEST(JudgedCsv, a_line_has_run_table_tag_and_aspect) {
    const std::string csv = to_csv(judged_csv(results_of({scores()})));
    EXPECT_TRUE(csv.starts_with("run,table,tag,aspect,mean,ci95_low,ci95_high,n,unscored,not_applicable,withheld\n"));
    EXPECT_TRUE(has_line(csv, "run,aspects,,helpfulness,3.5,3,4,2,0,0,no")) << csv;
    EXPECT_TRUE(has_line(csv, "run,aspects,,words,3,,,2,,,no")) << csv;
    EXPECT_TRUE(has_line(csv, "run,task,math,helpfulness,3,,,1,0,0,no")) << csv;
}

TEST(JudgedCsv, scores_and_pairs_do_not_fit_into_one_file) {
    EXPECT_ERROR(judged_csv(results_of({scores(), pairs()})), ErrorKind::BadInput, "report them one by one");
}

TEST(JudgedPairs, wins_and_flips_are_counted_in_every_format) {
    const auto results = results_of({pairs()});
    const Document document = judged_document(results, Layout::Tall);
    const Table& table = titled(document, "Pairwise comparisons, in percent");
    ASSERT_EQ(table.rows.size(), 2U) << "one aspect, two generators";
    EXPECT_EQ(std::get<Measure>(table.rows[0][3]).value, 50.0) << "the first item is a win of a";
    EXPECT_EQ(std::get<Measure>(table.rows[0][4]).value, 50.0) << "the second flips: a tie";
    EXPECT_EQ(std::get<std::size_t>(table.rows[0][8]), 1U) << "flips";
    const std::string csv = to_csv(judged_csv(results));
    EXPECT_NE(csv.find("\npairs,a,helpfulness,1,1,0,1,2,0,0.75,"), std::string::npos) << csv;
    const eval::Json json = judged_json(results);
    EXPECT_EQ(json["win_rates"]["b"]["helpfulness"]["losses"], 1);
    EXPECT_EQ(json["win_rates"]["b"]["helpfulness"]["rate"], 0.25);
}

TEST(JudgedPairs, too_much_unscored_withholds_rates_in_every_format) {
    JudgedRun run = pairs();
    run.records.back().verdicts.front().verdict = eval::Unscored{};
    const auto results = results_of({run});
    EXPECT_TRUE(results[0].withheld);
    const Document document = judged_document(results, Layout::Tall);
    const Table& table = titled(document, "Pairwise comparisons, in percent");
    for (const std::size_t column : {3U, 4U, 5U, 6U, 7U})
        EXPECT_TRUE(std::get<Measure>(table.rows[0][column]).withheld);
    EXPECT_TRUE(has_line(to_csv(judged_csv(results)), "pairs,a,helpfulness,1,0,0,0,1,1,,,,,,,yes"));
    const eval::Json json = judged_json(results)["win_rates"]["a"]["helpfulness"];
    EXPECT_TRUE(json["rate"].is_null());
    EXPECT_EQ(json["wins"], 1);
    EXPECT_FALSE(judged_result(run, {.allow_unscored = true}).withheld);
}

TEST(JudgedMtBench, too_much_unscored_withholds_the_means) {
    std::vector<EvalRecord> records{scored("1", eval::Score{7, "r"}, ""), scored("2", eval::Unscored{}, "")};
    for (EvalRecord& record : records) {
        record.rubric = "mt-bench";
        record.item.category = "math";
        record.verdicts = {{"overall", record.verdicts.front().verdict}};
    }
    const auto results = results_of({run_of("bench", records)});
    const eval::Json json = judged_json(results)["mt_bench"]["model"];
    EXPECT_TRUE(json["overall"].is_null());
    EXPECT_TRUE(json["categories"]["math"].is_null());
    EXPECT_EQ(json["unscored"], 1);
    EXPECT_TRUE(has_line(to_csv(judged_csv(results)), "bench,model,overall,,,,1,1,yes"));
    EXPECT_EQ(to_text(judged_document(results, Layout::Tall)).find("7.00"), std::string::npos);
}

TEST(JudgedDifference, too_much_unscored_in_either_run_withholds_it) {
    const RunDifference withheld = run_difference(scores(), unread(), false);
    EXPECT_TRUE(difference_json(std::span(&withheld, 1))["differences"]["helpfulness"]["mean"].is_null());
    EXPECT_EQ(difference_json(std::span(&withheld, 1))["differences"]["depth"]["mean"], 0.0);
    const RunDifference shown = run_difference(scores(), unread(), true);
    EXPECT_EQ(difference_json(std::span(&shown, 1))["differences"]["helpfulness"]["mean"], 0.0);
}

TEST(JudgedDifference, several_tables_say_which_runs_each_is_about) {
    const std::vector<RunDifference> both{run_difference(scores("new", 1), scores("old"), false),
                                          run_difference(scores("old"), scores("new", 1), false)};
    const std::string text = to_text(difference_document(both));
    const std::size_t first = text.find("new minus old\n  ASPECT");
    EXPECT_NE(first, std::string::npos) << text;
    EXPECT_LT(first, text.find("old minus new\n  ASPECT")) << text;
}

TEST(JudgedDifference, rubrics_of_other_names_are_compared_and_said) {
    JudgedRun other = scores("other");
    for (EvalRecord& record : other.records) record.rubric = "another";
    const RunDifference difference = run_difference(scores("run", 1), other, false);
    EXPECT_EQ(difference.aspects.front().n, 2U);
    EXPECT_NE(to_text(difference_document(std::span(&difference, 1))).find("different rubrics (another, test)"),
              std::string::npos);
}

TEST(JudgedJson, several_runs_are_an_object_of_objects) {
    const eval::Json json = judged_json(results_of({scores("first"), scores("second", 1)}));
    EXPECT_EQ(json["runs"]["second"]["aspects"]["helpfulness"]["mean"], 4.5);
    EXPECT_EQ(json.size(), 1U);
}

TEST(JudgedDifference, one_run_minus_the_other) {
    const RunDifference difference = run_difference(scores("second", 1), scores("first"), false);
    const Document document = difference_document(std::span(&difference, 1));
    const Table& table = titled(document, "second minus first");
    EXPECT_EQ(std::get<Measure>(table.rows[0][1]).value, 1.0);
    EXPECT_TRUE(has_line(to_csv(difference_csv(std::span(&difference, 1))), "second,first,depth,0,0,0,1,2,0,no"));
    EXPECT_EQ(difference_json(std::span(&difference, 1))["differences"]["helpfulness"]["mean"], 1.0);
}

TEST(JudgedRuns, labels_are_the_folders_names_and_an_empty_choice_is_an_error) {
    test::TemporaryFolder folder;
    for (const char* name : {"x/run", "y/run"}) {
        eval::save_run(folder / name, {eval::Json::object(), {scored("1", eval::Score{3, "r"}, "math")}});
    }
    const auto runs = load_judged_runs({folder / "x/run", folder / "y/run/"}, {}, {});
    EXPECT_EQ(runs[0].label, "run");
    EXPECT_EQ(runs[1].label, "run (2)");
    eval::Filter filter;
    filter.where = {{"task", "coding"}};
    EXPECT_ERROR(load_judged_runs({folder / "x/run"}, {}, filter), ErrorKind::BadInput, "no record is left");
    EXPECT_ERROR(load_judged_runs({folder / "x/run"}, {"a", "b"}, {}), ErrorKind::BadInput, "2 labels for 1 runs");
}

TEST(JudgedPage, text_of_a_run_adds_no_markup_and_the_policy_allows_nothing_else) {
    const std::string hostile = "</script><script>alert(1)</script><!--<script>{{\u2028";
    const auto page_of = [](const std::string& text) {
        const std::vector<JudgedRun> runs{run_of(text, {scored("1", eval::Score{3, text}, text)})};
        const auto results = results_of(runs);
        return judged_page(runs, results, {}, {.title = text});
    };
    const std::string html = page_of(hostile);
    const std::string plain = page_of("plain");
    for (const std::string part : {"<script", "</script", "<!--"}) {
        const auto count = [&](const std::string& text) {
            std::size_t times = 0;
            for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++times;
            return times;
        };
        EXPECT_EQ(count(html), count(plain)) << part;
    }
    const std::size_t policy = html.find("content=\"default-src 'none'; script-src 'sha256-");
    ASSERT_NE(policy, std::string::npos);
    EXPECT_EQ(html.substr(policy, html.find('>', policy) - policy).find("unsafe"), std::string::npos);
}

}  // namespace
}  // namespace urial::report
