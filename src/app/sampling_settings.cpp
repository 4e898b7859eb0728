#include "app/sampling_settings.h"

#include <algorithm>
#include <array>

#include "app/settings.h"
#include "base/error.h"

namespace urial::app {
namespace {

/// Calls `use` with the member that `key` names.
template <typename Sampling, typename Use>
void with_member(Sampling& sampling, std::string_view key, const Use& use) {
    if (key == "temperature") use(sampling.temperature);
    if (key == "top_p") use(sampling.top_p);
    if (key == "top_k") use(sampling.top_k);
    if (key == "min_p") use(sampling.min_p);
    if (key == "repetition_penalty") use(sampling.repetition_penalty);
    if (key == "seed") use(sampling.seed);
    if (key == "max_tokens") use(sampling.max_tokens);
}

}  // namespace

std::span<const std::string> sampling_keys() {
    static const std::array<std::string, 7> keys{"temperature",        "top_p", "top_k",     "min_p",
                                                 "repetition_penalty", "seed",  "max_tokens"};
    return keys;
}

nlohmann::json sampling_value(const generate::SamplingOptions& sampling, std::string_view key) {
    nlohmann::json value;
    with_member(sampling, key, [&](const auto& member) { value = member; });
    return value;
}

void set_sampling_value(generate::SamplingOptions& sampling, std::string_view key, const nlohmann::json& value) {
    with_member(sampling, key, [&](auto& member) { value.get_to(member); });
}

generate::SamplingOptions read_sampling(const nlohmann::json& object, const std::string& where) {
    if (!object.is_object()) throw error(ErrorKind::BadInput, "{}: a JSON object is needed", where);
    generate::SamplingOptions sampling;
    const auto at = [&](const std::string& key) -> const nlohmann::json& {
        const auto found = object.find(key);
        if (found == object.end()) throw error(ErrorKind::BadInput, "{}: '{}' is missing", where, key);
        return *found;
    };
    for (const std::string& key : sampling_keys()) {
        set_sampling_value(sampling, key, check_setting(setting_info(key), at(key), where));
    }
    const nlohmann::json& stop = at("stop");
    const auto is_text = [](const nlohmann::json& value) { return value.is_string(); };
    if (!stop.is_array() || !std::all_of(stop.begin(), stop.end(), is_text)) {
        throw error(ErrorKind::BadInput, "{}: 'stop' must be a list of texts", where);
    }
    stop.get_to(sampling.stop);
    generate::check(sampling);
    return sampling;
}

}  // namespace urial::app
