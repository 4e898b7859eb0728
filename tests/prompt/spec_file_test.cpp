#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "prompt/prompt.h"
#include "support/expect_error.h"
#include "support/paths.h"

namespace urial::prompt {
namespace {

const std::string kStyle = "[style]\nquery = \"# Q:\"\nanswer = \"# A:\"\nfenced = false\n";

std::string spec_failure(std::string_view text) {
    return test::bad_input_of([&] { parse_spec(text, "my.toml"); });
}

TEST(SpecFile, a_style_gives_the_form_and_the_headers) {
    const PromptSpec spec = parse_spec(
        "name = \"x\"\npreamble = \"P\\n\"\n" + kStyle + "[[example]]\nquery = \"q\"\nanswer = \"a\"\n", "my.toml");
    EXPECT_EQ(spec.headers, (std::vector<std::string>{"# Q:", "# A:"}));
    EXPECT_EQ(render_prefix(spec), "P\n\n# Q:\n\nq\n\n\n# A:\n\na\n\n");
}

TEST(SpecFile, an_example_may_have_several_turns) {
    const PromptSpec spec = parse_spec("name = \"x\"\n" + kStyle +
                                           "[[example]]\n[[example.turn]]\nquery = \"1\"\nanswer = \"2\"\n"
                                           "[[example.turn]]\nquery = \"3\"\nanswer = \"4\"\n",
                                       "my.toml");
    ASSERT_EQ(spec.examples.size(), 1U);
    EXPECT_EQ(spec.examples[0].turns, (std::vector<Turn>{{"1", "2"}, {"3", "4"}}));
}

TEST(SpecFile, wrong_toml_is_named_by_line_and_column) {
    EXPECT_TRUE(spec_failure("name = \"x\"\nversion = = 1\n").starts_with("my.toml:2:11: "))
        << spec_failure("name = \"x\"\nversion = = 1\n");
}

TEST(SpecFile, an_unknown_key_is_named_with_a_suggestion) {
    const std::string top = spec_failure("name = \"x\"\npreambel = \"P\"\n" + kStyle);
    EXPECT_TRUE(top.starts_with("my.toml:2:1: unknown key 'preambel'; did you mean preamble?")) << top;
    const std::string inner = spec_failure("name = \"x\"\n" + kStyle + "[[example]]\nquery = \"q\"\nanswr = \"a\"\n");
    EXPECT_TRUE(inner.starts_with("my.toml:8:1: unknown key 'answr'; did you mean answer?")) << inner;
    EXPECT_NE(spec_failure("name = \"x\"\n" + kStyle + "fence = true\n").find("unknown key 'fence'"),
              std::string::npos);
}

TEST(SpecFile, a_value_of_the_wrong_type_is_named_by_its_place) {
    EXPECT_EQ(spec_failure("name = 3\n"), "my.toml:1:8: 'name' must be a string");
    EXPECT_EQ(spec_failure("name = \"x\"\nstop = \"s\"\n" + kStyle), "my.toml:2:8: 'stop' must be a list of strings");
    EXPECT_EQ(spec_failure("name = \"x\"\nstop = [\"\"]\n" + kStyle), "my.toml:2:9: 'stop' holds an empty string");
    EXPECT_NE(spec_failure("name = \"x\"\nexample = 1\n" + kStyle).find("write [[example]]"), std::string::npos);
}

TEST(SpecFile, an_example_needs_a_query_and_an_answer) {
    EXPECT_NE(
        spec_failure("name = \"x\"\n" + kStyle + "[[example]]\nquery = \"q\"\n").find("an example has no 'answer'"),
        std::string::npos);
    EXPECT_NE(spec_failure("name = \"x\"\n" + kStyle + "[[example]]\nquery = \" \"\nanswer = \"a\"\n")
                  .find("'query' is empty"),
              std::string::npos);
    EXPECT_NE(spec_failure("name = \"x\"\n" + kStyle + "[[example]]\nturn = []\n").find("an example without a turn"),
              std::string::npos);
}

TEST(SpecFile, a_prompt_has_a_name_and_either_a_style_or_a_form) {
    EXPECT_NE(spec_failure(kStyle).find("the prompt has no 'name'"), std::string::npos);
    EXPECT_NE(spec_failure("name = \"x\"\n").find("neither"), std::string::npos);
    EXPECT_NE(spec_failure("name = \"x\"\n" + kStyle + "[form]\n").find("not both"), std::string::npos);
    EXPECT_NE(spec_failure("name = \"x\"\n[style]\nquery = \"# Q:\\nx\"\nanswer = \"# A:\"\nfenced = true\n")
                  .find("one line"),
              std::string::npos);
}

TEST(SpecFile, text_that_is_not_utf8_is_refused) {
    EXPECT_TRUE(spec_failure("name = \"caf\xE9\"\n").starts_with("my.toml:1:"));
}

TEST(SpecFile, what_is_written_is_read_back_exactly) {
    PromptSpec spec;
    spec.name = "odd \"name\"";
    spec.version = "2";
    spec.description = "tab\there \x01 \x7F";
    spec.preamble = "\n\n'''\"\"\"\\ back \\n \r\n trailing \n";
    spec.suffix = "\n \n";
    spec.form = {"\n<q>\n", "\n", "<a> ", "\"\n", true};
    spec.headers = {"<q>", "<a>"};
    spec.stop = {"\n\n\n", "\"stop\""};
    spec.fenced = true;
    spec.examples = {{{{"q\u00E9", "\na\"\"\"\"\n"}}, {}},
                     {{{"1", "2"}, {"3", ""}}, {{"a", "b", "c", "d", false}, {"e", "\n", "", "", false}}}};
    const PromptSpec again = parse_spec(format_spec(spec), "again.toml");
    EXPECT_EQ(again.name, spec.name);
    EXPECT_EQ(again.version, spec.version);
    EXPECT_EQ(again.description, spec.description);
    EXPECT_EQ(again.preamble, spec.preamble);
    EXPECT_EQ(again.suffix, spec.suffix);
    EXPECT_EQ(again.form, spec.form);
    EXPECT_EQ(again.headers, spec.headers);
    EXPECT_EQ(again.stop, spec.stop);
    EXPECT_EQ(again.fenced, spec.fenced);
    ASSERT_EQ(again.examples.size(), 2U);
    EXPECT_EQ(again.examples[0].turns, spec.examples[0].turns);
    EXPECT_TRUE(again.examples[0].forms.empty());
    EXPECT_EQ(again.examples[1].turns, spec.examples[1].turns);
    EXPECT_EQ(again.examples[1].forms, spec.examples[1].forms);
    EXPECT_EQ(render_prefix(again), render_prefix(spec));
}

TEST(Builtin, every_embedded_file_is_listed_under_its_own_name) {
    std::set<std::string> files;
    for (const auto& entry : fs::directory_iterator(test::source_path("prompts")))
        if (entry.is_regular_file()) files.insert(entry.path().stem().string());
    const std::vector<std::string> names = builtin_names();
    EXPECT_EQ(std::set<std::string>(names.begin(), names.end()), files);
    for (const std::string& name : names) {
        const PromptSpec spec = builtin(name);
        EXPECT_EQ(spec.name, name);
        EXPECT_FALSE(spec.description.empty());
        const PromptSpec from_file = load(test::source_path("prompts/" + name + ".toml").string());
        EXPECT_EQ(render_prefix(spec), render_prefix(from_file));
    }
}

TEST(Builtin, the_prompts_have_the_examples_that_their_names_promise) {
    const std::vector<std::pair<std::string, std::size_t>> expected{
        {"urial", 3},   {"urial-1", 1},          {"urial-8", 8},   {"urial-help", 3},
        {"vanilla", 3}, {"instruction-only", 0}, {"zero-shot", 0}, {"raw", 0}};
    for (const auto& [name, count] : expected) EXPECT_EQ(builtin(name).examples.size(), count) << name;
}

TEST(Builtin, answers_in_a_built_in_prompt_are_not_cut_by_their_own_rules) {
    for (const std::string& name : builtin_names()) {
        const PromptSpec spec = builtin(name);
        for (const Example& example : spec.examples) {
            AnswerScanner scanner(answer_form(spec));
            std::string text = scanner.push(example.turns[0].answer + spec.form.answer_close + "\n# Query:\n");
            text += scanner.finish();
            EXPECT_EQ(text, example.turns[0].answer) << name;
            EXPECT_EQ(scanner.end(), AnswerScanner::End::ClosingFence) << name;
        }
    }
}

TEST(Builtin, an_unknown_name_comes_with_suggestions) {
    try {
        load("urail");
        FAIL() << "expected an error";
    } catch (const Error& failure) {
        EXPECT_EQ(failure.kind(), ErrorKind::NotFound);
        EXPECT_NE(std::string(failure.what()).find("unknown prompt 'urail'; did you mean urial"), std::string::npos)
            << failure.what();
    }
}

TEST(Load, a_missing_file_and_a_folder_are_named) {
    EXPECT_THROW(load("/nowhere/prompt.toml"), Error);
    EXPECT_THROW(load(test::source_path("prompts").string()), Error);
}

TEST(Load, a_form_does_not_go_with_a_prompt_that_says_how_it_continues) {
    try {
        load("urial", OriginalForm::Older);
        FAIL() << "expected an error";
    } catch (const Error& failure) {
        EXPECT_NE(std::string(failure.what()).find("--form"), std::string::npos);
    }
}

}  // namespace
}  // namespace urial::prompt
