#include "cli/setting_flags.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "support/shell.h"

namespace urial::cli {
namespace {

std::optional<std::string> no_variables(const char*) { return std::nullopt; }

TEST(SettingFlags, a_flag_of_the_command_line_reaches_its_variable) {
    const test::Shell place;
    write_file_atomic(place.folder() / "urial.toml", "temperature = 0.5\nmax_tokens = 10\n");
    app::Settings made({place.folder(), {}, no_variables});
    CLI::App command;
    double temperature = -1;
    int max_tokens = -1;
    add_setting(command, made, "temperature", temperature);
    add_setting(command, made, "max_tokens", max_tokens);
    command.parse("--temperature 0.25");
    made.load();
    made.apply();
    EXPECT_EQ(temperature, 0.25);
    EXPECT_EQ(max_tokens, 10);
}

TEST(SettingFlags, a_negative_switch_turns_its_setting_off) {
    app::Settings made({{}, {}, no_variables});
    CLI::App command;
    bool snapshots = true;
    add_setting(command, made, "snapshots", snapshots);
    command.parse("--no-snapshot");
    made.apply();
    EXPECT_FALSE(snapshots);
}

TEST(SettingFlags, a_repeatable_flag_collects_and_takes_one_word_each_time) {
    app::Settings made({{}, {}, no_variables});
    CLI::App command;
    std::vector<std::string> adapters;
    std::string rest;
    add_setting(command, made, "lora", adapters);
    command.add_option("MESSAGE", rest);
    command.parse("--lora a.gguf --lora b.gguf:0.5 hello");
    made.apply();
    EXPECT_EQ(adapters, (std::vector<std::string>{"a.gguf", "b.gguf:0.5"}));
    EXPECT_EQ(rest, "hello");
}

}  // namespace
}  // namespace urial::cli
