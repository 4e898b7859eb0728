#pragma once

// The settings of app/settings.h as flags of a command.

#include <string_view>

#include <CLI/CLI.hpp>

#include "app/settings.h"

namespace urial::cli {

/// Adds the setting's flag to a command, with its help, default and checks from the table. The command must not outlive
/// `settings`.
CLI::Option* add_setting_flag(CLI::App& command, app::Settings& settings, std::string_view key);

/// The same, and `target` receives the value from wherever it comes before the command's callback runs.
template <typename T>
CLI::Option* add_setting(CLI::App& command, app::Settings& settings, std::string_view key, T& target) {
    settings.bind(key, target);
    return add_setting_flag(command, settings, key);
}

}  // namespace urial::cli
