#include <chrono>
#include <random>

#include <gtest/gtest.h>

#include "base/error.h"
#include "prompt/prompt.h"

namespace urial::prompt {
namespace {

using End = AnswerScanner::End;

PromptSpec fenced_spec() {
    PromptSpec spec;
    spec.headers = {"# Query:", "# Answer:"};
    spec.fenced = true;
    return spec;
}

PromptSpec plain_spec() {
    PromptSpec spec;
    spec.headers = {"# User:", "# Assistant:"};
    return spec;
}

struct Scan {
    std::string text;
    End end = End::None;
    std::string matched;
    bool operator==(const Scan&) const = default;
};

Scan scan(const PromptSpec& spec, std::string_view text, std::size_t piece = std::string::npos) {
    AnswerScanner scanner(answer_form(spec));
    Scan result;
    for (std::size_t at = 0; at < text.size(); at += std::min(piece, text.size() - at)) {
        result.text += scanner.push(text.substr(at, piece));
    }
    result.text += scanner.finish();
    result.end = scanner.end();
    result.matched = scanner.matched();
    return result;
}

TEST(AnswerScanner, a_bare_fence_ends_the_answer_and_takes_one_newline_with_it) {
    EXPECT_EQ(scan(fenced_spec(), "Hello.\n```\n\n# Query:"), (Scan{"Hello.", End::ClosingFence, ""}));
    EXPECT_EQ(scan(fenced_spec(), "Hello.\n\n```\n"), (Scan{"Hello.\n", End::ClosingFence, ""}));
    EXPECT_EQ(scan(fenced_spec(), "Hello.\n```  \nmore"), (Scan{"Hello.", End::ClosingFence, ""}));
}

TEST(AnswerScanner, a_bare_fence_at_the_end_of_the_text_needs_no_newline) {
    EXPECT_EQ(scan(fenced_spec(), "Hello.\n```"), (Scan{"Hello.", End::ClosingFence, ""}));
    EXPECT_EQ(scan(fenced_spec(), "```"), (Scan{"", End::ClosingFence, ""}));
}

TEST(AnswerScanner, a_code_block_with_a_language_survives_in_the_answer) {
    const std::string answer = "Use this\n```python\nprint(1)\n```\nDone.";
    EXPECT_EQ(scan(fenced_spec(), answer + "\n```\n"), (Scan{answer, End::ClosingFence, ""}));
}

TEST(AnswerScanner, a_bare_fence_after_a_colon_opens_a_code_block) {
    const std::string close_by = "Like so:\n```\nls -l\n```\nDone.";
    EXPECT_EQ(scan(fenced_spec(), close_by + "\n```\n"), (Scan{close_by, End::ClosingFence, ""}));
    const std::string blank_between = "Like so: \n\n```\nls -l\n```\nDone.";
    EXPECT_EQ(scan(fenced_spec(), blank_between + "\n```\n"), (Scan{blank_between, End::ClosingFence, ""}));
}

TEST(AnswerScanner, a_longer_fence_is_closed_by_one_that_is_as_long) {
    const std::string answer = "See:\n````\n```\ninner\n```\n````\nDone.";
    EXPECT_EQ(scan(fenced_spec(), answer + "\n```\n"), (Scan{answer, End::ClosingFence, ""}));
}

TEST(AnswerScanner, an_indented_fence_belongs_to_a_code_block) {
    const std::string answer = "1. Run\n   ```\n   ls\n   ```\n2. Done.";
    EXPECT_EQ(scan(fenced_spec(), answer + "\n```\n"), (Scan{answer, End::ClosingFence, ""}));
}

TEST(AnswerScanner, inline_backticks_at_a_line_start_are_text) {
    const std::string answer = "```x``` is code.\nReally.";
    EXPECT_EQ(scan(fenced_spec(), answer + "\n```\n"), (Scan{answer, End::ClosingFence, ""}));
}

TEST(AnswerScanner, a_header_at_a_line_start_ends_the_answer_even_in_a_code_block) {
    EXPECT_EQ(scan(fenced_spec(), "A\n```c\nint x;\n# Query:\n"), (Scan{"A\n```c\nint x;", End::Header, "# Query:"}));
    EXPECT_EQ(scan(plain_spec(), "# User: again"), (Scan{"", End::Header, "# User:"}));
}

TEST(AnswerScanner, all_newlines_before_a_header_belong_to_the_header) {
    EXPECT_EQ(scan(plain_spec(), "A\n\n\n# User:\n"), (Scan{"A", End::Header, "# User:"}));
}

TEST(AnswerScanner, a_header_within_a_line_is_text) {
    const std::string text = "Write # User: there.";
    EXPECT_EQ(scan(plain_spec(), text), (Scan{text, End::None, ""}));
}

TEST(AnswerScanner, fences_end_nothing_in_a_plain_prompt) {
    const std::string text = "A\n```\nB\n```\n";
    EXPECT_EQ(scan(plain_spec(), text), (Scan{text, End::None, ""}));
}

TEST(AnswerScanner, nothing_is_stripped_from_an_answer_without_an_end) {
    const std::string text = "\n  A \n\n";
    EXPECT_EQ(scan(fenced_spec(), text), (Scan{text, End::None, ""}));
}

TEST(AnswerScanner, a_stop_string_ends_the_answer_anywhere) {
    PromptSpec spec = plain_spec();
    spec.stop = {"STOP"};
    EXPECT_EQ(scan(spec, "one STOP two"), (Scan{"one ", End::StopString, "STOP"}));
    AnswerScanner extra(answer_form(plain_spec()), {"two"});
    EXPECT_EQ(extra.push("one two three"), "one ");
    EXPECT_EQ(extra.end(), End::StopString);
    EXPECT_EQ(extra.push("four"), "");
    EXPECT_EQ(extra.finish(), "");
}

TEST(AnswerScanner, the_stop_that_is_complete_first_wins) {
    PromptSpec spec = plain_spec();
    spec.stop = {"abcdef", "cd"};
    EXPECT_EQ(scan(spec, "xabcdef"), (Scan{"xab", End::StopString, "cd"}));
    spec.stop = {"# User", "r:"};
    EXPECT_EQ(scan(spec, "x\n# User:"), (Scan{"x\n", End::StopString, "# User"}));
    spec.stop = {"er:"};
    EXPECT_EQ(scan(spec, "x\n# User:"), (Scan{"x", End::Header, "# User:"})) << "both end here; the header began first";
}

TEST(AnswerScanner, an_empty_stop_string_is_refused) {
    EXPECT_THROW(AnswerScanner(answer_form(plain_spec()), {""}), Error);
}

TEST(AnswerScanner, only_what_may_still_be_an_end_is_held_back) {
    AnswerScanner scanner(answer_form(fenced_spec()));
    EXPECT_EQ(scanner.push("Hello"), "Hello");
    EXPECT_EQ(scanner.push(" you.\n"), " you.");
    EXPECT_EQ(scanner.push("``"), "");
    EXPECT_EQ(scanner.push("x"), "\n``x") << "three backticks can no longer come";
    EXPECT_EQ(scanner.push("\n\n# Qu"), "");
    EXPECT_EQ(scanner.push("ick"), "\n\n# Quick");
    EXPECT_EQ(scanner.push(" `code`"), " `code`");
    EXPECT_EQ(scanner.push("\n```"), "");
    EXPECT_EQ(scanner.push("py"), "\n```py");
    EXPECT_EQ(scanner.push("\n```"), "\n```") << "inside a code block only a header could end it";
}

TEST(AnswerScanner, a_prompt_without_any_end_holds_nothing_back) {
    AnswerScanner scanner{AnswerForm{}};
    EXPECT_EQ(scanner.push("a\n\n```"), "a\n\n```");
}

TEST(AnswerScanner, how_the_text_is_cut_into_pieces_does_not_matter) {
    const std::vector<std::string> parts{"\n",   "\n\n", "```",  "`",        "``",       "````",      "python",
                                         " ",    ":",    "text", "# Query:", "# Que",    "# Answer:", "#",
                                         "STOP", "ST",   "OP",   "   ",      "\xE2\x82", "\r\n"};
    PromptSpec fenced = fenced_spec();
    fenced.stop = {"STOP", "TOPT", "\n\n\n\n"};
    PromptSpec plain = plain_spec();
    plain.headers = fenced.headers;
    std::mt19937 random(7);
    std::size_t ended = 0;
    for (int round = 0; round < 4000; ++round) {
        std::string text;
        for (std::size_t i = 0, count = random() % 24; i < count; ++i) text += parts[random() % parts.size()];
        for (const PromptSpec& spec : {fenced, plain}) {
            const Scan whole = scan(spec, text);
            ended += whole.end != End::None;
            for (const std::size_t piece : {1U, 2U, 5U}) EXPECT_EQ(scan(spec, text, piece), whole) << text;
            EXPECT_TRUE(text.starts_with(whole.text)) << "only the end of an answer may go: " << text;
            if (whole.end == End::None) {
                EXPECT_EQ(whole.text, text);
            }
        }
    }
    EXPECT_GT(ended, 1000U) << "the texts must reach the ends";
}

TEST(AnswerScanner, a_piece_takes_the_same_time_however_long_the_answer_before_it_is) {
    for (const std::string& part : {std::string("\n"), std::string(" "), std::string("a"), std::string("`")}) {
        const auto begin = std::chrono::steady_clock::now();
        AnswerScanner scanner(answer_form(fenced_spec()));
        std::string text = scanner.push("```");
        for (int i = 0; i < 300'000; ++i) text += scanner.push(part);
        text += scanner.finish();
        EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5)) << "'" << part << "'";
    }
}

TEST(AnswerScanner, what_is_passed_belongs_to_the_answer_and_what_begins_behind_it_may_end_it) {
    AnswerScanner scanner(answer_form(fenced_spec()), {"STOP"});
    std::string text = scanner.pass("a STOP\n# Query:\n");
    EXPECT_EQ(text, "a STOP\n# Query:\n");
    EXPECT_EQ(scanner.pass("b ST"), "b ST");
    EXPECT_EQ(scanner.push("OP c\n"), "OP c") << "this one began before; the newline may be a header's";
    EXPECT_EQ(scanner.push("# Query:"), "");
    EXPECT_EQ(scanner.end(), End::Header);
    EXPECT_EQ(scanner.pass("more"), "");
}

TEST(AnswerScanner, what_was_held_back_comes_with_what_is_passed) {
    AnswerScanner scanner(answer_form(plain_spec()), {"STOP"});
    EXPECT_EQ(scanner.push("a ST"), "a ");
    EXPECT_EQ(scanner.pass("OP"), "STOP");
    EXPECT_EQ(scanner.push(" b STOP c"), " b ");
    EXPECT_EQ(scanner.matched_stop(), "STOP");
    EXPECT_EQ(scanner.released(), 9U);
}

TEST(AnswerScanner, a_passed_newline_stays_where_a_header_or_fence_follows_it) {
    AnswerScanner header(answer_form(plain_spec()));
    EXPECT_EQ(header.pass("a\n"), "a\n");
    EXPECT_EQ(header.push("# User:"), "");
    EXPECT_EQ(header.end(), End::Header);
    AnswerScanner fence(answer_form(fenced_spec()));
    EXPECT_EQ(fence.pass("a\n"), "a\n");
    EXPECT_EQ(fence.push("```\n"), "");
    EXPECT_EQ(fence.end(), End::ClosingFence);
}

}  // namespace
}  // namespace urial::prompt
