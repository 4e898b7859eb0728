#include "support/tiny_gguf.h"

#include <cstring>
#include <functional>
#include <numeric>
#include <random>
#include <type_traits>

#include <fmt/format.h>

#include "base/files.h"

namespace urial::test {
namespace {

constexpr std::size_t kAlignment = 32;

template <typename Number>
void put(std::string& bytes, Number value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_string(std::string& bytes, std::string_view text) {
    put(bytes, static_cast<std::uint64_t>(text.size()));
    bytes += text;
}

void pad(std::string& bytes) { bytes.resize((bytes.size() + kAlignment - 1) / kAlignment * kAlignment, '\0'); }

/// The GGUF number of a value's type.
template <typename T>
constexpr std::uint32_t type_number() {
    if constexpr (std::is_same_v<T, bool>) return 7;
    if constexpr (std::is_same_v<T, std::uint32_t>) return 4;
    if constexpr (std::is_same_v<T, std::int32_t>) return 5;
    if constexpr (std::is_same_v<T, std::uint64_t>) return 10;
    if constexpr (std::is_same_v<T, float>) return 6;
    if constexpr (std::is_same_v<T, std::string>) return 8;
}

void put_value(std::string& bytes, const std::string& value) { put_string(bytes, value); }
template <typename Number>
void put_value(std::string& bytes, Number value) {
    put(bytes, value);
}

template <typename T>
void put_typed(std::string& bytes, const T& value) {
    put(bytes, type_number<T>());
    put_value(bytes, value);
}
template <typename T>
void put_typed(std::string& bytes, const std::vector<T>& values) {
    put(bytes, std::uint32_t{9});
    put(bytes, type_number<T>());
    put(bytes, static_cast<std::uint64_t>(values.size()));
    for (const T& value : values) put_value(bytes, value);
}

}  // namespace

TinyGguf TinyGguf::minimal() {
    TinyGguf file;
    file.set("general.architecture", std::string("tiny"))
        .set("general.name", std::string("Tiny"))
        .set("general.license", std::string("apache-2.0"))
        .set("general.file_type", std::uint32_t{0})
        .set("tiny.context_length", std::uint32_t{256})
        .set("tokenizer.ggml.tokens", std::vector<std::string>{"<s>", "a", "b"})
        .set("tokenizer.ggml.scores", std::vector<float>{0.0F, -1.0F, -2.0F})
        .set("tokenizer.ggml.add_bos_token", true);
    file.tensor("token_embd.weight", {4, 3}).tensor("output_norm.weight", {4});
    return file;
}

TinyGguf TinyGguf::language_model(unsigned seed) {
    constexpr std::uint64_t kWidth = 32, kHeads = 2, kGroups = 1, kForward = 64, kLayers = 2;
    constexpr std::int32_t kNormal = 1, kUnknown = 2, kControl = 3, kByte = 6;
    std::vector<std::string> tokens{"<unk>", "<s>", "</s>"};
    std::vector<std::int32_t> types{kUnknown, kControl, kControl};
    for (int byte = 0; byte < 256; ++byte) {
        tokens.push_back(fmt::format("<0x{:02X}>", byte));
        types.push_back(kByte);
    }
    tokens.emplace_back("\xE2\x96\x81");
    types.push_back(kNormal);
    TinyGguf file;
    file.set("general.architecture", std::string("llama"))
        .set("general.name", std::string("Tiny"))
        .set("general.file_type", std::uint32_t{0})
        .set("llama.context_length", std::uint32_t{512})
        .set("llama.embedding_length", static_cast<std::uint32_t>(kWidth))
        .set("llama.block_count", static_cast<std::uint32_t>(kLayers))
        .set("llama.feed_forward_length", static_cast<std::uint32_t>(kForward))
        .set("llama.rope.dimension_count", static_cast<std::uint32_t>(kWidth / kHeads))
        .set("llama.attention.head_count", static_cast<std::uint32_t>(kHeads))
        .set("llama.attention.head_count_kv", static_cast<std::uint32_t>(kGroups))
        .set("llama.attention.layer_norm_rms_epsilon", 1e-5F)
        .set("tokenizer.ggml.model", std::string("llama"))
        .set("tokenizer.ggml.tokens", tokens)
        .set("tokenizer.ggml.scores", std::vector<float>(tokens.size()))
        .set("tokenizer.ggml.token_type", types)
        .set("tokenizer.ggml.bos_token_id", std::uint32_t{1})
        .set("tokenizer.ggml.eos_token_id", std::uint32_t{2})
        .set("tokenizer.ggml.unknown_token_id", std::uint32_t{0})
        .set("tokenizer.ggml.add_bos_token", true)
        .set("tokenizer.ggml.add_space_prefix", false);
    std::mt19937 random(seed);
    const auto matrix = [&](const std::string& name, std::uint64_t columns, std::uint64_t rows) {
        std::vector<float> data(columns * rows);
        // Not a distribution of the library: those differ between libraries.
        for (float& value : data) value = static_cast<float>(random() % 2001) / 5000.0F - 0.2F;
        file.tensor(name, {columns, rows}, std::move(data));
    };
    const auto ones = [&](const std::string& name) { file.tensor(name, {kWidth}, std::vector<float>(kWidth, 1.0F)); };
    matrix("token_embd.weight", kWidth, tokens.size());
    ones("output_norm.weight");
    for (std::uint64_t layer = 0; layer < kLayers; ++layer) {
        const std::string block = fmt::format("blk.{}.", layer);
        ones(block + "attn_norm.weight");
        matrix(block + "attn_q.weight", kWidth, kWidth);
        matrix(block + "attn_k.weight", kWidth, kWidth / kHeads * kGroups);
        matrix(block + "attn_v.weight", kWidth, kWidth / kHeads * kGroups);
        matrix(block + "attn_output.weight", kWidth, kWidth);
        ones(block + "ffn_norm.weight");
        matrix(block + "ffn_gate.weight", kWidth, kForward);
        matrix(block + "ffn_up.weight", kWidth, kForward);
        matrix(block + "ffn_down.weight", kForward, kWidth);
    }
    return file;
}

TinyGguf TinyGguf::fitting_adapter() {
    TinyGguf file;
    file.set("general.architecture", std::string("llama"))
        .set("general.type", std::string("adapter"))
        .set("adapter.type", std::string("lora"))
        .set("adapter.lora.alpha", 4.0F)
        .tensor("blk.0.attn_q.weight.lora_a", {32, 2}, std::vector<float>(64, 0.01F))
        .tensor("blk.0.attn_q.weight.lora_b", {2, 32}, std::vector<float>(64, 0.01F));
    return file;
}

TinyGguf& TinyGguf::version(std::uint32_t number) {
    version_ = number;
    return *this;
}

TinyGguf& TinyGguf::set(std::string key, Value value) {
    pairs_.push_back({std::move(key), std::move(value)});
    return *this;
}

TinyGguf& TinyGguf::tensor(std::string name, std::vector<std::uint64_t> dimensions, std::vector<float> data) {
    data.resize(std::accumulate(dimensions.begin(), dimensions.end(), std::size_t{1}, std::multiplies<>()));
    std::string bytes(data.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), data.data(), bytes.size());
    return raw_tensor(std::move(name), std::move(dimensions), 0, next_offset(), std::move(bytes));
}

TinyGguf& TinyGguf::raw_tensor(std::string name, std::vector<std::uint64_t> dimensions, std::uint32_t type,
                               std::uint64_t offset, std::string data) {
    tensors_.push_back({std::move(name), std::move(dimensions), type, offset});
    data_ += data;
    pad(data_);
    return *this;
}

std::string TinyGguf::header() const {
    std::string bytes = "GGUF";
    put(bytes, version_);
    put(bytes, static_cast<std::uint64_t>(tensors_.size()));
    put(bytes, static_cast<std::uint64_t>(pairs_.size()));
    for (const Pair& pair : pairs_) {
        put_string(bytes, pair.key);
        std::visit([&](const auto& value) { put_typed(bytes, value); }, pair.value);
    }
    for (const Entry& entry : tensors_) {
        put_string(bytes, entry.name);
        put(bytes, static_cast<std::uint32_t>(entry.dimensions.size()));
        for (const std::uint64_t size : entry.dimensions) put(bytes, size);
        put(bytes, entry.type);
        put(bytes, entry.offset);
    }
    pad(bytes);
    return bytes;
}

void TinyGguf::write(const std::filesystem::path& path) const { write_file_atomic(path, bytes()); }

}  // namespace urial::test
