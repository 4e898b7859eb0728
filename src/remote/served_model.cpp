#include "remote/served_model.h"

#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "remote/token_wire.h"

namespace urial::remote {

using nlohmann::ordered_json;

namespace {

/// "vLLM 0.12.0, llama-server b7000"
std::string softwares(const ordered_json& described) {
    std::set<std::string> names;
    const auto servers = described.find("servers");
    if (servers == described.end() || !servers->is_array()) return "";
    for (const ordered_json& server : *servers) {
        if (!server.is_object() || !server.contains("software")) continue;
        const auto text = [&](const char* key) { return server.value(key, std::string()); };
        names.insert(fmt::format("{}{}{}", text("software"), text("version").empty() ? "" : " ", text("version")));
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::string short_name(const std::string& model) {
    std::string name = model.substr(model.rfind('/') + 1);
    if (name.ends_with(".gguf")) name.resize(name.size() - 5);
    return name;
}

std::string served_generator(const std::string& model, const generate::PromptSource& prompt) {
    return fmt::format("{}+{}", short_name(model), prompt.label());
}

ordered_json served_identity(const std::string& model, const ordered_json& facts,
                             const generate::PromptSource& prompt) {
    ordered_json described = prompt.identity();
    described["text"] = prompt.text();
    return {{"model", {{"name", model}, {"served", facts}}},
            {"adapters", ordered_json::array()},
            {"prompt", std::move(described)}};
}

ordered_json scoring_identity(const std::string& model, const ordered_json& facts, const generate::PromptSource& prompt,
                              Software software) {
    ordered_json identity = served_identity(model, facts, prompt);
    identity["prompt"]["kind"] = prompt.kind();
    identity["prompt"]["text"] = prompt.outline();
    identity["software"] = name(software);
    identity["tie_rule"] = tie_rule(software);
    return identity;
}

std::string change_of_software(const ordered_json& before, const ordered_json& now) {
    const std::string earlier = softwares(before);
    const std::string later = softwares(now);
    if (earlier.empty() || earlier == later) return "";
    return fmt::format("what is there came from {}, the rest will come from {}: their last digits may differ", earlier,
                       later);
}

}  // namespace urial::remote
