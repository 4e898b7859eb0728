#include <gtest/gtest.h>

#include "base/error.h"
#include "prompt/prompt.h"

namespace urial::prompt {
namespace {

// An original text without examples: what follows it is the form alone.
const std::string kPreamble = "# Instruction\nBe kind.\n";

std::string continuation(std::string_view name, OriginalForm form, const Conversation& conversation) {
    const RenderedPrompt rendered = render(parse_original(kPreamble, name, form), conversation);
    EXPECT_EQ(rendered.text.substr(0, rendered.prefix_bytes), kPreamble);
    return rendered.text.substr(rendered.prefix_bytes);
}

// The expected texts are those of section 3 of the reference README.
TEST(Render, the_current_form_puts_fences_on_their_own_lines) {
    const std::string one = "\n# Query:\n```\nWhy?\n```\n\n# Answer:\n```\n";
    EXPECT_EQ(continuation("inst_1k_v4", OriginalForm::Auto, {{}, "Why?"}), one);
    EXPECT_EQ(continuation("inst_help_v3", OriginalForm::Auto, {{}, "Why?"}), one) << "only v5 and v6 differ by name";
    EXPECT_EQ(continuation("x", OriginalForm::Current, {{{"q1", "a1"}}, "q2"}),
              "\n# Query:\n```\nq1\n```\n\n# Answer:\n```\na1\n```\n\n# Query:\n```\nq2\n```\n\n# Answer:\n```\n");
}

TEST(Render, the_v5_form_uses_user_and_assistant_with_blank_lines) {
    EXPECT_EQ(continuation("inst_help_v5-1k", OriginalForm::Auto, {{}, "Why?"}),
              "\n# User:\n\nWhy?\n\n\n# Assistant:\n\n");
    EXPECT_EQ(continuation("x", OriginalForm::V5, {{{"q1", "a1"}}, "q2"}),
              "\n# User:\n\nq1\n\n\n# Assistant:\n\na1\n\n\n# User:\n\nq2\n\n\n# Assistant:\n\n");
}

TEST(Render, the_v6_form_strips_newlines_around_a_query) {
    EXPECT_EQ(continuation("inst_help_v6-2k", OriginalForm::Auto, {{}, "\n\nWhy\nnot? \n"}),
              "\n\n# User:\nWhy\nnot? \n\n\n# Assistant:\n");
    EXPECT_EQ(continuation("x", OriginalForm::V6, {{{"\nq1", "a1"}}, "q2"}),
              "\n\n# User:\nq1\n\n\n# Assistant:\na1\n\n\n# User:\nq2\n\n\n# Assistant:\n");
}

TEST(Render, the_older_form_fences_the_query_on_one_line) {
    EXPECT_EQ(continuation("inst_1k", OriginalForm::Older, {{}, "Why?"}), "\n# Query:\n```Why?```\n\n# Answer:\n```\n");
    EXPECT_EQ(continuation("inst_1k", OriginalForm::Older, {{{"q1", "a1"}}, "q2"}),
              "\n# Query:\n```q1```\n\n# Answer:\n```\na1\n```\n\n# Query:\n```q2```\n\n# Answer:\n```\n");
}

TEST(Render, the_older_zero_shot_form_ends_with_a_space_and_needs_no_text) {
    const RenderedPrompt rendered = render(parse_original("", "none", OriginalForm::OlderZeroShot), {{}, "Why?"});
    EXPECT_EQ(rendered.text, "# Query: \n ```Why?``` \n\n \n# Answer: \n ``` ");
    EXPECT_EQ(rendered.prefix_bytes, 0U);
    EXPECT_EQ(render(load("zero-shot", OriginalForm::OlderZeroShot), {{}, "Why?"}).text, rendered.text);
}

TEST(Render, a_query_keeps_its_bytes) {
    const PromptSpec spec = builtin("zero-shot");
    EXPECT_EQ(render(spec, {{}, " \n```\nx\n```\n\t"}).text,
              "# Query:\n```\n \n```\nx\n```\n\t\n```\n\n# Answer:\n```\n");
}

TEST(Render, raw_is_the_query_and_nothing_else) {
    const RenderedPrompt rendered = render(builtin("raw"), {{}, "Once upon"});
    EXPECT_EQ(rendered.text, "Once upon");
    EXPECT_EQ(rendered.prefix_bytes, 0U);
}

TEST(Render, a_system_message_is_a_paragraph_at_the_end_of_the_preamble) {
    PromptSpec spec = builtin("urial");
    const std::string without = render_prefix(spec);
    const std::string with = render_prefix(with_system(spec, " Answer in rhyme.\n"));
    const std::size_t examples = without.find("\n# Query:");
    EXPECT_EQ(with, without.substr(0, examples - 1) + "\n\nAnswer in rhyme.\n" + without.substr(examples));
    EXPECT_EQ(render_prefix(with_system(spec, " \n")), without) << "white space says nothing";
    EXPECT_EQ(render(with_system(builtin("zero-shot"), "Be brief."), {{}, "Why?"}).text,
              "Be brief.\n\n# Query:\n```\nWhy?\n```\n\n# Answer:\n```\n");
    EXPECT_EQ(render(with_system(builtin("raw"), "Be brief."), {{}, "Why?"}).text, "Be brief.\n\nWhy?");
    EXPECT_THROW(with_system(spec, "caf\xE9"), Error);
}

TEST(Render, a_conversation_with_a_system_message_of_its_own_has_less_in_common_with_others) {
    const PromptSpec spec = builtin("urial");
    Conversation conversation{{{"a", "b"}}, "c", "Answer in rhyme."};
    const RenderedPrompt own = render(spec, conversation);
    EXPECT_EQ(own.text, render(with_system(spec, "Answer in rhyme."), {{{"a", "b"}}, "c"}).text);
    const std::string plain = render(spec, {{}, "c"}).text;
    EXPECT_EQ(own.text.substr(0, own.prefix_bytes), plain.substr(0, own.prefix_bytes));
    EXPECT_GT(own.prefix_bytes, 0U);
    EXPECT_LT(own.prefix_bytes, render(spec, {{}, "c"}).prefix_bytes);
}

TEST(Render, an_empty_query_is_refused) {
    for (const std::string query : {"", " \n\t"}) {
        try {
            render(builtin("urial"), {{}, query});
            FAIL() << "expected an error";
        } catch (const Error& failure) {
            EXPECT_EQ(failure.kind(), ErrorKind::BadInput);
            EXPECT_STREQ(failure.what(), "the query is empty: there is nothing to answer");
        }
    }
}

TEST(Render, text_that_is_not_utf8_is_refused_with_its_place) {
    const auto message = [](const Conversation& conversation) -> std::string {
        try {
            render(builtin("urial"), conversation);
        } catch (const Error& failure) {
            return failure.what();
        }
        return "no error";
    };
    EXPECT_NE(message({{}, "caf\xE9"}).find("the query is not UTF-8: byte 3"), std::string::npos);
    EXPECT_NE(message({{{"a", "b"}, {"c", "\xFF"}}, "d"}).find("the answer of turn 2 is not UTF-8"), std::string::npos);
    EXPECT_NE(message({{{"", "b"}}, "d"}).find("the query of turn 1 is empty"), std::string::npos);
}

}  // namespace
}  // namespace urial::prompt
