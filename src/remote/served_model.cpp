#include "remote/served_model.h"

#include <utility>

#include <fmt/format.h>

namespace urial::remote {

using nlohmann::ordered_json;

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

}  // namespace urial::remote
