#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "support/expect_text.h"
#include "support/shell.h"
#include "support/tiny_gguf.h"

namespace urial::cli {
namespace {

using test::begins_with;
using test::contains;
using test::has_match;
using test::Shell;
using test::ShellResult;

TEST(CommandLine, help_goes_to_standard_out_and_ends_in_success) {
    const ShellResult result = Shell().run("$URIAL --help");
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_TRUE(contains(result.out, "Usage: urial"));
    EXPECT_TRUE(contains(result.out, "chat"));
    EXPECT_EQ(result.err, "");
}

TEST(CommandLine, the_version_names_the_engine_and_the_cpu_features) {
    const ShellResult result = Shell().run("$URIAL --version");
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_TRUE(begins_with(result.out, "urial " URIAL_VERSION "\n"));
    EXPECT_TRUE(contains(result.out, "engine: llama.cpp"));
    EXPECT_TRUE(contains(result.out, "CPU features"));
}

TEST(CommandLine, a_cpu_level_that_is_none_is_refused_before_anything_else) {
    const ShellResult result = Shell().run("URIAL_CPU_LEVEL=avx3 $URIAL models list");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(begins_with(result.err, "error: URIAL_CPU_LEVEL=avx3: no such level of instruction sets\nhint: use "));
    EXPECT_EQ(result.out, "");
}

TEST(CommandLine, a_misspelt_command_is_refused_with_a_suggestion) {
    const ShellResult result = Shell().run("$URIAL chta hello");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(begins_with(result.err, "error: urial: unknown command 'chta'; did you mean chat?\nhint: "));
    EXPECT_EQ(result.out, "");
}

TEST(CommandLine, a_misspelt_flag_is_refused_with_a_suggestion) {
    const ShellResult result = Shell().run("$URIAL chat --temprature 1 hello");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(contains(result.err, "unknown option '--temprature'; did you mean --temperature?"));
}

TEST(CommandLine, a_global_flag_may_stand_behind_the_command) {
    const ShellResult result = Shell().run("$URIAL config show --json");
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_TRUE(begins_with(result.out, "{"));
}

TEST(CommandLine, a_command_that_does_nothing_by_itself_shows_its_help_as_an_error) {
    const ShellResult root = Shell().run("$URIAL");
    EXPECT_EQ(root.exit_code, 2);
    EXPECT_EQ(root.out, "");
    EXPECT_TRUE(contains(root.err, "Usage: urial [OPTIONS] COMMAND"));
    EXPECT_TRUE(contains(root.err, "urial demo"));
    const ShellResult judge = Shell().run("$URIAL judge --json");
    EXPECT_EQ(judge.exit_code, 2);
    EXPECT_TRUE(contains(judge.err, "Usage: urial judge [OPTIONS] COMMAND"));
}

TEST(CommandLine, help_is_a_command_too_and_knows_those_below_others) {
    const Shell shell;
    EXPECT_EQ(shell.run("$URIAL help").out, shell.run("$URIAL --help").out);
    EXPECT_EQ(shell.run("$URIAL help judge score").out, shell.run("$URIAL judge score --help").out);
    EXPECT_TRUE(contains(shell.run("$URIAL help judge score").out, "Usage: urial judge score"));
    const ShellResult wrong = shell.run("$URIAL help judge scoer");
    EXPECT_EQ(wrong.exit_code, 2);
    EXPECT_TRUE(contains(wrong.err, "urial judge has no command 'scoer'; did you mean score?"));
}

TEST(CommandLine, everything_that_is_missing_is_said_at_once_with_the_usage) {
    const ShellResult result = Shell().run("$URIAL generate");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(begins_with(result.err,
                            "error: urial generate: -i, --input FILE and -o, --output FILE are missing\n"
                            "hint: usage: urial generate [OPTIONS] -i FILE -o FILE\n"));
    EXPECT_TRUE(contains(Shell().run("$URIAL prompt show").err, "PROMPT is missing"));
}

TEST(CommandLine, a_value_of_the_wrong_type_names_the_flag_and_the_value) {
    const Shell shell;
    EXPECT_TRUE(contains(shell.run("$URIAL generate -i a -o b --limit ten").err,
                         "--limit: 'ten' is not a number that it takes"));
    EXPECT_TRUE(contains(shell.run("$URIAL generate -i a -o b --limit").err, "--limit needs a value"));
    EXPECT_TRUE(contains(shell.run("$URIAL report a --format markdwn").err,
                         "--format: 'markdwn' is none of text, markdown, csv, latex, json; did you mean markdown?"));
    EXPECT_TRUE(contains(shell.run("$URIAL chat --flash-attn maybe hi").err, "'maybe' is none of auto, on, off"));
}

TEST(CommandLine, json_is_accepted_before_between_and_behind_the_commands) {
    const Shell shell;
    const std::string expected = shell.run("$URIAL config path --json").out;
    EXPECT_TRUE(begins_with(expected, "{"));
    EXPECT_EQ(shell.run("$URIAL --json config path").out, expected);
    EXPECT_EQ(shell.run("$URIAL config --json path").out, expected);
    EXPECT_EQ(shell.run("HF_HOME=$HOME/hf $URIAL --json models").out, "[]\n");
    EXPECT_EQ(shell.run("HF_HOME=$HOME/hf $URIAL models --json").out, "[]\n");
}

TEST(CommandLine, on_a_terminal_messages_and_help_break_between_words) {
    const Shell shell;
    const auto narrow = [&](const std::string& command) {
        return shell.run("script -qec \"stty cols 50; " + command + "\" /dev/null").out;
    };
    const std::string error = narrow("$URIAL chat -m ./absent.gguf hello");
    EXPECT_TRUE(contains(error, "absent.gguf"));
    for (const std::string_view line : split(error, '\n')) EXPECT_LE(line.size(), 70U) << "colours included: " << line;
    EXPECT_TRUE(contains(error, "models`\r\nlists"));
    const std::string help = narrow("$URIAL help chat");
    EXPECT_TRUE(contains(help, "--repetition-penalty"));
    for (const std::string_view line : split(help, '\n')) {
        const bool is_example = contains(line, "urial chat");
        EXPECT_TRUE(is_example || line.size() <= 51U) << line;
    }
}

TEST(CommandLine, a_model_that_looks_like_a_repository_is_pointed_to_the_hub) {
    const ShellResult result = Shell().run("$URIAL chat -m someone/tiny-GGUF:Q8_0 hello");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(contains(result.err, "hf:someone/tiny-GGUF:Q8_0"));
}

TEST(CommandLine, pull_takes_a_repository_without_hf) {
    const ShellResult result = Shell().run("HF_HUB_OFFLINE=1 $URIAL pull someone/tiny-GGUF");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(contains(result.err, "taken as hf:someone/tiny-GGUF"));
    EXPECT_TRUE(contains(result.err, "HF_HUB_OFFLINE forbids downloads"));
}

TEST(CommandLine, a_model_is_shown_from_its_header_with_its_hash) {
    const Shell shell;
    test::TinyGguf::minimal().write(shell.folder() / "x.gguf");
    const ShellResult shown = shell.run("$URIAL models show ./x.gguf");
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    EXPECT_TRUE(has_match(shown.out, "architecture +tiny\n"));
    EXPECT_TRUE(has_match(shown.out, "context +256 tokens\n"));
    EXPECT_TRUE(has_match(shown.out, "chat template +none\n"));
    const std::string sha256 = sha256_file(shell.folder() / "x.gguf");
    EXPECT_TRUE(contains(shown.out, sha256));
    const auto json = nlohmann::json::parse(shell.run("$URIAL models show ./x.gguf --json").out);
    EXPECT_EQ(json.at("sha256"), sha256);
    EXPECT_EQ(json.at("context_length"), 256);
}

TEST(CommandLine, a_model_is_removed_when_asked_for_by_its_name_and_never_a_file_of_the_users) {
    const Shell shell;
    const fs::path path = shell.folder() / ".cache/urial/models/gemma-3-270m-q4_k_m.gguf";
    test::TinyGguf::minimal().write(path);
    const ShellResult nobody = shell.run("$URIAL models rm gemma-3-270m < /dev/null");
    EXPECT_EQ(nobody.exit_code, 2);
    EXPECT_TRUE(contains(nobody.err, "give --yes"));
    EXPECT_TRUE(fs::exists(path));
    const std::string asked = shell.run("echo n | script -qec \"$URIAL models rm gemma-3-270m\" /dev/null").out;
    EXPECT_TRUE(contains(asked, "nothing was removed"));
    EXPECT_TRUE(fs::exists(path));
    const ShellResult removed = shell.run("$URIAL models rm gemma-3-270m --yes");
    EXPECT_EQ(removed.exit_code, 0) << removed.err;
    EXPECT_TRUE(contains(removed.out, "freed"));
    EXPECT_FALSE(fs::exists(path));

    test::TinyGguf::minimal().write(shell.folder() / "mine.gguf");
    EXPECT_EQ(shell.run("$URIAL models rm mine.gguf --yes").exit_code, 2);
    EXPECT_TRUE(fs::exists(shell.folder() / "mine.gguf"));
}

TEST(CommandLine, a_value_out_of_range_names_the_flag_the_value_and_the_range) {
    const ShellResult result = Shell().run("$URIAL chat --top-p 2 hello");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(contains(result.err, "--top-p: top_p cannot be '2'; it takes a number from 0 to 1"));
}

TEST(CommandLine, two_words_without_quotes_are_explained) {
    const ShellResult result = Shell().run("$URIAL chat hello there");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(contains(result.err, "one argument too many: 'there'"));
    EXPECT_TRUE(contains(result.err, "quotes"));
}

TEST(CommandLine, a_model_that_does_not_exist_ends_in_2) {
    const ShellResult result = Shell().run("$URIAL chat -m ./absent.gguf hello");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(contains(result.err, "absent.gguf"));
    EXPECT_EQ(result.out, "");
}

TEST(CommandLine, an_empty_message_is_refused_before_a_model_is_looked_for) {
    EXPECT_TRUE(contains(Shell().run("$URIAL chat -m ./absent.gguf ''").err, "the message is empty"));
    EXPECT_TRUE(contains(Shell().run("echo | $URIAL chat -m ./absent.gguf -").err, "the message is empty"));
}

TEST(CommandLine, a_message_that_is_not_utf8_is_refused) {
    const ShellResult result = Shell().run(R"(printf 'a\377' | $URIAL chat -m ./absent.gguf -)");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(contains(result.err, "not UTF-8"));
}

TEST(CommandLine, a_reader_that_has_seen_enough_causes_no_complaint) {
    const ShellResult result = Shell().run("$URIAL man | head -c 1");
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.err, "");
    // A parent may have SIGPIPE ignored.
    EXPECT_EQ(Shell().run("(trap '' PIPE; $URIAL --help) | head -0").err, "");
}

TEST(CommandLine, output_that_cannot_be_written_is_an_error) {
    const ShellResult result = Shell().run("$URIAL --help > /dev/full");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(contains(result.err, "standard output"));
}

TEST(CommandLine, no_color_wins_over_the_terminal_and_the_flag_over_no_color) {
    const Shell shell;
    EXPECT_TRUE(contains(shell.run("$URIAL chat --color always -m ./absent.gguf hello").err, "\x1b["));
    EXPECT_TRUE(contains(shell.run("NO_COLOR=1 $URIAL chat --color always -m ./absent.gguf hello").err, "\x1b["));
    // `script` gives the command a terminal, where colour would be the default.
    const std::string on_a_terminal = "script -qec \"$URIAL chat -m ./absent.gguf hello\" /dev/null";
    EXPECT_TRUE(contains(shell.run(on_a_terminal).out, "\x1b["));
    EXPECT_FALSE(contains(shell.run("export NO_COLOR=1; " + on_a_terminal).out, "\x1b["));
}

TEST(CommandLine, a_broken_settings_file_stops_commands_but_not_the_ones_that_help_to_mend_it) {
    const Shell shell;
    write_file_atomic(shell.folder() / "urial.toml", "temprature = 1\n");
    const ShellResult result = shell.run("$URIAL config show");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(contains(result.err, "urial.toml:1: unknown setting 'temprature'; did you mean temperature?"));
    EXPECT_EQ(shell.run("$URIAL config path").exit_code, 0);
    EXPECT_EQ(shell.run("$URIAL completion bash").exit_code, 0);
}

TEST(CommandLine, settings_show_where_each_value_comes_from) {
    const Shell shell;
    write_file_atomic(shell.folder() / "urial.toml", "\ntop_k = 7\n");
    const ShellResult result = shell.run("URIAL_PROMPT=zero-shot $URIAL config show --seed 5");
    EXPECT_TRUE(has_match(result.out, "top_k +7 +.*urial.toml:2\n"));
    EXPECT_TRUE(has_match(result.out, "prompt +zero-shot +environment URIAL_PROMPT\n"));
    EXPECT_TRUE(has_match(result.out, "seed +5 +flag --seed\n"));
    EXPECT_TRUE(has_match(result.out, "top_p +1 +default\n"));
}

TEST(CommandLine, it_works_without_a_home) {
    const ShellResult result = Shell().run("unset HOME; $URIAL config show");
    EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST(CommandLine, a_model_file_needs_no_home) {
    const Shell shell;
    test::TinyGguf::minimal().write(shell.folder() / "tiny.gguf");
    const ShellResult result = shell.run("unset HOME XDG_CACHE_HOME URIAL_CACHE; $URIAL chat -m tiny.gguf hello");
    EXPECT_EQ(result.err.find("HOME"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("tiny.gguf: "), std::string::npos)
        << "it is no real model, as is to be said: " << result.err;
}

TEST(CommandLine, an_output_that_is_the_input_or_no_run_of_ours_is_left_as_it_is) {
    const Shell shell;
    const std::string input = "{\"id\": 1, \"instruction\": \"why?\"}\n";
    write_file_atomic(shell.folder() / "in.jsonl", input);
    write_file_atomic(shell.folder() / "diary.txt", "dear diary");
    fs::create_symlink("in.jsonl", shell.folder() / "link.jsonl");
    fs::create_hard_link(shell.folder() / "in.jsonl", shell.folder() / "hard.jsonl");
    for (const char* output : {"in.jsonl", "link.jsonl", "hard.jsonl"}) {
        for (const char* overwrite : {"", " --overwrite"}) {
            const ShellResult result =
                shell.run(std::string("$URIAL generate -m none.gguf -i in.jsonl -o ") + output + overwrite);
            EXPECT_EQ(result.exit_code, 2);
            EXPECT_NE(result.err.find("input and output are the same file"), std::string::npos) << result.err;
        }
    }
    const ShellResult array =
        shell.run("$URIAL generate -m none.gguf -i in.jsonl --format alpaca-eval -o diary.txt --overwrite");
    EXPECT_EQ(array.exit_code, 2);
    EXPECT_NE(array.err.find("nothing proves"), std::string::npos) << array.err;
    EXPECT_EQ(read_file(shell.folder() / "in.jsonl"), input);
    EXPECT_EQ(read_file(shell.folder() / "diary.txt"), "dear diary");
}

TEST(CommandLine, a_limit_of_0_is_the_same_error_everywhere) {
    const Shell shell;
    write_file_atomic(shell.folder() / "q.jsonl", "{\"instruction\": \"Why?\", \"output\": \"So.\"}\n");
    for (const char* command : {"generate -m ./none.gguf -i q.jsonl -o out.jsonl",
                                "shift --base ./none.gguf --aligned ./none.gguf -i q.jsonl -o run",
                                "judge score q.jsonl --judge ./none.gguf -o run"}) {
        const ShellResult result = shell.run("$URIAL " + std::string(command) + " --limit 0");
        EXPECT_EQ(result.exit_code, 2) << command;
        EXPECT_TRUE(contains(result.err, "--limit: '0' is not a number that it takes"))
            << command << ": " << result.err;
    }
}

TEST(CommandLine, a_hyphen_is_standard_input_and_its_lines_are_named) {
    const ShellResult result =
        Shell().run("printf '{\"instruction\": \"a\"}\\n\\n{\"text\": 1}\\n' | $URIAL generate -i - -o out.jsonl");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(contains(result.err, "standard-input:3: the object has neither")) << result.err;
    const ShellResult turns =
        Shell().run("echo '[{\"query\": \"a\", \"answer\": \"b\"}]' | $URIAL prompt render raw --query c --turns -");
    EXPECT_EQ(turns.exit_code, 0) << turns.err;
    EXPECT_TRUE(contains(turns.out, "a") && contains(turns.out, "b") && contains(turns.out, "c")) << turns.out;
}

TEST(CommandLine, json_is_a_form_of_every_result_or_refused) {
    const ShellResult rendered = Shell().run("$URIAL prompt render raw --query Why? --json");
    EXPECT_TRUE(contains(rendered.out, "\"text\": \"Why?\"")) << rendered.out;
    for (const char* command : {"completion bash", "man"}) {
        const ShellResult result = Shell().run("$URIAL --json " + std::string(command));
        EXPECT_EQ(result.exit_code, 2) << command;
        EXPECT_TRUE(contains(result.err, "no form as JSON")) << result.err;
        EXPECT_EQ(result.out, "") << command;
    }
    const ShellResult both = Shell().run("$URIAL generate --json -i q.jsonl -o -");
    EXPECT_EQ(both.exit_code, 2);
    EXPECT_TRUE(contains(both.err, "-o - writes answers to standard output")) << both.err;
}

}  // namespace
}  // namespace urial::cli
