#include "generate/run_identity.h"

#include <ctime>

#include <fmt/format.h>

namespace urial::generate {

using nlohmann::ordered_json;

std::string first_difference(const ordered_json& before, const ordered_json& now, const std::string& path) {
    if (before.is_object() && now.is_object()) {
        for (const auto& [name, value] : now.items()) {
            const std::string below = path.empty() ? name : path + "." + name;
            if (!before.contains(name)) return below + " is new";
            const std::string difference = first_difference(before[name], value, below);
            if (!difference.empty()) return difference;
        }
        return "";
    }
    if (before == now) return "";
    const auto shown = [](const ordered_json& value) {
        std::string text = value.dump();
        if (text.size() > 60) text = text.substr(0, 57) + "...";
        return text;
    };
    return fmt::format("{} was {} and is now {}", path, shown(before), shown(now));
}

std::string timestamp() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&now, &utc);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text;
}

}  // namespace urial::generate
