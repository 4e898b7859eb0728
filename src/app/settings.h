#pragma once

// Settings and where they come from: flag > environment > project urial.toml > user config.toml > default.
// One table says everything about each: files, environment, flags, `config show`, /set, docs and man page follow it.
// Knows no parser: whoever has flags sets them with set_flag() (cli/setting_flags.h). Belongs to one thread.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace urial::app {

enum class SettingType { Text, Choice, Integer, Number, Switch, List, Size };

struct SettingInfo {
    std::string_view key;  ///< name in files
    SettingType type;
    std::string_view default_text;  ///< as it would be typed
    std::string_view help;
    std::string_view environment;  ///< name of the variable
    std::string_view flag;         ///< "-m,--model"; "!--no-snapshot" switches off; empty: no flag
    std::string_view value_name;   ///< in help texts: "SPEC"; for a Choice its values too: "WHEN auto|on|off"
    double least = 0;              ///< Integer, Number, Size: the range, both ends included
    double most = 0;
    std::string_view flag_help = {};  ///< where the flag says something else than the setting
};

std::span<const SettingInfo> setting_table();
/// Throws Error{BadInput} with suggestions for an unknown key; '-' counts as '_'.
const SettingInfo& setting_info(std::string_view key);

/// The value that `text` stands for, checked against type and range. Throws Error{BadInput} that begins with `where`.
nlohmann::json parse_setting(const SettingInfo& info, std::string_view text, std::string_view where);
/// The same for a value that has a type already, as in a file.
nlohmann::json check_setting(const SettingInfo& info, const nlohmann::json& value, std::string_view where);
/// The values that a Choice takes.
std::vector<std::string> setting_choices(const SettingInfo& info);
/// As it would be typed.
std::string format_setting(const nlohmann::json& value);

enum class Origin { Default, UserFile, ProjectFile, Environment, Flag };

class Settings {
public:
    /// What lies outside the process, so that tests bring their own.
    struct Sources {
        std::filesystem::path working_directory;
        std::filesystem::path user_file;
        std::function<std::optional<std::string>(const char* name)> environment;
        static Sources of_process();
    };
    struct Value {
        nlohmann::json value;
        Origin origin = Origin::Default;
        std::string where;  ///< "default", "urial.toml:3", "environment URIAL_MODEL", "flag --model"
    };

    explicit Settings(Sources sources);

    /// Reads files and environment. Throws Error{BadInput} with file, line and a suggestion.
    void load();
    /// Flags win over everything else, whether set before or after load().
    void set_flag(const SettingInfo& info, nlohmann::json value, std::string where);

    const Value& get(std::string_view key) const;

    /// `target` gets the value of `key` at apply(), which is called once every source has been read.
    template <typename T>
    void bind(std::string_view key, T& target) {
        bindings_.push_back([this, key = std::string(key), &target] { get(key).value.get_to(target); });
    }
    void apply() const;

    const std::filesystem::path& user_file() const { return sources_.user_file; }
    /// The nearest urial.toml: in the working directory, or in a parent up to the one that holds .git.
    std::optional<std::filesystem::path> project_file() const;

private:
    void load_file(const std::filesystem::path& path, Origin origin);
    void load_environment();
    void offer(const SettingInfo& info, nlohmann::json value, Origin origin, std::string where);

    Sources sources_;
    std::map<std::string, Value, std::less<>> values_;
    std::vector<std::function<void()>> bindings_;
};

}  // namespace urial::app
