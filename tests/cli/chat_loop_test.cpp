#include "cli/chat_loop.h"

#include <csignal>
#include <deque>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/settings.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "support/chat_fixture.h"
#include "support/expect_text.h"
#include "support/shell.h"

namespace urial::cli {
namespace {

using test::contains;

class ScriptedLines final : public terminal::LineSource {
public:
    Read read(std::string_view prompt) override {
        prompts.emplace_back(prompt);
        if (reads.empty()) return {};
        Read next = reads.front();
        reads.pop_front();
        return next;
    }
    void remember(std::string_view message) override { remembered.emplace_back(message); }

    std::deque<Read> reads;
    std::vector<std::string> prompts;
    std::vector<std::string> remembered;
};

class ChatLoopTest : public ::testing::Test {
protected:
    ChatLoopTest() : session(test::echo_model(), test::chat_spec(), {}) { context.terminal.verbosity = -1; }

    /// Everything that the loop wrote for these lines.
    std::string talk(const std::vector<std::string>& typed) {
        for (const std::string& line : typed) lines.reads.push_back({terminal::LineSource::Status::Line, line});
        return finish();
    }

    std::string finish() {
        std::string written;
        ChatOutput output;
        output.write = [&](std::string_view text) {
            written += text;
            pieces.emplace_back(text);
        };
        output.interactive = interactive;
        output.escape_control = escape_control;
        output.columns = [this] { return columns; };
        ChatLoop(session, lines, output, context, [this](const std::string& text) { return edit(text); }).run();
        return written;
    }

    app::ChatSession session;
    ScriptedLines lines;
    Context context;
    std::vector<std::string> pieces;
    bool interactive = false;
    bool escape_control = true;
    std::optional<std::size_t> columns;
    EditText edit = [](const std::string& text) { return text; };
};

TEST_F(ChatLoopTest, words_stay_whole_at_the_edge_of_a_terminal_and_lines_of_a_pipe_as_they_are) {
    EXPECT_EQ(talk({"one two three four"}), "You said one two three four.\n");
    columns = 12;
    EXPECT_EQ(talk({"one two three four"}), "You said one\ntwo three\nfour.\n");
}

TEST_F(ChatLoopTest, each_line_is_answered_on_a_line) {
    EXPECT_EQ(talk({"one", "", "two"}), "You said one.\nYou said two.\n");
    EXPECT_EQ(lines.remembered, (std::vector<std::string>{"one", "two"}));
}

TEST_F(ChatLoopTest, a_backslash_goes_on_in_the_next_line) {
    talk({"one\\", "two"});
    EXPECT_EQ(session.turns().at(0).query, "one\ntwo");
    EXPECT_EQ(lines.prompts.at(1), "... ");
}

TEST_F(ChatLoopTest, lines_between_three_quotes_are_one_message) {
    talk({"\"\"\"", "one", "", "  two\"\"\"", "\"\"\"three", "four", "\"\"\"", "\"\"\"five\"\"\"", "\"\"\"", "", "six",
          "\"\"\""});
    ASSERT_EQ(session.turns().size(), 4U);
    EXPECT_EQ(session.turns()[0].query, "one\n\n  two");
    EXPECT_EQ(session.turns()[1].query, "three\nfour");
    EXPECT_EQ(session.turns()[2].query, "five");
    EXPECT_EQ(session.turns()[3].query, "\nsix");
}

TEST_F(ChatLoopTest, pasted_lines_are_one_message) {
    talk({"one\ntwo"});
    EXPECT_EQ(session.turns().at(0).query, "one\ntwo");
}

TEST_F(ChatLoopTest, an_unknown_command_is_no_message_and_over_a_pipe_the_exit_code_tells) {
    EXPECT_EQ(talk({"/retyr", "one"}), "You said one.\n");
    EXPECT_EQ(context.exit_code, 1);
    EXPECT_EQ(session.turns().size(), 1U);
}

TEST_F(ChatLoopTest, a_mistake_at_a_terminal_is_no_failure_of_the_program) {
    interactive = true;
    talk({"/nonsense"});
    EXPECT_EQ(context.exit_code, 0);
}

TEST_F(ChatLoopTest, two_slashes_begin_a_message_with_one) { EXPECT_EQ(talk({"//usr/bin"}), "You said /usr/bin.\n"); }

TEST_F(ChatLoopTest, quit_and_its_aliases_leave) {
    for (const char* word : {"/quit", "/exit", "/bye", "/q"}) {
        lines.reads.clear();
        EXPECT_EQ(talk({word, "one"}), "") << word;
    }
}

TEST_F(ChatLoopTest, help_lists_every_command_of_the_documentation) {
    const std::string help = talk({"/help"});
    for (const char* word :
         {"/help", "/reset", "/undo", "/edit", "/retry", "/prompt", "/set", "/show", "/save", "/load", "/quit"}) {
        EXPECT_TRUE(contains(help, word));
    }
}

TEST_F(ChatLoopTest, reset_undo_and_retry_act_on_the_turns) {
    talk({"one", "two", "/undo", "three", "/retry"});
    ASSERT_EQ(session.turns().size(), 2U);
    EXPECT_EQ(session.turns()[1].query, "three");
    talk({"/reset"});
    EXPECT_TRUE(session.turns().empty());
}

TEST_F(ChatLoopTest, edit_sends_the_changed_message_in_place_of_the_last) {
    edit = [](const std::string& text) { return text + " and a half"; };
    EXPECT_EQ(talk({"one", "/edit"}), "You said one.\nYou said one and a half.\n");
    EXPECT_EQ(session.turns().size(), 1U);
}

TEST_F(ChatLoopTest, edit_without_a_change_sends_nothing) {
    edit = [](const std::string& text) { return text; };
    EXPECT_EQ(talk({"one", "/edit"}), "You said one.\n");
}

TEST_F(ChatLoopTest, set_changes_options_within_their_range) {
    talk({"/set temperature 0.7", "/set top-k 5", "/set max_tokens=9", "/set overflow drop-oldest", "/set seed 3"});
    EXPECT_EQ(session.sampling().temperature, 0.7);
    EXPECT_EQ(session.sampling().top_k, 5);
    EXPECT_EQ(session.sampling().max_tokens, 9);
    EXPECT_EQ(session.sampling().seed, 3U);
    EXPECT_EQ(session.overflow(), generate::Overflow::DropOldest);
    EXPECT_EQ(context.exit_code, 0);
    talk({"/set temperature hot", "/set top_p 3", "/set nothing 1", "/set seed"});
    EXPECT_EQ(session.sampling().temperature, 0.7);
    EXPECT_EQ(session.sampling().top_p, 1);
    EXPECT_EQ(context.exit_code, 1);
}

TEST_F(ChatLoopTest, set_system_takes_the_rest_of_the_line_and_none_takes_it_back) {
    talk({"/set system Answer in rhyme, always."});
    EXPECT_EQ(session.system(), "Answer in rhyme, always.");
    EXPECT_TRUE(contains(talk({"/show one"}), "Talk.\n\nAnswer in rhyme, always.\nQ: one\nA: "));
    talk({"/set system none"});
    EXPECT_EQ(session.system(), "");
    EXPECT_EQ(context.exit_code, 0);
}

TEST_F(ChatLoopTest, every_option_that_set_lists_can_be_set_to_what_it_shows) {
    const std::string shown = talk({"/set"});
    std::vector<std::string> again;
    for (const std::string_view line : split(trim(shown), '\n')) again.push_back("/set " + std::string(line));
    EXPECT_GE(again.size(), 8U);
    EXPECT_EQ(talk(again), "");
    EXPECT_EQ(context.exit_code, 0);
    EXPECT_EQ(talk({"/set"}), shown);
}

TEST_F(ChatLoopTest, show_prints_the_text_and_the_token_ids) {
    const std::string shown = talk({"one", "/show"});
    EXPECT_TRUE(contains(shown, "Talk.\nQ: one\nA: \n[256, 84, 97, 108, 107"));
}

TEST_F(ChatLoopTest, save_and_load_go_through_a_file) {
    const test::Shell place;
    const std::string file = (place.folder() / "chat.json").string();
    talk({"one", "/save " + file, "/reset", "/load " + file});
    EXPECT_EQ(context.exit_code, 0);
    ASSERT_EQ(session.turns().size(), 1U);
    EXPECT_EQ(session.turns()[0].answer, "You said one.");
    write_file_atomic(file, "{");
    talk({"/load " + file, "/save", "/load " + file + ".absent"});
    EXPECT_EQ(context.exit_code, 1);
    EXPECT_EQ(session.turns().size(), 1U);
}

TEST_F(ChatLoopTest, save_replaces_a_file_only_when_told_to_and_makes_no_folder) {
    const test::Shell place;
    const fs::path file = place.folder() / "chat.json";
    write_file_atomic(file, "somebody's");
    talk({"one", "/save " + file.string()});
    EXPECT_EQ(context.exit_code, 1);
    EXPECT_EQ(read_file(file), "somebody's");
    talk({"/save " + file.string() + " --force"});
    EXPECT_TRUE(contains(read_file(file), "You said one."));
    talk({"/save " + (place.folder() / "none/chat.json").string(), "/save --force"});
    EXPECT_FALSE(fs::exists(place.folder() / "none"));
    EXPECT_FALSE(fs::exists("--force"));
}

TEST_F(ChatLoopTest, prompt_changes_the_prompt_and_refuses_an_unknown_one) {
    talk({"/prompt zero-shot"});
    EXPECT_EQ(app::name_of(session.form()), "zero-shot");
    talk({"/prompt zero-shoot"});
    EXPECT_EQ(app::name_of(session.form()), "zero-shot");
    EXPECT_EQ(context.exit_code, 1);
}

TEST_F(ChatLoopTest, ctrl_c_drops_a_typed_line_and_leaves_only_when_pressed_twice_at_an_empty_prompt) {
    using enum terminal::LineSource::Status;
    interactive = true;
    lines.reads = {{Interrupted, "half a li"}, {Interrupted, ""}, {Line, "one"},
                   {Interrupted, ""},          {Interrupted, ""}, {Line, "never"}};
    EXPECT_EQ(finish(), "You said one.\n");
    EXPECT_EQ(lines.reads.size(), 1U);
}

TEST_F(ChatLoopTest, ctrl_c_in_a_block_drops_the_block) {
    using enum terminal::LineSource::Status;
    interactive = true;
    lines.reads = {{Line, "\"\"\"one"}, {Interrupted, ""}, {Line, "two"}};
    EXPECT_EQ(finish(), "You said two.\n");
}

TEST_F(ChatLoopTest, ctrl_c_stops_an_answer_and_the_conversation_goes_on) {
    terminal::install_interrupt_handler();
    session = app::ChatSession(test::answering_model([](std::string_view prompt) {
                                   return std::string(contains(prompt, "again") ? "Yes." : std::string(500, 'z'));
                               }),
                               test::chat_spec(), {});
    ScriptedLines typed;
    typed.reads = {{terminal::LineSource::Status::Line, "go"}, {terminal::LineSource::Status::Line, "again"}};
    std::string written;
    bool pressed = false;
    ChatOutput output;
    output.interactive = true;
    output.write = [&](std::string_view text) {
        written += text;
        if (!pressed && written.size() > 5) {
            pressed = true;
            std::raise(SIGINT);
        }
    };
    ChatLoop(session, typed, output, context, edit).run();
    EXPECT_LT(written.size(), 100U);
    EXPECT_TRUE(written.ends_with("\nYes.\n")) << written;
    EXPECT_EQ(context.exit_code, 0);
    EXPECT_FALSE(terminal::interrupted());
}

TEST_F(ChatLoopTest, a_block_that_never_ends_is_an_error) {
    talk({"\"\"\"one", "two"});
    EXPECT_TRUE(session.turns().empty());
    EXPECT_EQ(context.exit_code, 1);
}

TEST_F(ChatLoopTest, with_json_each_answer_is_one_object) {
    context.json = true;
    const nlohmann::json record = nlohmann::json::parse(talk({"one"}));
    EXPECT_EQ(record["query"], "one");
    EXPECT_EQ(record["output"], "You said one.");
    EXPECT_EQ(record["finish_reason"], "stop");
    EXPECT_EQ(record["prompt_tokens"], std::string("Talk.\nQ: one\nA: ").size() + 1) << "one a byte, and BOS";
}

TEST_F(ChatLoopTest, control_characters_of_the_model_cannot_drive_a_terminal_and_reach_a_file_as_they_are) {
    const auto model = test::answering_model([](std::string_view) {
        return "\x1b]0;title\x07 \xC2\x9B"
               "2J";
    });
    session = app::ChatSession(model, test::chat_spec(), {});
    EXPECT_EQ(talk({"one"}), "\\x1b]0;title\\x07 \\x9b2J\n");
    escape_control = false;
    EXPECT_EQ(talk({"one"}),
              "\x1b]0;title\x07 \xC2\x9B"
              "2J\n");
}

TEST_F(ChatLoopTest, the_joiner_of_an_emoji_stays_also_where_it_comes_as_a_piece_of_its_own) {
    const std::string family = "\U0001F469\u200D\u2764\uFE0F\u200D\U0001F469";
    const auto model = test::answering_model([&](std::string_view) { return family + " a\u200D"; });
    session = app::ChatSession(model, test::chat_spec(), {});
    EXPECT_EQ(talk({"one"}), family + " a\\u200d\n");
}

TEST_F(ChatLoopTest, a_character_that_several_tokens_make_is_written_whole) {
    session =
        app::ChatSession(test::answering_model([](std::string_view) { return "\xE2\x82\xAC"; }), test::chat_spec(), {});
    talk({"one"});
    for (const std::string& piece : pieces) EXPECT_TRUE(is_valid_utf8(piece));
}

TEST_F(ChatLoopTest, an_answer_that_ends_its_line_gets_no_second_newline) {
    session = app::ChatSession(test::answering_model([](std::string_view) { return "Yes.\n"; }), test::chat_spec(), {});
    EXPECT_EQ(talk({"one"}), "Yes.\n");
}

}  // namespace
}  // namespace urial::cli
