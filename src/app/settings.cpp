#include "app/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "base/toml_reader.h"

namespace urial::app {
namespace {

using nlohmann::json;

constexpr double kMostInteger = 1e9;

constexpr std::array kTable{
    SettingInfo{"model", SettingType::Text, "gemma-3-270m",
                "The model: a GGUF file, hf:OWNER/NAME[:QUANT], an alias or http://HOST/v1#MODEL", "URIAL_MODEL",
                "-m,--model", "SPEC"},
    SettingInfo{"lora", SettingType::List, "", "A LoRA adapter on top of the model; may be repeated", "URIAL_LORA",
                "--lora", "FILE[:SCALE]"},
    SettingInfo{"encoder", SettingType::Text, "all-mpnet-base-v2",
                "The encoder of texts: a GGUF file, hf:OWNER/NAME[:QUANT], an alias or http://HOST/v1#MODEL",
                "URIAL_ENCODER", "-e,--encoder", "SPEC"},
    SettingInfo{"threads", SettingType::Integer, "0", "Threads that compute; 0: one per core", "URIAL_THREADS",
                "-t,--threads", "N", 0, 1024},
    SettingInfo{"flash_attention", SettingType::Choice, "auto", "Flash attention", "URIAL_FLASH_ATTENTION",
                "--flash-attn", "WHEN auto|on|off"},
    SettingInfo{"arithmetic", SettingType::Choice, "auto", "Who multiplies quantised matrices", "URIAL_ARITHMETIC",
                "--arithmetic", "KIND auto|engine|packed|precise|f32"},
    SettingInfo{"device", SettingType::Text, "auto",
                "Where the model computes: auto (a GPU where there is one), cpu, or GPUs by name, such as CUDA0",
                "URIAL_DEVICE", "--device", "NAME[,NAME]"},
    SettingInfo{"gpu_layers", SettingType::Integer, "-1", "Layers of the model on the GPU; -1: all that fit",
                "URIAL_GPU_LAYERS", "--gpu-layers", "N", -1, 10000},
    SettingInfo{"prompt", SettingType::Text, "urial",
                "The prompt: a built-in name, a file, chat (the model's chat template) or retrieval", "URIAL_PROMPT",
                "-p,--prompt", "NAME|FILE"},
    SettingInfo{"context", SettingType::Integer, "0",
                "Tokens of context per conversation; 0: what the model was trained for (in chat at most 4096)",
                "URIAL_CONTEXT", "--context", "N", 0, kMostInteger},
    SettingInfo{"parallel", SettingType::Integer, "16", "How many answers are computed at the same time",
                "URIAL_PARALLEL", "--parallel", "N", 1, 1024},
    SettingInfo{"max_tokens", SettingType::Integer, "1024", "The most new tokens of an answer", "URIAL_MAX_TOKENS",
                "--max-tokens", "N", 1, kMostInteger},
    SettingInfo{"temperature", SettingType::Number, "0", "Randomness; 0: always the most likely token",
                "URIAL_TEMPERATURE", "--temperature", "X", 0, 100},
    SettingInfo{"top_p", SettingType::Number, "1",
                "Sample from the smallest set of tokens with this probability; 1: off", "URIAL_TOP_P", "--top-p", "X",
                0, 1},
    SettingInfo{"top_k", SettingType::Integer, "0", "Sample from the K most likely tokens; 0: off", "URIAL_TOP_K",
                "--top-k", "K", 0, kMostInteger},
    SettingInfo{"min_p", SettingType::Number, "0",
                "Drop tokens less likely than this share of the most likely one; 0: off", "URIAL_MIN_P", "--min-p", "X",
                0, 1},
    SettingInfo{"repetition_penalty", SettingType::Number, "1",
                "Divides the chance of tokens seen in prompt or answer (as in Hugging Face); 1: off",
                "URIAL_REPETITION_PENALTY", "--repetition-penalty", "X", 0.01, 100},
    SettingInfo{"seed", SettingType::Integer, "0", "Seed of the random numbers", "URIAL_SEED", "--seed", "N", 0,
                9007199254740992.0},
    SettingInfo{"color", SettingType::Choice, "auto", "Colour in messages", "URIAL_COLOR", "--color",
                "WHEN auto|always|never"},
    SettingInfo{"snapshots", SettingType::Switch, "true", "Keep computed prompt prefixes on disk for a faster start",
                "URIAL_SNAPSHOTS", "!--no-snapshot", "", 0, 0, "Neither read nor write prefix snapshots"},
    SettingInfo{"snapshot_limit", SettingType::Size, "2GB", "The most bytes of snapshots that are kept",
                "URIAL_SNAPSHOT_LIMIT", "", "BYTES", 0, 1e15},
    SettingInfo{"history", SettingType::Switch, "true",
                "Keep typed messages and the last conversation in the state folder", "URIAL_HISTORY", "!--no-history",
                "", 0, 0, "Keep neither typed messages nor the conversation"},
    SettingInfo{"offline", SettingType::Switch, "false", "Never download", "URIAL_OFFLINE", "--offline", ""},
};

[[noreturn]] void refuse(std::string_view where, const SettingInfo& info, std::string_view shown,
                         std::string_view need) {
    throw error(ErrorKind::BadInput, "{}: {} cannot be '{}'; {}", where, info.key, printable(shown), need);
}

std::string number_text(double value) { return fmt::format("{}", value); }

std::string range_text(const SettingInfo& info) {
    const std::string_view kind = info.type == SettingType::Number ? "a number" : "a whole number";
    return fmt::format("it takes {} from {} to {}", kind, number_text(info.least), number_text(info.most));
}

std::optional<double> parse_number(std::string_view text) {
    double value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

/// "2GB", "500 MB", "1000": powers of 1000, as human_bytes() prints them.
std::optional<double> parse_size(std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, double>, 5> kUnits{
        {{"tb", 1e12}, {"gb", 1e9}, {"mb", 1e6}, {"kb", 1e3}, {"b", 1}}};
    const std::string lower = lower_ascii(trim(text));
    std::string_view digits = lower;
    double factor = 1;
    for (const auto& [suffix, value] : kUnits) {
        if (digits.ends_with(suffix)) {
            digits.remove_suffix(suffix.size());
            factor = value;
            break;
        }
    }
    const auto number = parse_number(trim(digits));
    if (!number) return std::nullopt;
    return std::floor(*number * factor);
}

std::optional<bool> parse_switch(std::string_view text) {
    const std::string lower = lower_ascii(text);
    if (lower == "true" || lower == "1" || lower == "yes" || lower == "on") return true;
    if (lower == "false" || lower == "0" || lower == "no" || lower == "off") return false;
    return std::nullopt;
}

json in_range(const SettingInfo& info, double value, std::string_view shown, std::string_view where) {
    if (!(value >= info.least && value <= info.most)) refuse(where, info, shown, range_text(info));
    if (info.type == SettingType::Number) return value;
    if (value != std::floor(value)) refuse(where, info, shown, range_text(info));
    return static_cast<std::int64_t>(value);
}

json list_of(std::string_view text) {
    json list = json::array();
    for (const std::string_view part : split(text, ',')) {
        if (!trim(part).empty()) list.push_back(std::string(trim(part)));
    }
    return list;
}

/// A path that begins with ./ or ../ in a file is meant from that file's folder, ~/ from the home folder.
std::string path_from_file(const std::string& text, const fs::path& file) {
    if (text.starts_with("./") || text.starts_with("../"))
        return (file.parent_path() / text).lexically_normal().string();
    if (text.starts_with("~/")) {
        if (const auto home = environment("HOME")) return (fs::path(*home) / text.substr(2)).string();
    }
    return text;
}

json paths_from_file(json value, const fs::path& file) {
    if (value.is_string()) return path_from_file(value.get<std::string>(), file);
    if (value.is_array()) {
        for (json& item : value) item = path_from_file(item.get<std::string>(), file);
    }
    return value;
}

/// Null for what no setting can be: a date, a table.
json to_json(const toml::node& node) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* integer = node.as_integer()) return integer->get();
    if (const auto* number = node.as_floating_point()) return number->get();
    if (const auto* boolean = node.as_boolean()) return boolean->get();
    if (const auto* array = node.as_array()) {
        json list = json::array();
        for (const toml::node& item : *array) list.push_back(to_json(item));
        return list;
    }
    return nullptr;
}

/// A project's file may come from a stranger: nobody's text goes to a server because of it.
void refuse_server(const SettingInfo& info, const toml::node& node, const std::string& where) {
    const auto* text = node.as_string();
    if ((info.key != "model" && info.key != "encoder") || text == nullptr ||
        text->get().find("://") == std::string::npos)
        return;
    throw error(ErrorKind::BadInput,
                "{}: a project's file may not name a server, which would get what you type; use a flag, the "
                "environment or your own config.toml",
                where);
}

std::string shown(const json& value) { return value.is_null() ? "a table or a date" : format_setting(value); }

}  // namespace

std::span<const SettingInfo> setting_table() { return kTable; }

const SettingInfo& setting_info(std::string_view key) {
    std::string wanted(key);
    std::replace(wanted.begin(), wanted.end(), '-', '_');
    std::vector<std::string> keys;
    for (const SettingInfo& info : kTable) {
        if (info.key == wanted) return info;
        keys.emplace_back(info.key);
    }
    throw error(ErrorKind::BadInput, "unknown setting '{}'{}\n`urial config show` lists all settings", printable(key),
                did_you_mean(wanted, keys));
}

std::vector<std::string> setting_choices(const SettingInfo& info) {
    std::vector<std::string> names;
    const std::string_view values = info.value_name.substr(info.value_name.find(' ') + 1);
    for (const std::string_view name : split(values, '|')) names.emplace_back(name);
    return names;
}

json parse_setting(const SettingInfo& info, std::string_view text, std::string_view where) {
    switch (info.type) {
        case SettingType::Text:
        case SettingType::Choice: return check_setting(info, std::string(text), where);
        case SettingType::List: return list_of(text);
        case SettingType::Switch:
            if (const auto value = parse_switch(text)) return *value;
            refuse(where, info, text, "it takes true or false");
        case SettingType::Integer:
        case SettingType::Number:
            if (const auto value = parse_number(text)) return in_range(info, *value, text, where);
            refuse(where, info, text, range_text(info));
        case SettingType::Size:
            if (const auto value = parse_size(text)) return in_range(info, *value, text, where);
            refuse(where, info, text, "it takes bytes: 500MB, 2GB");
    }
    return nullptr;
}

json check_setting(const SettingInfo& info, const json& value, std::string_view where) {
    switch (info.type) {
        case SettingType::Text:
            if (value.is_string() && !value.get_ref<const std::string&>().empty()) return value;
            refuse(where, info, shown(value), "it takes text that is not empty");
        case SettingType::Choice: {
            const std::vector<std::string> names = setting_choices(info);
            const std::string text = value.is_string() ? value.get<std::string>() : shown(value);
            if (value.is_string() && std::find(names.begin(), names.end(), text) != names.end()) return value;
            refuse(where, info, text, fmt::format("it takes one of: {}", fmt::join(names, ", ")));
        }
        case SettingType::List:
            if (value.is_string()) return list_of(value.get<std::string>());
            if (value.is_array() &&
                std::all_of(value.begin(), value.end(), [](const json& item) { return item.is_string(); }))
                return value;
            refuse(where, info, shown(value), "it takes a list of texts");
        case SettingType::Switch:
            if (value.is_boolean()) return value;
            refuse(where, info, shown(value), "it takes true or false, without quotes");
        case SettingType::Integer:
        case SettingType::Number:
            if (value.is_number()) return in_range(info, value.get<double>(), shown(value), where);
            refuse(where, info, shown(value), range_text(info) + ", without quotes");
        case SettingType::Size:
            if (value.is_string()) return parse_setting(info, value.get<std::string>(), where);
            if (value.is_number()) return in_range(info, value.get<double>(), shown(value), where);
            refuse(where, info, shown(value), "it takes bytes: 500MB, 2GB");
    }
    return nullptr;
}

std::string format_setting(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_array()) {
        std::vector<std::string> items;
        for (const json& item : value) items.push_back(format_setting(item));
        return fmt::format("{}", fmt::join(items, ","));
    }
    if (value.is_number_float()) return number_text(value.get<double>());
    return value.dump();
}

Settings::Sources Settings::Sources::of_process() {
    std::error_code ignored;
    Sources sources{fs::current_path(ignored), {}, &urial::environment};
    try {
        sources.user_file = user_config_dir() / "config.toml";
    } catch (const Error&) {
        // Without HOME there is no user file; a command that needs a user folder says so itself.
    }
    return sources;
}

Settings::Settings(Sources sources) : sources_(std::move(sources)) {
    for (const SettingInfo& info : kTable) {
        values_[std::string(info.key)] = {parse_setting(info, info.default_text, "default"), Origin::Default,
                                          "default"};
    }
}

void Settings::load() {
    std::error_code ignored;
    if (fs::exists(sources_.user_file, ignored)) load_file(sources_.user_file, Origin::UserFile);
    if (const auto file = project_file()) load_file(*file, Origin::ProjectFile);
    load_environment();
}

void Settings::set_flag(const SettingInfo& info, json value, std::string where) {
    offer(info, std::move(value), Origin::Flag, std::move(where));
}

const Settings::Value& Settings::get(std::string_view key) const { return values_.find(key)->second; }

void Settings::apply() const {
    for (const auto& assign : bindings_) assign();
}

std::optional<fs::path> Settings::project_file() const {
    const auto file_in = [](const fs::path& folder) -> std::optional<fs::path> {
        std::error_code ignored;
        if (fs::is_regular_file(folder / "urial.toml", ignored)) return folder / "urial.toml";
        return std::nullopt;
    };
    std::optional<fs::path> nearest;
    for (fs::path folder = sources_.working_directory;; folder = folder.parent_path()) {
        if (!nearest) nearest = file_in(folder);
        std::error_code ignored;
        if (fs::exists(folder / ".git", ignored)) return nearest;
        if (folder == folder.parent_path()) break;
    }
    // Outside a repository a parent may belong to anybody (/tmp): only the folder itself counts.
    return file_in(sources_.working_directory);
}

void Settings::load_file(const fs::path& path, Origin origin) {
    const std::string text = read_text_file(path);
    const toml::table table = parse_toml(text, path.string());
    for (const auto& [key, node] : table) {
        const std::string where = fmt::format("{}:{}", path.string(), key.source().begin.line);
        std::vector<std::string> keys;
        for (const SettingInfo& info : kTable) keys.emplace_back(info.key);
        if (std::find(keys.begin(), keys.end(), key.str()) == keys.end()) {
            throw error(ErrorKind::BadInput, "{}: unknown setting '{}'{}\n`urial config show` lists all settings",
                        where, printable(key.str()), did_you_mean(key.str(), keys));
        }
        const SettingInfo& info = setting_info(key.str());
        if (origin == Origin::ProjectFile) refuse_server(info, node, where);
        offer(info, paths_from_file(check_setting(info, to_json(node), where), path), origin, where);
    }
}

void Settings::load_environment() {
    for (const SettingInfo& info : kTable) {
        const std::string name(info.environment);
        if (const auto text = sources_.environment(name.c_str())) {
            offer(info, parse_setting(info, *text, name), Origin::Environment, "environment " + name);
        } else if (info.key == "color" && sources_.environment("NO_COLOR")) {
            offer(info, "never", Origin::Environment, "environment NO_COLOR");
        }
    }
}

void Settings::offer(const SettingInfo& info, json value, Origin origin, std::string where) {
    Value& current = values_.find(info.key)->second;
    if (origin < current.origin) return;
    current = {std::move(value), origin, std::move(where)};
}

}  // namespace urial::app
