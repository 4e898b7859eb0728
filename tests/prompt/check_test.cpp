#include <algorithm>

#include <gtest/gtest.h>

#include "prompt/prompt.h"

namespace urial::prompt {
namespace {

PromptSpec spec_with(std::vector<Turn> turns) {
    PromptSpec spec = builtin("zero-shot");
    for (Turn& turn : turns) spec.examples.push_back({{std::move(turn)}, {}});
    return spec;
}

bool finds(const std::vector<Finding>& findings, std::string_view text,
           Finding::Level level = Finding::Level::Warning) {
    return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
        return finding.level == level && finding.text.find(text) != std::string::npos;
    });
}

const Turn kRefusal{"Do harm?", "I'm sorry, but I can\u2019t help with that. Let's find another way."};
const Turn kPlain{"Why?", "Because of many good reasons, all of which I have explained at length here."};

TEST(Check, a_sound_prompt_has_no_findings) {
    EXPECT_TRUE(check(spec_with({kRefusal, kPlain}), 900, 4096).empty());
    EXPECT_TRUE(check(builtin("urial")).empty());
}

TEST(Check, a_header_inside_an_example_is_a_warning) {
    EXPECT_TRUE(finds(check(spec_with({kRefusal, {"q", "a\n# Query:\nb"}})),
                      "example 2: the header '# Query:' inside the answer"));
    EXPECT_TRUE(
        finds(check(spec_with({kRefusal, {"q\n# Answer:", "a"}})), "example 2: the query has the header '# Answer:'"));
    EXPECT_FALSE(finds(check(spec_with({kRefusal, {"q", "say # Query: here"}})), "header"));
}

TEST(Check, a_stop_string_inside_an_example_is_a_warning) {
    PromptSpec spec = spec_with({kRefusal, {"the END?", "and END of it"}});
    spec.stop = {"END"};
    const std::vector<Finding> findings = check(spec);
    EXPECT_TRUE(finds(findings, "example 2: the stop string 'END' inside the answer"));
    EXPECT_TRUE(finds(findings, "example 2: the query has the stop string 'END'"));
}

TEST(Check, unbalanced_fences_are_a_warning) {
    EXPECT_TRUE(finds(check(spec_with({{"q", "a\n```py\nb"}})), "the answer has a fence that nothing closes"));
    EXPECT_TRUE(finds(check(spec_with({{"q", "a\n```\nb\n```"}})), "a line of ``` inside the answer would end it"));
    EXPECT_TRUE(finds(check(spec_with({{"q\n```", "a"}})), "the query has a fence"));
    EXPECT_FALSE(finds(check(spec_with({{"q", "a\n```py\nb\n```\nc"}})), "fence"));
}

TEST(Check, no_examples_and_no_refusal_are_warnings) {
    EXPECT_TRUE(finds(check(builtin("instruction-only")), "no examples"));
    EXPECT_TRUE(finds(check(builtin("urial-help")), "no example refuses"));
    EXPECT_FALSE(finds(check(spec_with({kRefusal})), "no example refuses"));
}

TEST(Check, a_prefix_beyond_a_third_of_the_context_is_a_warning) {
    const PromptSpec spec = spec_with({kRefusal, kPlain});
    EXPECT_TRUE(finds(check(spec, 1001, 3000), "1001 of 3000 tokens"));
    EXPECT_TRUE(check(spec, 1000, 3000).empty());
}

TEST(Check, answers_of_very_different_length_are_a_note) {
    const PromptSpec spec = spec_with({kRefusal, {"a", "short"}, {"b", std::string(21, 'x')}});
    EXPECT_TRUE(finds(check(spec), "differ much in length", Finding::Level::Note));
    EXPECT_FALSE(finds(check(spec_with({kRefusal, kPlain})), "differ much", Finding::Level::Note))
        << "a refusal may be short";
}

TEST(Check, a_trailing_line_break_and_a_repeated_query_are_found) {
    const std::vector<Finding> findings = check(spec_with({kRefusal, kPlain, {"Why?", "Because.\n"}}));
    EXPECT_TRUE(finds(findings, "example 3: the answer ends with a line break", Finding::Level::Note));
    EXPECT_TRUE(finds(findings, "example 3: the query was in an earlier example"));
}

TEST(Check, a_prompt_that_nothing_ends_is_a_warning) {
    EXPECT_TRUE(finds(check(builtin("raw")), "nothing ends an answer"));
    PromptSpec spec = spec_with({kRefusal, kPlain});
    spec.fenced = false;
    EXPECT_TRUE(finds(check(spec), "not marked as fenced"));
}

TEST(Check, a_nested_pair_is_a_warning) {
    const std::string text = "# Query:\na\n\n# Query:\nb\n\n# Answer:\nc\n\n# Answer:\nd\n";
    const std::vector<Finding> findings = check(parse_original(text, "mine"));
    EXPECT_TRUE(finds(findings, "example 1, turn 1: another query follows"));
    EXPECT_TRUE(finds(findings, "example 1, turn 3: an answer stands away from its query"));
}

}  // namespace
}  // namespace urial::prompt
