#include "cli/setting_flags.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "command_line/command_tree.h"

namespace urial::cli {
namespace {

/// Of a flag that stands more than once, one value a line, the last counts; servers count all.
std::string last_or_servers(const std::string& lines) {
    const auto is_server = [](std::string_view text) {
        return text.starts_with("http://") || text.starts_with("https://");
    };
    const std::vector<std::string_view> values = split(lines, '\n');
    if (!std::ranges::all_of(values, is_server)) return std::string(values.back());
    return fmt::format("{}", fmt::join(values, ","));
}

}  // namespace

CLI::Option* add_setting_flag(CLI::App& command, app::Settings& settings, std::string_view key) {
    const app::SettingInfo& info = app::setting_info(key);
    const std::string names(info.flag);
    const std::string help(info.flag_help.empty() ? info.help : info.flag_help);
    const std::string where = fmt::format("--{}", names.substr(names.rfind("--") + 2));
    if (info.type == app::SettingType::Switch) {
        const bool value = !names.starts_with('!');
        const auto set = [&settings, &info, where, value](std::int64_t) {
            settings.set_flag(info, value, "flag " + where);
        };
        return command.add_flag_function(value ? names : names.substr(1), set, help);
    }
    const auto set = [&settings, &info, where](const std::string& text) {
        settings.set_flag(info, app::parse_setting(info, last_or_servers(text), where), "flag " + where);
    };
    const auto set_list = [&settings, &info, where](const std::vector<std::string>& texts) {
        settings.set_flag(info, texts, "flag " + where);
    };
    CLI::Option* option = nullptr;
    if (info.type == app::SettingType::List) {
        option = command.add_option_function<std::vector<std::string>>(names, set_list, help)->allow_extra_args(false);
    } else {
        option = command.add_option_function<std::string>(names, set, help);
        option->multi_option_policy(CLI::MultiOptionPolicy::Join);
        if (info.type == app::SettingType::Choice) option->check(command_line::one_of(app::setting_choices(info)));
    }
    const std::string_view value_name = split(info.value_name, ' ').front();
    return option->type_name(std::string(value_name))->default_str(std::string(info.default_text));
}

}  // namespace urial::cli
