#include "app/settings.h"

#include <map>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "support/expect_text.h"
#include "support/paths.h"
#include "support/shell.h"

namespace urial::app {
namespace {

using test::contains;

/// A folder with a user file and a project, and an environment of its own.
class SettingsTest : public ::testing::Test {
protected:
    fs::path project() const { return place.folder() / "project"; }
    fs::path user_file() const { return place.folder() / "user" / "config.toml"; }
    void write_user(std::string_view toml) const { write_file_atomic(user_file(), toml); }
    void write_project(std::string_view toml) const { write_file_atomic(project() / "urial.toml", toml); }

    Settings settings() const {
        make_directories(project());
        return Settings({working_directory.empty() ? project() : working_directory, user_file(),
                         [this](const char* name) -> std::optional<std::string> {
                             const auto found = environment.find(name);
                             if (found == environment.end()) return std::nullopt;
                             return found->second;
                         }});
    }
    Settings loaded() const {
        Settings made = settings();
        made.load();
        return made;
    }
    std::string refusal() const {
        try {
            loaded();
        } catch (const Error& failure) {
            EXPECT_EQ(failure.kind(), ErrorKind::BadInput);
            return failure.what();
        }
        return "";
    }

    test::Shell place;
    fs::path working_directory;
    std::map<std::string, std::string> environment;
};

TEST_F(SettingsTest, without_any_source_the_default_holds) {
    EXPECT_EQ(loaded().get("temperature").value, 0.0);
    EXPECT_EQ(loaded().get("temperature").origin, Origin::Default);
    EXPECT_EQ(loaded().get("snapshot_limit").value, 2'000'000'000);
}

TEST_F(SettingsTest, the_user_file_wins_over_the_default) {
    write_user("top_k = 1\n");
    EXPECT_EQ(loaded().get("top_k").value, 1);
    EXPECT_EQ(loaded().get("top_k").where, user_file().string() + ":1");
}

TEST_F(SettingsTest, the_project_file_wins_over_the_user_file) {
    write_user("top_k = 1\n");
    write_project("# a comment\ntop_k = 2\n");
    EXPECT_EQ(loaded().get("top_k").value, 2);
    EXPECT_TRUE(contains(loaded().get("top_k").where, "urial.toml:2"));
}

TEST_F(SettingsTest, the_environment_wins_over_the_project_file) {
    write_project("top_k = 2\n");
    environment["URIAL_TOP_K"] = "3";
    EXPECT_EQ(loaded().get("top_k").value, 3);
    EXPECT_EQ(loaded().get("top_k").where, "environment URIAL_TOP_K");
}

TEST_F(SettingsTest, a_flag_wins_over_the_environment_although_it_is_seen_first) {
    environment["URIAL_TOP_K"] = "3";
    Settings made = settings();
    made.set_flag(setting_info("top_k"), 4, "flag --top-k");
    made.load();
    EXPECT_EQ(made.get("top_k").value, 4);
    EXPECT_EQ(made.get("top_k").origin, Origin::Flag);
}

TEST_F(SettingsTest, sources_do_not_disturb_each_others_keys) {
    write_user("top_k = 1\nseed = 9\n");
    write_project("top_k = 2\n");
    EXPECT_EQ(loaded().get("seed").value, 9);
    EXPECT_EQ(loaded().get("seed").origin, Origin::UserFile);
}

TEST_F(SettingsTest, an_unknown_key_is_refused_with_file_line_and_suggestion) {
    write_project("seed = 1\nmax-tokens = 5\n");
    EXPECT_TRUE(contains(refusal(), "urial.toml:2: unknown setting 'max-tokens'; did you mean max_tokens?"));
}

TEST_F(SettingsTest, a_wrong_type_is_refused_with_file_line_and_what_is_taken) {
    write_user("\n\ntop_k = \"ten\"\n");
    EXPECT_TRUE(contains(refusal(), "config.toml:3: top_k cannot be 'ten'; it takes a whole number"));
    write_user("offline = \"yes\"\n");
    EXPECT_TRUE(contains(refusal(), "it takes true or false, without quotes"));
    write_user("model = 3\n");
    EXPECT_TRUE(contains(refusal(), "model cannot be '3'"));
    write_user("top_k = 1.5\n");
    EXPECT_TRUE(contains(refusal(), "top_k cannot be '1.5'"));
    write_user("flash_attention = \"yes\"\n");
    EXPECT_TRUE(contains(refusal(), "it takes one of: auto, on, off"));
    write_user("[model]\nname = 1\n");
    EXPECT_TRUE(contains(refusal(), "config.toml:1: model cannot be 'a table or a date'"));
}

TEST_F(SettingsTest, a_value_out_of_range_is_refused) {
    write_user("parallel = 0\n");
    EXPECT_TRUE(contains(refusal(), "parallel cannot be '0'; it takes a whole number from 1 to"));
}

TEST_F(SettingsTest, a_file_that_is_not_toml_is_refused_with_its_line) {
    write_user("seed = 1\nprompt =\n");
    EXPECT_TRUE(contains(refusal(), "config.toml:2:"));
}

TEST_F(SettingsTest, a_wrong_variable_is_refused_by_name) {
    environment["URIAL_THREADS"] = "many";
    EXPECT_TRUE(contains(refusal(), "URIAL_THREADS: threads cannot be 'many'"));
}

TEST_F(SettingsTest, the_project_file_is_found_from_below_up_to_the_repository) {
    write_project("seed = 7\n");
    make_directories(project() / ".git");
    make_directories(project() / "a" / "b");
    working_directory = project() / "a" / "b";
    EXPECT_EQ(loaded().get("seed").value, 7);
}

TEST_F(SettingsTest, a_file_above_the_repository_is_not_taken) {
    write_project("seed = 7\n");
    make_directories(project() / "inner" / ".git");
    working_directory = project() / "inner";
    EXPECT_EQ(loaded().get("seed").value, 0);
}

TEST_F(SettingsTest, outside_a_repository_a_parents_file_is_not_taken) {
    write_project("seed = 7\n");
    make_directories(project() / "below");
    working_directory = project() / "below";
    EXPECT_EQ(loaded().get("seed").value, 0);
}

TEST_F(SettingsTest, a_relative_path_in_a_file_is_meant_from_that_files_folder) {
    write_project("prompt = \"./mine.toml\"\nlora = [\"../adapter.gguf\"]\n");
    EXPECT_EQ(loaded().get("prompt").value, (project() / "mine.toml").string());
    EXPECT_EQ(loaded().get("lora").value.at(0), (place.folder() / "adapter.gguf").string());
}

TEST_F(SettingsTest, no_color_counts_as_environment_behind_our_own_variable) {
    environment["NO_COLOR"] = "1";
    EXPECT_EQ(loaded().get("color").value, "never");
    environment["URIAL_COLOR"] = "always";
    EXPECT_EQ(loaded().get("color").value, "always");
}

TEST_F(SettingsTest, sizes_are_read_as_people_write_them) {
    const SettingInfo& limit = setting_info("snapshot_limit");
    EXPECT_EQ(parse_setting(limit, "1.5 GB", "here"), 1'500'000'000);
    EXPECT_EQ(parse_setting(limit, "500mb", "here"), 500'000'000);
    EXPECT_EQ(parse_setting(limit, "42", "here"), 42);
    EXPECT_THROW(parse_setting(limit, "much", "here"), Error);
}

TEST_F(SettingsTest, every_setting_has_a_default_that_its_own_check_takes_and_a_variable_named_after_it) {
    for (const SettingInfo& info : setting_table()) {
        EXPECT_NO_THROW(parse_setting(info, info.default_text, "default")) << info.key;
        std::string name = "urial_" + std::string(info.key);
        for (char& c : name) c = static_cast<char>(std::toupper(c));
        EXPECT_EQ(info.environment, name);
    }
}

TEST_F(SettingsTest, the_documentation_has_a_row_for_every_setting_with_its_default) {
    const std::string page = read_text_file(test::source_path("docs/cli.md"));
    for (const SettingInfo& info : setting_table()) {
        const std::string_view shown = info.type == SettingType::List ? "[]" : info.default_text;
        const std::string row = fmt::format("\\| `{}` \\| `?\\[?{}\\]?`? \\|", info.key, shown == "[]" ? "" : shown);
        EXPECT_TRUE(test::has_match(page, row));
    }
}

}  // namespace
}  // namespace urial::app
