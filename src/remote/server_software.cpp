#include "remote/server_software.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/text.h"

namespace urial::remote {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMostNames = 10;
/// Tokens of prompt and answer that llama-server looks back for repetitions: all of them. It keeps a buffer of as many;
/// -1 means all of them in older versions and is refused by newer ones.
constexpr int kWholeContext = 1 << 20;

struct SoftwareName {
    Software software;
    std::string_view name;
    std::string_view owner;  // what it calls itself in the list of models
};
constexpr std::array kNames{
    SoftwareName{Software::OpenAi, "OpenAI", "openai"},
    SoftwareName{Software::Vllm, "vLLM", "vllm"},
    SoftwareName{Software::SgLang, "SGLang", "sglang"},
    SoftwareName{Software::LlamaServer, "llama-server", "llamacpp"},
};

/// Null where there is no such value.
ordered_json value_at(const ordered_json& json, std::initializer_list<std::string_view> path) {
    const ordered_json* at = &json;
    for (const std::string_view key : path) {
        if (!at->is_object()) return nullptr;
        const auto found = at->find(key);
        if (found == at->end()) return nullptr;
        at = &*found;
    }
    return *at;
}

std::string text_at(const ordered_json& json, std::initializer_list<std::string_view> path) {
    const ordered_json value = value_at(json, path);
    return value.is_string() ? printable(value.get<std::string>()) : std::string();
}

std::size_t count_at(const ordered_json& json, std::initializer_list<std::string_view> path) {
    const ordered_json value = value_at(json, path);
    return value.is_number_unsigned() ? value.get<std::size_t>() : 0;
}

Software software_of(const ordered_json& entry, const std::string& address) {
    const std::string owner = lower_ascii(text_at(entry, {"owned_by"}));
    for (const SoftwareName& known : kNames) {
        if (known.software != Software::OpenAi && owner == known.owner) return known.software;
    }
    return http::origin_of(address) == "https://api.openai.com:443" ? Software::OpenAi : Software::Unknown;
}

/// Of the list's entry what does not depend on the server's address, start or options.
ordered_json facts_of(const ordered_json& entry) {
    ordered_json facts = ordered_json::object();
    for (const char* key : {"root", "parent"}) {
        if (entry.contains(key) && entry[key].is_string()) facts[key] = entry[key];
    }
    for (const char* key : {"n_params", "size", "n_vocab", "n_embd", "n_ctx_train"}) {
        const ordered_json value = value_at(entry, {"meta", key});
        if (value.is_number()) facts[key] = value;
    }
    return facts;
}

const ordered_json* find_model(const ordered_json& list, const std::string& model, std::vector<std::string>& names) {
    for (const ordered_json& entry : list) {
        const ordered_json id = value_at(entry, {"id"});
        if (!id.is_string()) continue;
        if (id.get_ref<const std::string&>() == model) return &entry;
        names.push_back(printable(id.get<std::string>()));
    }
    return nullptr;
}

ordered_json ask_beside(const http::Channel& channel, const std::string& path, const http::OnTick& on_tick) {
    const http::Reply reply = channel.get_beside(path, on_tick);
    if (http::outcome_of(reply) != http::Outcome::Done) return nullptr;
    return try_parse_json(reply.body).value_or(nullptr);
}

void ask_version(const http::Channel& channel, ServerDescription& server, const http::OnTick& on_tick) {
    if (server.software == Software::Vllm) {
        server.version = text_at(ask_beside(channel, "/version", on_tick), {"version"});
    } else if (server.software == Software::SgLang) {
        server.version = text_at(ask_beside(channel, "/get_server_info", on_tick), {"version"});
    } else if (server.software == Software::LlamaServer) {
        const ordered_json props = ask_beside(channel, "/props", on_tick);
        server.version = text_at(props, {"build_info"});
        server.context_tokens = count_at(props, {"default_generation_settings", "n_ctx"});
    }
}

/// Uniform over what every server takes as a seed, and another one for each question and sample.
std::uint32_t seed_of(std::uint64_t seed, std::uint64_t question) {
    std::uint64_t mixed = seed * 0x9E3779B97F4A7C15ULL + question;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    return static_cast<std::uint32_t>((mixed ^ (mixed >> 31)) & 0x7FFFFFFF);
}

bool takes_all_options(Software software) { return software != Software::Unknown && software != Software::OpenAi; }

}  // namespace

std::string_view name(Software software) {
    for (const SoftwareName& known : kNames) {
        if (known.software == software) return known.name;
    }
    return "a server of unknown kind";
}

Described describe(const http::Channel& channel, const std::string& model, const http::OnTick& on_tick) {
    Described described;
    const http::Reply reply = channel.get("/models", on_tick);
    described.attempt = http::attempt_of(reply);
    if (described.attempt.outcome == http::Outcome::Busy || described.attempt.outcome == http::Outcome::Broken) {
        if (reply.failure.empty()) {
            described.attempt.reason += ": " + http::short_message(reply, channel.server());
        }
        return described;
    }
    const std::string& address = channel.server().base_url;
    if (!reply.failure.empty()) throw error(ErrorKind::Unavailable, "{} cannot be asked: {}", address, reply.failure);
    const bool has_no_list = reply.status == 404 || reply.status == 405 || reply.status == 501;
    if (!has_no_list) http::check_status(reply, channel.server(), model);
    described.server.software = software_of(nullptr, address);
    described.server.model = ordered_json::object();
    described.attempt = {};
    if (has_no_list || reply.status / 100 != 2) return described;  // the first request tells more
    const ordered_json list = value_at(try_parse_json(reply.body).value_or(nullptr), {"data"});
    if (!list.is_array()) {
        described.attempt.outcome = http::Outcome::Broken;
        described.attempt.reason = "its list of models is none: " + http::short_message(reply, channel.server());
        return described;
    }
    std::vector<std::string> names;
    const ordered_json* entry = find_model(list, model, names);
    if (entry == nullptr) {
        const std::string suggestion = did_you_mean(model, names);
        const std::size_t more = names.size() - std::min(names.size(), kMostNames);
        names.resize(names.size() - more);
        throw error(ErrorKind::NotFound, "{} has no model \"{}\"{}\nit has {}{}", address, printable(model), suggestion,
                    names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")),
                    more > 0 ? fmt::format(" and {} more", more) : "");
    }
    described.server.software = software_of(*entry, address);
    described.server.model = facts_of(*entry);
    described.server.context_tokens = count_at(*entry, {"max_model_len"});
    ask_version(channel, described.server, on_tick);
    return described;
}

void check_sampling(const ServerDescription& server, const std::string& address,
                    const generate::SamplingOptions& sampling) {
    if (takes_all_options(server.software)) return;
    const auto refuse = [&](bool is_on, std::string_view flag, const auto& value) {
        if (!is_on) return;
        throw error(ErrorKind::BadInput,
                    "{} {}: {} is {}, which is not known to take this option (vLLM, SGLang and llama-server do); leave "
                    "it out, or name another server",
                    flag, value, address, name(server.software));
    };
    refuse(sampling.top_k != 0, "--top-k", sampling.top_k);
    refuse(sampling.min_p != 0, "--min-p", sampling.min_p);
    refuse(sampling.repetition_penalty != 1, "--repetition-penalty", sampling.repetition_penalty);
}

void add_sampling(ordered_json& body, Software software, const generate::SamplingOptions& sampling,
                  std::uint64_t question) {
    body["temperature"] = sampling.temperature;
    body["top_p"] = sampling.top_p;
    if (sampling.temperature > 0) body["seed"] = seed_of(sampling.seed, question);
    if (software == Software::LlamaServer) {
        body["top_k"] = sampling.top_k;
        body["min_p"] = sampling.min_p;
        body["repeat_penalty"] = sampling.repetition_penalty;
        if (sampling.repetition_penalty != 1) body["repeat_last_n"] = kWholeContext;
    } else if (takes_all_options(software)) {
        body["top_k"] = sampling.top_k > 0 ? sampling.top_k : -1;
        body["min_p"] = sampling.min_p;
        body["repetition_penalty"] = sampling.repetition_penalty;
    }
}

}  // namespace urial::remote
