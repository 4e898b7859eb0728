#include "generate/run_identity.h"

#include <array>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "base/hash.h"

namespace urial::generate {
namespace {

using nlohmann::ordered_json;

std::string shown(const ordered_json& value) {
    std::string text = value.dump();
    if (text.size() > 60) text = text.substr(0, 57) + "...";
    return text;
}

std::string first_difference_of_objects(const ordered_json& before, const ordered_json& now, const std::string& path) {
    const auto below = [&](const std::string& name) { return path.empty() ? name : path + "." + name; };
    for (const auto& [name, value] : now.items()) {
        if (!before.contains(name)) return fmt::format("{} is not stated and is now {}", below(name), shown(value));
        const std::string difference = first_difference(before[name], value, below(name));
        if (!difference.empty()) return difference;
    }
    for (const auto& [name, value] : before.items()) {
        if (!now.contains(name)) return fmt::format("{} was {} and is no longer stated", below(name), shown(value));
    }
    return "";
}

/// Where an identity describes a model: at its top, or on both sides of a pair.
constexpr std::array<const char*, 2> kSides{"base", "aligned"};

/// What servers said of the model; null where it is none of theirs, an empty object where nobody asked them.
ordered_json served_in(const ordered_json& identity) {
    const auto model = identity.find("model");
    return model == identity.end() || !model->is_object() ? nullptr : model->value("served", ordered_json());
}

bool has_side(const ordered_json& identity, const char* side) {
    return identity.contains(side) && identity[side].is_object();
}

}  // namespace

std::string first_difference(const ordered_json& before, const ordered_json& now, const std::string& path) {
    if (before.is_object() && now.is_object()) return first_difference_of_objects(before, now, path);
    if (before == now) return "";
    return fmt::format("{} was {} and is now {}", path, shown(before), shown(now));
}

ordered_json with_served(ordered_json identity, const ordered_json& other) {
    const ordered_json own = served_in(identity);
    const ordered_json heard = served_in(other);
    if (own.is_object() && own.empty() && heard.is_object()) identity["model"]["served"] = heard;
    for (const char* side : kSides) {
        if (has_side(identity, side) && has_side(other, side)) {
            identity[side] = with_served(std::move(identity[side]), other[side]);
        }
    }
    return identity;
}

std::string hash_of_identity(ordered_json identity) {
    const auto forget = [](ordered_json& described) {
        if (!served_in(described).is_null()) described["model"].erase("served");
    };
    forget(identity);
    for (const char* side : kSides) {
        if (has_side(identity, side)) forget(identity[side]);
    }
    return sha256_hex(identity.dump());
}

std::string difference_of_runs(const ordered_json& before, const ordered_json& now) {
    return first_difference(with_served(before, now), with_served(now, before));
}

std::string change_of_arithmetic(const ordered_json& manifest, const engine::ModelInfo& now, int threads) {
    const ordered_json before = manifest.value("arithmetic", ordered_json());
    const engine::ArithmeticTraits& arithmetic = engine::traits(now.arithmetic);
    const std::string was_on = device_text(manifest);
    const std::string is_on = device_text(describe_computation(now));
    if (before.is_string() && was_on != is_on) {
        return fmt::format("what is there was computed on {}, the rest will be on {}: their last digits differ", was_on,
                           is_on);
    }
    if (before.is_string() && before.get<std::string>() != arithmetic.name) {
        return fmt::format(
            "what is there was computed in {} arithmetic, the rest will be in {}: their last digits differ",
            before.get<std::string>(), arithmetic.name);
    }
    const ordered_json threads_before = manifest.value("threads", ordered_json());
    const bool any_threads = arithmetic.is_own || now.placement.whole();
    if (any_threads || !threads_before.is_number_integer() || threads_before == threads) return "";
    return fmt::format(
        "what is there was computed with {0} threads, the rest will be with {1}: in the engine's arithmetic that may "
        "change answers; --threads {0} goes on as before",
        threads_before.get<int>(), threads);
}

ordered_json describe_computation(const engine::ModelInfo& model) {
    const engine::ArithmeticTraits& arithmetic = engine::traits(model.arithmetic);
    ordered_json description{{"arithmetic", arithmetic.name}, {"arithmetic_version", arithmetic.version}};
    const engine::Placement& placement = model.placement;
    if (placement.layers == 0) return description;
    ordered_json gpus = ordered_json::array();
    for (const engine::Device& device : placement.devices) gpus.push_back(device.description);
    description["device"] = {{"gpus", gpus},
                             {"library", placement.devices.front().library},
                             {"layers", placement.layers},
                             {"of", placement.of}};
    return description;
}

std::string device_text(const ordered_json& computation) {
    const ordered_json device = computation.value("device", ordered_json());
    if (!device.is_object()) return "the CPU";
    std::string gpus;
    for (const ordered_json& gpu : device.value("gpus", ordered_json::array()))
        gpus += (gpus.empty() ? "" : " and ") + (gpu.is_string() ? gpu.get<std::string>() : gpu.dump());
    const ordered_json layers = device.value("layers", ordered_json());
    const ordered_json of = device.value("of", ordered_json());
    return layers == of ? gpus : fmt::format("{} ({} of {} layers)", gpus, layers.dump(), of.dump());
}

ordered_json describe_devices(const engine::ModelInfo& model) {
    ordered_json devices = ordered_json::array();
    for (const engine::Device& device : model.placement.devices) {
        devices.push_back({{"name", device.name},
                           {"description", device.description},
                           {"library", device.library},
                           {"driver", device.driver},
                           {"total_bytes", device.total_bytes}});
    }
    return devices;
}

ordered_json describe_adapters(const engine::ModelInfo& model) {
    ordered_json adapters = ordered_json::array();
    for (const engine::AdapterInfo& adapter : model.adapters) {
        adapters.push_back({{"file", adapter.file_name}, {"sha256", adapter.content_hash}, {"scale", adapter.scale}});
    }
    return adapters;
}

ordered_json describe_engine() {
    const engine::EngineBuild build = engine::engine_build();
    return {{"version", build.version}, {"commit", build.commit}, {"cpu", build.cpu_features}};
}

ordered_json describe_sampling(const SamplingOptions& sampling) {
    return {{"temperature", sampling.temperature},
            {"top_p", sampling.top_p},
            {"top_k", sampling.top_k},
            {"min_p", sampling.min_p},
            {"repetition_penalty", sampling.repetition_penalty},
            {"seed", sampling.seed},
            {"max_tokens", sampling.max_tokens},
            {"stop", sampling.stop}};
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
