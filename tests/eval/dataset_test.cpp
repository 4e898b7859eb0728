#include "eval/dataset.h"

#include "eval_testing.h"

namespace urial::eval {
namespace {

TEST(Dataset, just_eval_items_keep_their_tags) {
    const TemporaryFolder folder;
    const auto items = load_items(folder.write(
        "items.jsonl",
        R"({"id": 7, "instruction": "Why?", "source_id": "lima-7", "dataset": "lima", "category": "regular",)"
        R"( "task": ["math", "coding"], "topic": ["stem"], "difficulty": "hard"})"
        "\n"
        R"({"id": 8, "instruction": "How?", "category": "safety", "task": null, "difficulty": null})"));
    ASSERT_EQ(items.size(), 2U);
    EXPECT_EQ(items[0].id, "7");
    EXPECT_EQ(items[0].task, (std::vector<std::string>{"math", "coding"}));
    EXPECT_EQ(items[0].source_id, "lima-7");
    EXPECT_TRUE(items[1].task.empty());
    EXPECT_EQ(items[1].difficulty, "");
}

TEST(Dataset, alpaca_material_follows_its_instruction) {
    const Item item = item_from_json(Json{{"instruction", "Translate."}, {"input", "bonjour"}}, 3);
    EXPECT_EQ(item.instruction, "Translate.\n\nbonjour");
    EXPECT_EQ(item.id, "3");
    EXPECT_EQ(item_from_json(Json{{"instruction", "Hi"}, {"input", ""}}, 0).instruction, "Hi");
}

TEST(Dataset, mt_bench_questions_have_turns_and_answers_one_output_per_turn) {
    const Json json =
        Json::parse(R"({"question_id": 81, "category": "math", "turns": ["q1", "q2"], "reference": ["r1", "r2"],
                                      "outputs": ["a1", "a2"], "generator": "m"})");
    const AnsweredItem answered = answered_item_from_json(json, 0);
    EXPECT_EQ(answered.item.id, "81");
    EXPECT_EQ(answered.item.follow_ups, std::vector<std::string>{"q2"});
    EXPECT_EQ(answered.item.references, (std::vector<std::string>{"r1", "r2"}));
    EXPECT_EQ(answered.answer.follow_ups, std::vector<std::string>{"a2"});
}

TEST(Dataset, what_is_missing_or_of_another_type_is_named) {
    const TemporaryFolder folder;
    const auto fault = [&](std::string_view text) {
        const auto path = folder.write("bad.json", text);
        return message_of([&] { load_answers(path); });
    };
    EXPECT_NE(fault(R"([{"output": "x"}])").find("neither \"instruction\" nor \"turns\""), std::string::npos);
    EXPECT_NE(fault(R"([{"instruction": "x"}])").find("no \"output\""), std::string::npos);
    EXPECT_NE(fault(R"([{"instruction": 5, "output": "x"}])").find("\"instruction\" is number"), std::string::npos);
    EXPECT_NE(fault(R"([{"instruction": "x", "outputs": ["1", "2"]}])").find("2 outputs for 1 turns"),
              std::string::npos);
    EXPECT_NE(fault(R"([3])").find("bad.json: value 0 (line 1): it is number; each item must be a JSON object"),
              std::string::npos);
    EXPECT_NE(fault(R"([{"id": 1, "instruction": "x", "output": ""}, {"id": "1", "instruction": "y", "output": ""}])")
                  .find("id 1 occurs twice"),
              std::string::npos);
}

TEST(Dataset, conditions_subsets_and_limits_keep_what_fulfils_all) {
    std::vector<Item> items(4);
    for (std::size_t i = 0; i < items.size(); ++i) items[i].id = std::to_string(i);
    items[0].task = {"math", "coding"};
    items[2].task = {"coding"};
    items[3].task = {"coding"};
    const auto ids = [&](const Filter& filter) {
        std::string text;
        for (const Item& item : keep(items, filter, [](const Item& one) -> const Item& { return one; }))
            text += item.id;
        return text;
    };
    Filter filter;
    filter.where = {parse_condition("task=coding")};
    EXPECT_EQ(ids(filter), "023");
    filter.limit = 2;
    EXPECT_EQ(ids(filter), "02");
    filter.ids = std::set<std::string>{"1", "3"};
    EXPECT_EQ(ids(filter), "3");
    EXPECT_NE(message_of([] { parse_condition("tusk=coding"); }).find("did you mean task"), std::string::npos);
    EXPECT_NE(message_of([] { parse_condition("task"); }).find("FIELD=VALUE"), std::string::npos);
}

TEST(Dataset, failed_records_of_a_run_are_counted_and_samples_are_items_of_their_own) {
    const TemporaryFolder folder;
    const auto path = folder.write("answers.jsonl", R"({"id": 7, "instruction": "q", "output": "a", "sample": 0}
{"id": 7, "instruction": "q", "output": "b", "sample": 1}
{"id": 8, "instruction": "r", "output": null, "error": "the prompt is longer than the context"})");
    const LoadedAnswers loaded = load_answers(path);
    EXPECT_EQ(loaded.failed, 1U);
    ASSERT_EQ(loaded.answers.size(), 2U);
    EXPECT_EQ(loaded.answers[0].item.id, "7");
    EXPECT_EQ(loaded.answers[1].item.id, "7#1");
    EXPECT_EQ(loaded.answers[1].answer.output, "b");
}

TEST(Dataset, an_answer_with_a_field_error_is_an_answer_and_one_that_stands_twice_is_one) {
    const TemporaryFolder folder;
    const std::string record =
        R"({"id": 7, "instruction": "q", "output": "a", "error": "of the input", "key": "00ff"})";
    const LoadedAnswers loaded = load_answers(folder.write("answers.jsonl", record + "\n" + record + "\n\n"));
    EXPECT_EQ(loaded.failed, 0U);
    EXPECT_EQ(loaded.repeated, 1U);
    ASSERT_EQ(loaded.answers.size(), 1U);
    EXPECT_EQ(loaded.answers[0].answer.output, "a");
}

TEST(Dataset, the_record_of_a_shift_run_is_an_answer) {
    const TemporaryFolder folder;
    const LoadedAnswers loaded = load_answers(folder.write(
        "records.jsonl", R"({"id": 7, "instruction": "q", "answer": "a", "key": "00ff", "generator": "m+gemma",)"
                         R"( "answer_ids": [1], "pieces": ["a"]})"
                         "\n"
                         R"({"id": 8, "instruction": "r", "answer": null, "key": "00fe", "error": "too long"})"));
    EXPECT_EQ(loaded.failed, 1U);
    ASSERT_EQ(loaded.answers.size(), 1U);
    EXPECT_EQ(loaded.answers[0].answer.output, "a");
    EXPECT_EQ(loaded.answers[0].answer.generator, "m+gemma");
}

TEST(Dataset, an_index_gives_an_item_its_tags_but_never_another_instruction) {
    Item tagged;
    tagged.id = "7";
    tagged.instruction = "q";
    tagged.task = {"math"};
    const ItemIndex index({tagged});
    Item sample;
    sample.id = "7#1";
    sample.instruction = "q";
    sample.category = "safety";
    EXPECT_TRUE(index.complete(sample));
    EXPECT_EQ(sample.id, "7#1");
    EXPECT_EQ(sample.task, std::vector<std::string>{"math"});
    EXPECT_EQ(sample.category, "safety");
    sample.instruction = "another";
    EXPECT_NE(message_of([&] { index.complete(sample); }).find("another instruction"), std::string::npos);
    sample.id = "8";
    EXPECT_FALSE(index.complete(sample));
}

TEST(Dataset, a_subset_is_every_list_of_its_name) {
    const TemporaryFolder folder;
    const auto path = folder.write("filters.json", R"({"lite_a": [1, 2], "lite_b": ["x"], "other": [9]})");
    EXPECT_EQ(load_subset(path, "lite"), (std::set<std::string>{"1", "2", "x"}));
    EXPECT_NE(message_of([&] { load_subset(path, "full"); }).find("it has lite_a, lite_b, other"), std::string::npos);
    EXPECT_EQ(load_subset(folder.write("plain.json", "[4]"), "any"), std::set<std::string>{"4"});
}

TEST(Dataset, the_reference_instructions_and_answers_load) {
    SKIP_WITHOUT_REFERENCE();
    EXPECT_EQ(load_items(reference_folder() / "just_eval/just_eval_instruct.jsonl").size(), 1000U);
    const auto questions = load_items(reference_folder() / "mt_bench/question.jsonl");
    ASSERT_EQ(questions.size(), 80U);
    for (const Item& question : questions) EXPECT_EQ(question.follow_ups.size(), 1U);
    EXPECT_EQ(load_answers(reference_folder() / "outputs/gpt-4-0613.to_eval.json.gz").answers.size(), 1000U);
    EXPECT_EQ(load_subset(reference_folder() / "just_eval/filters.json", "lite").size(), 350U);
}

}  // namespace
}  // namespace urial::eval
