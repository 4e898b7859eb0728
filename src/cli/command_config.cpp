// `urial config show` and `urial config path`.

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/settings.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/setting_flags.h"

namespace urial::cli {
namespace {

std::string_view origin_name(app::Origin origin) {
    switch (origin) {
        case app::Origin::Default: return "default";
        case app::Origin::UserFile: return "user file";
        case app::Origin::ProjectFile: return "project file";
        case app::Origin::Environment: return "environment";
        case app::Origin::Flag: return "flag";
    }
    return "";
}

void show_json(const app::Settings& settings) {
    nlohmann::ordered_json all = nlohmann::ordered_json::object();
    for (const app::SettingInfo& info : app::setting_table()) {
        const app::Settings::Value& value = settings.get(info.key);
        all[std::string(info.key)] = {
            {"value", value.value}, {"origin", origin_name(value.origin)}, {"where", value.where}};
    }
    fmt::print("{}", json_text(all));
}

void show_table(const app::Settings& settings) {
    std::size_t key_width = 0;
    std::size_t value_width = 0;
    for (const app::SettingInfo& info : app::setting_table()) {
        key_width = std::max(key_width, info.key.size());
        value_width = std::max(value_width, printable(app::format_setting(settings.get(info.key).value)).size());
    }
    for (const app::SettingInfo& info : app::setting_table()) {
        const app::Settings::Value& value = settings.get(info.key);
        const std::string text = printable(app::format_setting(value.value));
        std::puts(fmt::format("{:<{}}  {:<{}}  {}", info.key, key_width, text.empty() ? "-" : text, value_width,
                              printable(value.where))
                      .c_str());
    }
}

void show_paths(const app::Settings& settings, bool json) {
    const auto project = settings.project_file();
    if (json) {
        nlohmann::ordered_json paths;
        paths["user"] = settings.user_file().string();
        paths["project"] = project ? nlohmann::ordered_json(project->string()) : nlohmann::ordered_json();
        fmt::print("{}", json_text(paths));
        return;
    }
    std::error_code ignored;
    const bool exists = std::filesystem::exists(settings.user_file(), ignored);
    std::puts(fmt::format("user     {}{}", settings.user_file().string(), exists ? "" : " (does not exist)").c_str());
    std::puts(fmt::format("project  {}", project ? project->string() : "none (urial.toml here or above, up to .git)")
                  .c_str());
}

}  // namespace

void add_config_command(CLI::App& app, Context& context) {
    CLI::App* config = app.add_subcommand("config", "Show the settings and where they come from");
    config->require_subcommand(1);
    CLI::App* show = config->add_subcommand("show", "Print every setting, its value and its origin");
    for (const app::SettingInfo& info : app::setting_table()) {
        if (!info.flag.empty() && info.key != "color") add_setting_flag(*show, *context.settings, info.key);
    }
    show->footer(examples({
        {"Every setting and where its value comes from", "urial config show"},
        {"The same with a flag on top, for a program", "urial config show --temperature 0.7 --json"},
    }));
    show->callback([&context] { context.json ? show_json(*context.settings) : show_table(*context.settings); });

    CLI::App* path = config->add_subcommand("path", "Print where the settings files are looked for");
    path->footer(examples({
        {"Where settings are looked for", "urial config path"},
        {"For a program", "urial config path --json"},
    }));
    path->parse_complete_callback([&context] { context.needs_settings = false; });
    path->final_callback([&context] { show_paths(*context.settings, context.json); });
}

}  // namespace urial::cli
