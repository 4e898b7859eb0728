#include "models/gguf_metadata.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "base/text.h"

namespace urial::models {
namespace {

// The engine's limits.
constexpr std::uint64_t kMostLayers = 512;
constexpr std::uint64_t kMostExperts = 1024;
constexpr std::uint64_t kSmallestAlignment = 32;  // of the memory that its kernels read

using Fault = std::optional<MetadataFault>;

/// "key 'llama.block_count' is 0, 1 to 512 are expected"
template <typename Value>
Fault fault(const std::string& key, Value value, std::string_view expected) {
    return MetadataFault{key, fmt::format("key '{}' is {}, {} expected", printable(key), value, expected)};
}

/// The keys of the model's architecture: "block_count" is the file's "gemma3.block_count".
class Hyperparameters {
public:
    explicit Hyperparameters(const Metadata& metadata)
        : metadata_(metadata), prefix_(metadata.text("general.architecture") + ".") {}

    std::string key(std::string_view name) const { return prefix_ + std::string(name); }
    /// nullopt: absent, or of another type (an array with one value a layer).
    std::optional<std::uint64_t> integer(std::string_view name) const {
        const auto found = metadata_.integers.find(key(name));
        if (found == metadata_.integers.end()) return std::nullopt;
        return found->second;
    }
    std::optional<double> real(std::string_view name) const {
        const auto found = metadata_.reals.find(key(name));
        if (found == metadata_.reals.end()) return std::nullopt;
        return found->second;
    }
    bool owns(const std::string& other) const { return other.starts_with(prefix_); }

private:
    const Metadata& metadata_;
    std::string prefix_;
};

Fault check_alignment(const Metadata& metadata) {
    const std::string key = "general.alignment";
    if (!metadata.has(key)) return std::nullopt;
    const std::uint64_t alignment = metadata.integer(key);
    if (alignment >= kSmallestAlignment && (alignment & (alignment - 1)) == 0) return std::nullopt;
    return fault(key, alignment, fmt::format("a power of two of at least {} is", kSmallestAlignment));
}

Fault check_layers(const Metadata& metadata) {
    const Hyperparameters model(metadata);
    const auto layers = model.integer("block_count");
    if (layers && (*layers == 0 || *layers > kMostLayers)) {
        return fault(model.key("block_count"), *layers, fmt::format("1 to {} are", kMostLayers));
    }
    const auto predicting = model.integer("nextn_predict_layers");
    if (predicting && layers && *predicting > *layers) {
        return fault(model.key("nextn_predict_layers"), *predicting, fmt::format("some of the {} layers are", *layers));
    }
    const auto width = model.integer("embedding_length");
    if (width && *width == 0) return fault(model.key("embedding_length"), 0, "at least 1 is");
    return std::nullopt;
}

Fault check_experts(const Metadata& metadata) {
    const Hyperparameters model(metadata);
    if (model.key("").starts_with("hunyuan")) return std::nullopt;  // counts its one feed-forward part as an expert
    const std::uint64_t experts = model.integer("expert_count").value_or(0);
    if (experts > kMostExperts) {
        return fault(model.key("expert_count"), experts, fmt::format("at most {} are", kMostExperts));
    }
    if (experts > 0 && !metadata.has(model.key("expert_used_count"))) {
        return fault(model.key("expert_count"), experts,
                     fmt::format("with it the key '{}' is", printable(model.key("expert_used_count"))));
    }
    if (const auto used = model.integer("expert_used_count");
        used && (*used > experts || (*used == 0 && experts > 0))) {
        return fault(model.key("expert_used_count"), *used, fmt::format("some of the {} experts are", experts));
    }
    const auto groups = model.integer("expert_group_count");
    if (!groups || *groups == 0) return std::nullopt;
    if (*groups >= experts || experts % *groups != 0) {
        return fault(model.key("expert_group_count"), *groups,
                     fmt::format("a number that divides the {} experts is", experts));
    }
    const std::uint64_t used = model.integer("expert_group_used_count").value_or(0);
    if (*groups > 1 && (used == 0 || used >= *groups)) {
        return fault(model.key("expert_group_used_count"), used, fmt::format("some of the {} groups are", *groups));
    }
    return std::nullopt;
}

Fault check_heads(const Metadata& metadata) {
    const Hyperparameters model(metadata);
    const auto heads = model.integer("attention.head_count");
    if (!heads || *heads == 0) return std::nullopt;  // none at all: a recurrent model
    const auto shared = model.integer("attention.head_count_kv");
    if (shared && *shared > 0 && *heads % *shared != 0) {
        return fault(model.key("attention.head_count_kv"), *shared,
                     fmt::format("a number that divides the {} heads is", *heads));
    }
    const auto width = model.integer("embedding_length");
    if (width && !model.integer("attention.key_length") && *width % *heads != 0) {
        return fault(model.key("attention.head_count"), *heads,
                     fmt::format("a number that divides the embedding length {} is", *width));
    }
    return std::nullopt;
}

Fault check_rotation(const Metadata& metadata) {
    const Hyperparameters model(metadata);
    static constexpr std::array<std::string_view, 4> kScalings{"none", "linear", "yarn", "longrope"};
    const std::string scaling = metadata.text(model.key("rope.scaling.type"));
    if (metadata.texts.contains(model.key("rope.scaling.type")) &&
        std::ranges::find(kScalings, scaling) == kScalings.end()) {
        return fault(model.key("rope.scaling.type"), fmt::format("'{}'", printable(scaling)),
                     fmt::format("one of {} is", fmt::join(kScalings, ", ")));
    }
    const auto rotated = model.integer("rope.dimension_count");
    if (!rotated) return std::nullopt;
    if (*rotated % 2 != 0) return fault(model.key("rope.dimension_count"), *rotated, "an even number is");
    const std::uint64_t heads = model.integer("attention.head_count").value_or(0);
    const std::uint64_t width = model.integer("embedding_length").value_or(0);
    const std::uint64_t head =
        std::max({heads > 0 ? width / heads : 0, model.integer("attention.key_length").value_or(0),
                  model.integer("attention.key_length_mla").value_or(0)});
    if (head > 0 && *rotated > head) {
        return fault(model.key("rope.dimension_count"), *rotated, fmt::format("at most the {} of a head are", head));
    }
    return std::nullopt;
}

/// Numbers that the engine divides by, takes roots of, or asserts on.
Fault check_reals(const Metadata& metadata) {
    const Hyperparameters model(metadata);
    for (const auto& [key, value] : metadata.reals) {
        if (std::isnan(value) && model.owns(key)) return fault(key, value, "a number is");
    }
    for (const std::string_view name :
         {"attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon", "attention.group_norm_epsilon"}) {
        const auto epsilon = model.real(name);
        if (epsilon && (!std::isfinite(*epsilon) || *epsilon < 0)) {
            return fault(model.key(name), *epsilon, "a small positive number is");
        }
    }
    for (const std::string_view name : {"rope.freq_base", "rope.freq_base_swa"}) {
        const auto base = model.real(name);
        if (base && (!std::isfinite(*base) || *base <= 0)) return fault(model.key(name), *base, "a positive number is");
    }
    for (const std::string_view name : {"rope.scaling.factor", "rope.scale_linear"}) {
        const auto factor = model.real(name);
        if (factor && (!std::isfinite(*factor) || *factor < 0)) {
            return fault(model.key(name), *factor, "a positive number is");
        }
    }
    return std::nullopt;
}

Fault check_tokenizer(const Metadata& metadata) {
    const std::string key = "tokenizer.ggml.model";
    const std::string tokenizer = metadata.text(key);
    if (tokenizer == "none" || tokenizer == "no_vocab") {
        return MetadataFault{key,
                             fmt::format("the file has no tokenizer (key '{}' is '{}'), so no text can be given to "
                                         "this model; get a GGUF of it with its vocabulary",
                                         key, tokenizer)};
    }
    static constexpr std::array<std::string_view, 9> kKnown{"llama",  "gpt2",   "bert",      "t5",        "rwkv",
                                                            "plamo2", "gemma4", "hybriddna", "whitespace"};
    if (metadata.has(key) && std::ranges::find(kKnown, tokenizer) == kKnown.end()) {
        return MetadataFault{key,
                             fmt::format("key '{}' is '{}', a tokenizer that the engine does not know ({}); get a GGUF "
                                         "that was made for it",
                                         key, printable(tokenizer), fmt::join(kKnown, ", "))};
    }
    const auto tokens = metadata.arrays.find("tokenizer.ggml.tokens");
    if (tokens == metadata.arrays.end()) return std::nullopt;
    if (tokens->second.count == 0) return MetadataFault{tokens->first, "key 'tokenizer.ggml.tokens' has no tokens"};
    for (const std::string other : {"tokenizer.ggml.scores", "tokenizer.ggml.token_type"}) {
        const auto found = metadata.arrays.find(other);
        if (found == metadata.arrays.end() || found->second.count >= tokens->second.count) continue;
        return MetadataFault{other, fmt::format("key '{}' has {} values for {} tokens", other, found->second.count,
                                                tokens->second.count)};
    }
    return std::nullopt;
}

Fault check_adapter_values(const Metadata& metadata) {
    if (metadata.text("general.type") != "adapter") return std::nullopt;
    if (const std::string type = metadata.text("adapter.type"); type != "lora") {
        return MetadataFault{"adapter.type",
                             fmt::format("an adapter of type '{}', only 'lora' is supported; convert it "
                                         "with llama.cpp's convert_lora_to_gguf.py",
                                         printable(type))};
    }
    const auto alpha = metadata.reals.find("adapter.lora.alpha");
    if (alpha != metadata.reals.end() && !std::isfinite(alpha->second)) {
        return fault(alpha->first, alpha->second, "a number is");
    }
    return std::nullopt;
}

}  // namespace

std::string Metadata::text(const std::string& key) const {
    const auto found = texts.find(key);
    return found == texts.end() ? std::string() : replace_invalid_utf8(found->second);
}

std::uint64_t Metadata::integer(const std::string& key) const {
    const auto found = integers.find(key);
    return found == integers.end() ? 0 : found->second;
}

std::uint64_t Metadata::array_length(const std::string& key) const {
    const auto found = arrays.find(key);
    return found == arrays.end() ? 0 : found->second.count;
}

std::optional<MetadataFault> find_fault(const Metadata& metadata) {
    for (const auto rule : {check_alignment, check_layers, check_experts, check_heads, check_rotation, check_reals,
                            check_tokenizer, check_adapter_values}) {
        if (auto found = rule(metadata)) return found;
    }
    return std::nullopt;
}

}  // namespace urial::models
