#include "support/gguf_mutator.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <stdexcept>

#include <fmt/format.h>

namespace urial::test {
namespace {

constexpr std::uint32_t kU32 = 4, kF32 = 6, kString = 8, kArray = 9;
constexpr std::array<std::uint8_t, 13> kBytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
constexpr std::size_t kTensorAlignment = 32;

class Reader {
public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {}
    template <typename Number>
    Number number() {
        Number value{};
        std::memcpy(&value, take(sizeof value).data(), sizeof value);
        return value;
    }
    std::string_view take(std::size_t count) {
        if (count > bytes_.size() - place_) throw std::runtime_error("the header to mutate is not sound");
        place_ += count;
        return bytes_.substr(place_ - count, count);
    }
    std::string_view string() { return take(number<std::uint64_t>()); }
    std::size_t place() const { return place_; }

private:
    std::string_view bytes_;
    std::size_t place_ = 0;
};

template <typename Number>
std::string bytes_of(Number value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}
std::string string_value(std::string_view text) {
    return bytes_of(static_cast<std::uint64_t>(text.size())) + std::string(text);
}

void skip_value(Reader& reader, std::uint32_t type) {
    if (type == kString) {
        reader.string();
    } else if (type == kArray) {
        const auto element = reader.number<std::uint32_t>();
        const auto count = reader.number<std::uint64_t>();
        if (element == kArray) throw std::runtime_error("an array of arrays");
        for (std::uint64_t i = 0; i < count; ++i) skip_value(reader, element);
    } else {
        reader.take(kBytes.at(type));
    }
}

// Keys that the engine looks up, below the architecture's name where they begin with a dot.
constexpr std::array kKeys{".context_length",
                           ".embedding_length",
                           ".embedding_length_out",
                           ".block_count",
                           ".leading_dense_block_count",
                           ".feed_forward_length",
                           ".expert_feed_forward_length",
                           ".expert_count",
                           ".expert_used_count",
                           ".expert_shared_count",
                           ".expert_group_count",
                           ".expert_group_used_count",
                           ".expert_gating_func",
                           ".expert_weights_scale",
                           ".nextn_predict_layers",
                           ".pooling_type",
                           ".vocab_size",
                           ".use_parallel_residual",
                           ".tensor_data_layout",
                           ".logit_scale",
                           ".final_logit_softcapping",
                           ".attn_logit_softcapping",
                           ".residual_scale",
                           ".embedding_scale",
                           ".attention.head_count",
                           ".attention.head_count_kv",
                           ".attention.max_alibi_bias",
                           ".attention.clamp_kqv",
                           ".attention.key_length",
                           ".attention.value_length",
                           ".attention.key_length_mla",
                           ".attention.key_length_swa",
                           ".attention.layer_norm_epsilon",
                           ".attention.layer_norm_rms_epsilon",
                           ".attention.group_norm_epsilon",
                           ".attention.group_norm_groups",
                           ".attention.causal",
                           ".attention.q_lora_rank",
                           ".attention.kv_lora_rank",
                           ".attention.relative_buckets_count",
                           ".attention.sliding_window",
                           ".attention.sliding_window_pattern",
                           ".attention.scale",
                           ".attention.shared_kv_layers",
                           ".rope.dimension_count",
                           ".rope.dimension_count_swa",
                           ".rope.dimension_sections",
                           ".rope.freq_base",
                           ".rope.freq_base_swa",
                           ".rope.scale_linear",
                           ".rope.scaling.type",
                           ".rope.scaling.factor",
                           ".rope.scaling.attn_factor",
                           ".rope.scaling.original_context_length",
                           ".rope.scaling.yarn_log_multiplier",
                           ".ssm.inner_size",
                           ".ssm.conv_kernel",
                           ".ssm.state_size",
                           ".ssm.group_count",
                           ".token_shift_count",
                           "tokenizer.ggml.pre",
                           "tokenizer.ggml.token_type_count",
                           "tokenizer.ggml.bos_token_id",
                           "tokenizer.ggml.eos_token_id",
                           "tokenizer.ggml.eot_token_id",
                           "tokenizer.ggml.unknown_token_id",
                           "tokenizer.ggml.padding_token_id",
                           "tokenizer.ggml.add_bos_token",
                           "tokenizer.ggml.add_eos_token",
                           "tokenizer.ggml.add_space_prefix",
                           "tokenizer.ggml.remove_extra_whitespaces",
                           "tokenizer.ggml.precompiled_charsmap",
                           "tokenizer.ggml.suppress_tokens",
                           "tokenizer.ggml.eog_token_ids",
                           "tokenizer.chat_template",
                           "general.alignment",
                           "general.type",
                           "general.file_type",
                           "split.count",
                           "split.no",
                           "adapter.type",
                           "adapter.lora.alpha",
                           "adapter.alora.invocation_tokens"};

constexpr std::array kArchitectures{"llama",
                                    "gemma",
                                    "gemma2",
                                    "gemma3",
                                    "gemma3n",
                                    "gemma4",
                                    "qwen2",
                                    "qwen3",
                                    "qwen3moe",
                                    "phi2",
                                    "phi3",
                                    "falcon",
                                    "gpt2",
                                    "gptneox",
                                    "mpt",
                                    "bloom",
                                    "bert",
                                    "t5",
                                    "t5encoder",
                                    "mamba",
                                    "mamba2",
                                    "rwkv6",
                                    "rwkv7",
                                    "deepseek2",
                                    "olmo2",
                                    "granite",
                                    "starcoder2",
                                    "stablelm",
                                    "command-r",
                                    "jamba",
                                    "lfm2",
                                    "gpt-oss",
                                    "minicpm3",
                                    "plamo2",
                                    "glm4",
                                    "clip",
                                    "wavtokenizer-dec",
                                    "chameleon",
                                    "nonsense"};

constexpr std::array kTexts{
    "",           "llama",   "gpt2",           "bert",
    "t5",         "rwkv",    "plamo2",         "gemma4",
    "whitespace", "none",    "no_vocab",       "default",
    "llama3",     "qwen2",   "linear",         "yarn",
    "longrope",   "adapter", "model",          "lora",
    "\xff\xfe",   "%s%s%n",  "{{ messages }}", "{% for m in messages %}{{ m.content }}{% endfor %}"};

}  // namespace

/// The changes of one mutant.
class GgufMutator::Change {
public:
    Change(const GgufMutator& sound, std::uint64_t seed)
        : random_(seed), pairs_(sound.pairs_), tensors_(sound.tensors_), version_(sound.version_) {}

    Mutant run() {
        const std::size_t count = 1 + pick(3);
        for (std::size_t i = 0; i < count; ++i) change();
        std::string header = put_together();
        if (pick(8) == 0) flip_bits(header);
        if (pick(40) == 0) {
            header.resize(pick(header.size()));
            note("cut to {} bytes", header.size());
        }
        return {std::move(header), changes_};
    }

private:
    std::size_t pick(std::size_t below) { return below == 0 ? 0 : random_() % below; }
    template <typename Range>
    auto& any(Range& range) {
        return range[pick(range.size())];
    }
    template <typename... Arguments>
    void note(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        if (!changes_.empty()) changes_ += "; ";
        changes_ += fmt::format(format, std::forward<Arguments>(arguments)...);
    }

    void change() {
        switch (pick(14)) {
            case 0:
            case 1:
            case 2: change_value(any(pairs_)); break;
            case 3: retype(any(pairs_)); break;
            case 4: remove_pair(); break;
            case 5:
            case 6: add_pair(); break;
            case 7: rename_pair(); break;
            case 8: change_text(); break;
            case 9: change_architecture(); break;
            case 10: damage_array(); break;
            case 11: change_tensor_type(); break;
            case 12: change_shape(); break;
            default: change_tensor_list(); break;
        }
    }

    std::uint64_t interesting_integer(std::uint64_t old) {
        switch (pick(12)) {
            case 0: return 0;
            case 1: return 1;
            case 2: return old + 1;
            case 3: return old - 1;
            case 4: return old * 2;
            case 5: return old / 2;
            case 6: return std::numeric_limits<std::uint32_t>::max();
            case 7: return std::numeric_limits<std::int32_t>::max();
            case 8: return std::numeric_limits<std::uint64_t>::max();
            case 9: return 1ULL << pick(40);
            case 10: return pick(20);
            default: return random_();
        }
    }

    float interesting_real(float old) {
        using Limits = std::numeric_limits<float>;
        const std::array values{0.0F,
                                -1.0F,
                                1.0F,
                                -old,
                                old * 1e10F,
                                Limits::quiet_NaN(),
                                Limits::infinity(),
                                -Limits::infinity(),
                                Limits::max(),
                                Limits::denorm_min()};
        return any(values);
    }

    std::string scalar(std::uint32_t type, std::string_view old) {
        if (type == kString) return string_value(any(kTexts));
        std::uint64_t number = 0;
        std::memcpy(&number, old.data(), std::min(old.size(), sizeof number));
        if (type == kF32) {
            float real = 1.0F;
            if (old.size() == sizeof real) std::memcpy(&real, old.data(), sizeof real);
            return bytes_of(interesting_real(real));
        }
        const std::uint64_t value = interesting_integer(number);
        return bytes_of(value).substr(0, std::max<std::size_t>(kBytes.at(type), 1));
    }

    void change_value(Pair& pair) {
        if (pair.type == kArray) {
            damage(pair);
            return;
        }
        pair.value = scalar(pair.type, pair.value);
        note("another value of {}", pair.key);
    }

    void retype(Pair& pair) {
        pair.type = static_cast<std::uint32_t>(pick(13));
        pair.value = pair.type == kArray ? small_array() : scalar(pair.type, pair.value);
        note("{} becomes type {}", pair.key, pair.type);
    }

    std::string small_array() {
        const auto type = static_cast<std::uint32_t>(pick(13));
        const std::uint64_t count = pick(6);
        std::string value = bytes_of(type) + bytes_of(count);
        if (type == kArray) return value;
        for (std::uint64_t i = 0; i < count; ++i) value += scalar(type, "");
        return value;
    }

    void remove_pair() {
        const std::size_t index = pick(pairs_.size());
        note("without {}", pairs_[index].key);
        if (pairs_.size() > 1) pairs_.erase(pairs_.begin() + static_cast<std::ptrdiff_t>(index));
    }

    std::string architecture() const {
        for (const Pair& pair : pairs_) {
            if (pair.key == "general.architecture" && pair.type == kString) return pair.value.substr(8);
        }
        return "llama";
    }

    std::string any_key() {
        const std::string key = any(kKeys);
        return key.starts_with('.') ? architecture() + key : key;
    }

    void add_pair() {
        Pair pair{any_key(), pick(3) == 0 ? static_cast<std::uint32_t>(pick(13)) : pick(2) == 0 ? kU32 : kF32, {}};
        pair.value = pair.type == kArray ? small_array() : scalar(pair.type, "\x08");
        const auto there =
            std::find_if(pairs_.begin(), pairs_.end(), [&](const Pair& old) { return old.key == pair.key; });
        note("{} of type {}", pair.key, pair.type);
        if (there != pairs_.end()) {
            *there = pair;
        } else {
            pairs_.push_back(pair);
        }
    }

    void rename_pair() {
        Pair& pair = any(pairs_);
        const std::string key = any_key();
        note("{} is called {}", pair.key, key);
        pair.key = key;
    }

    void change_text() {
        for (int attempt = 0; attempt < 20; ++attempt) {
            Pair& pair = any(pairs_);
            if (pair.type != kString) continue;
            const std::string_view text = any(kTexts);
            pair.value = string_value(text);
            note("{} is '{}'", pair.key, text);
            return;
        }
    }

    /// The keys move along, so that the other architecture finds what it needs.
    void change_architecture() {
        const std::string old = architecture() + ".";
        const std::string name = any(kArchitectures);
        for (Pair& pair : pairs_) {
            if (pair.key == "general.architecture") {
                pair.type = kString;
                pair.value = string_value(name);
            } else if (pair.key.starts_with(old)) {
                pair.key = name + "." + pair.key.substr(old.size());
            }
        }
        note("the architecture {}", name);
    }

    /// The array has as many values as it claims.
    static bool is_honest(std::string_view value) {
        try {
            Reader reader(value);
            skip_value(reader, kArray);
            return reader.place() == value.size();
        } catch (const std::exception&) {
            return false;
        }
    }

    void damage_array() {
        for (int attempt = 0; attempt < 20; ++attempt) {
            Pair& pair = any(pairs_);
            if (pair.type != kArray) continue;
            damage(pair);
            return;
        }
    }

    void damage(Pair& pair) {
        Reader reader(pair.value);
        const auto type = reader.number<std::uint32_t>();
        const auto count = reader.number<std::uint64_t>();
        if (pick(4) == 0) {
            const std::uint64_t other = interesting_integer(count);
            pair.value.replace(4, 8, bytes_of(other));
            note("{} claims {} values", pair.key, other);
        } else if (pick(4) == 0) {
            const auto other = static_cast<std::uint32_t>(pick(13));
            pair.value.replace(0, 4, bytes_of(other));
            note("{} claims elements of type {}", pair.key, other);
        } else if (!is_honest(pair.value)) {
            return;  // by a change before this one
        } else if (type == kString) {
            damage_strings(pair, count);
        } else if (count > 0 && type < kBytes.size() && kBytes[type] > 0) {
            const std::size_t kept = pick(3) == 0 ? pick(count) : count;
            pair.value.resize(12 + kept * kBytes[type]);
            pair.value.replace(4, 8, bytes_of(static_cast<std::uint64_t>(kept)));
            if (kept > 0) {
                const std::size_t place = 12 + pick(kept) * kBytes[type];
                pair.value.replace(place, kBytes[type],
                                   scalar(type, std::string_view(pair.value).substr(place, kBytes[type])));
            }
            note("{} has {} values and another one", pair.key, kept);
        }
    }

    void damage_strings(Pair& pair, std::uint64_t count) {
        Reader reader(pair.value);
        reader.take(12);
        std::vector<std::string> texts;
        for (std::uint64_t i = 0; i < count; ++i) texts.emplace_back(reader.string());
        if (texts.empty()) return;
        switch (pick(6)) {
            case 0: any(texts) = any(texts); break;
            case 1: any(texts) = ""; break;
            case 2: any(texts) = std::string(1 + pick(5000), 'x'); break;
            case 3: any(texts) = std::string("\xff\x00\xc3", 3); break;
            case 4: texts.resize(pick(texts.size())); break;
            default: std::swap(any(texts), any(texts)); break;
        }
        pair.value = bytes_of(kString) + bytes_of(static_cast<std::uint64_t>(texts.size()));
        for (const std::string& text : texts) pair.value += string_value(text);
        note("texts of {}", pair.key);
    }

    void change_tensor_type() {
        if (tensors_.empty()) return;
        Tensor& tensor = any(tensors_);
        tensor.type = static_cast<std::uint32_t>(pick(44));
        note("{} has format {}", tensor.name, tensor.type);
    }

    void change_shape() {
        if (tensors_.empty()) return;
        Tensor& tensor = any(tensors_);
        switch (pick(4)) {
            case 0: std::swap(any(tensor.dimensions), any(tensor.dimensions)); break;
            case 1: tensor.dimensions.resize(1 + pick(4), 1); break;
            case 2: any(tensor.dimensions) = interesting_integer(any(tensor.dimensions)); break;
            default: any(tensor.dimensions) /= 2; break;
        }
        note("{} has another shape", tensor.name);
    }

    void change_tensor_list() {
        if (tensors_.size() < 2) return;
        Tensor& tensor = any(tensors_);
        note("{} is changed in the list", tensor.name);
        switch (pick(4)) {
            case 0: tensor.offset = pick(2) == 0 ? any(tensors_).offset : interesting_integer(tensor.offset); break;
            case 1: std::swap(tensor.name, any(tensors_).name); break;
            case 2: tensor.name += ".lora_a"; break;
            default: tensors_.erase(tensors_.begin() + (&tensor - tensors_.data())); break;
        }
    }

    void flip_bits(std::string& header) {
        const std::size_t count = 1 + pick(3);
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t place = pick(header.size());
            header[place] ^= static_cast<char>(1U << pick(8));
            note("a bit of byte {}", place);
        }
    }

    std::string put_together() const {
        std::string bytes = "GGUF";
        bytes += bytes_of(version_) + bytes_of(static_cast<std::uint64_t>(tensors_.size())) +
                 bytes_of(static_cast<std::uint64_t>(pairs_.size()));
        for (const Pair& pair : pairs_) bytes += string_value(pair.key) + bytes_of(pair.type) + pair.value;
        for (const Tensor& tensor : tensors_) {
            bytes += string_value(tensor.name) + bytes_of(static_cast<std::uint32_t>(tensor.dimensions.size()));
            for (const std::uint64_t size : tensor.dimensions) bytes += bytes_of(size);
            bytes += bytes_of(tensor.type) + bytes_of(tensor.offset);
        }
        bytes.resize((bytes.size() + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment, '\0');
        return bytes;
    }

    std::mt19937_64 random_;
    std::vector<Pair> pairs_;
    std::vector<Tensor> tensors_;
    std::uint32_t version_;
    std::string changes_;
};

GgufMutator::GgufMutator(std::string_view header) {
    Reader reader(header);
    reader.take(4);
    version_ = reader.number<std::uint32_t>();
    const auto tensors = reader.number<std::uint64_t>();
    const auto pairs = reader.number<std::uint64_t>();
    for (std::uint64_t i = 0; i < pairs; ++i) {
        Pair pair;
        pair.key = reader.string();
        pair.type = reader.number<std::uint32_t>();
        const std::size_t begin = reader.place();
        skip_value(reader, pair.type);
        pair.value = header.substr(begin, reader.place() - begin);
        pairs_.push_back(std::move(pair));
    }
    for (std::uint64_t i = 0; i < tensors; ++i) {
        Tensor tensor;
        tensor.name = reader.string();
        tensor.dimensions.resize(reader.number<std::uint32_t>());
        for (std::uint64_t& size : tensor.dimensions) size = reader.number<std::uint64_t>();
        tensor.type = reader.number<std::uint32_t>();
        tensor.offset = reader.number<std::uint64_t>();
        tensors_.push_back(std::move(tensor));
    }
    header_size_ = (reader.place() + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment;
}

GgufMutator::Mutant GgufMutator::mutant(std::uint64_t seed) const { return Change(*this, seed).run(); }

}  // namespace urial::test
