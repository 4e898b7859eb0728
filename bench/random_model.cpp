// Writes a language model of random weights in any shape, for figures where no real model of that shape can be had:
// speed does not depend on the weights, and whether two machines agree can be told on these as well.
//
//   bench_random_model OUT.gguf [--shape tiny|270m|1b|8b] [--type f32|bf16|f16|q8_0|q4_K] [--seed N] [--nudge X]
//                      [--layers N] [--embedding N] [--heads N] [--kv-heads N] [--feed-forward N] [--vocabulary N]
//
// A model of the LLaMA architecture with a vocabulary of the 256 bytes and made-up words. --nudge moves every weight by
// X times another random weight: the same seed with and without it gives a base model and an "aligned" one that is
// near. 8b in BF16 is 16 GB; only some megabytes of it are in memory at a time.

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <ggml.h>
#include <gguf.h>
#include <llama.h>
#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/parallel.h"

namespace {

struct Shape {
    std::int64_t layers, embedding, heads, kv_heads, feed_forward, vocabulary;
};

const std::map<std::string, Shape> kShapes{{"tiny", {2, 256, 4, 2, 512, 1024}},
                                           {"270m", {18, 640, 10, 2, 2048, 262144}},
                                           {"1b", {16, 2048, 32, 8, 8192, 128256}},
                                           {"8b", {32, 4096, 32, 8, 14336, 128256}}};
const std::map<std::string, ggml_type> kTypes{{"f32", GGML_TYPE_F32},
                                              {"bf16", GGML_TYPE_BF16},
                                              {"f16", GGML_TYPE_F16},
                                              {"q8_0", GGML_TYPE_Q8_0},
                                              {"q4_K", GGML_TYPE_Q4_K}};

struct Options {
    std::string output;
    std::string shape = "tiny";
    std::string type = "bf16";
    std::uint64_t seed = 1;
    float nudge = 0;
};

/// The n-th number of a stream: any part of it can be computed by itself (SplitMix64's finaliser, Steele et al. 2014).
std::uint64_t random_bits(std::uint64_t stream, std::uint64_t n) {
    std::uint64_t z = stream * 0xD1B54A32D192ED03U + (n + 1) * 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

/// Nearly normal, of mean 0 and variance 1: a sum of four uniform numbers.
float random_weight(std::uint64_t stream, std::uint64_t n) {
    std::uint64_t bits = random_bits(stream, n);
    float sum = 0;
    for (int i = 0; i < 4; ++i, bits >>= 16) sum += static_cast<float>(bits & 0xFFFF);
    return (sum / 65536.0F - 2.0F) * 1.7320508F;
}

/// A tensor of the file: of weights, or (`ones`) of a norm.
struct Tensor {
    std::string name;
    std::int64_t length;  ///< of a row
    std::int64_t rows;
    float scale;  ///< standard deviation
    bool ones = false;
};

std::vector<Tensor> tensors_of(const Shape& shape) {
    const std::int64_t kv = shape.embedding / shape.heads * shape.kv_heads;
    const auto in = [](std::int64_t length) { return 1.0F / std::sqrt(static_cast<float>(length)); };
    // Twice the usual spread of logits: some tokens are likely, most are not, as in a real model.
    const float of_output = 2 * in(shape.embedding);
    std::vector<Tensor> tensors{{"token_embd.weight", shape.embedding, shape.vocabulary, 1.0F},
                                {"output_norm.weight", shape.embedding, 1, 0, true},
                                {"output.weight", shape.embedding, shape.vocabulary, of_output}};
    for (std::int64_t i = 0; i < shape.layers; ++i) {
        const auto add = [&](const char* name, std::int64_t length, std::int64_t rows) {
            tensors.push_back({fmt::format("blk.{}.{}.weight", i, name), length, rows, in(length)});
        };
        for (const char* name : {"attn_norm", "ffn_norm"}) {
            tensors.push_back({fmt::format("blk.{}.{}.weight", i, name), shape.embedding, 1, 0, true});
        }
        add("attn_q", shape.embedding, shape.embedding);
        add("attn_k", shape.embedding, kv);
        add("attn_v", shape.embedding, kv);
        add("attn_output", shape.embedding, shape.embedding);
        add("ffn_gate", shape.embedding, shape.feed_forward);
        add("ffn_up", shape.embedding, shape.feed_forward);
        add("ffn_down", shape.feed_forward, shape.embedding);
    }
    return tensors;
}

void add_vocabulary(gguf_context* file, std::int64_t size) {
    constexpr std::int64_t kSpecial = 3;
    std::vector<std::string> texts{"<unk>", "<s>", "</s>"};
    std::vector<std::int32_t> kinds{LLAMA_TOKEN_TYPE_UNKNOWN, LLAMA_TOKEN_TYPE_CONTROL, LLAMA_TOKEN_TYPE_CONTROL};
    for (int byte = 0; byte < 256; ++byte) {
        texts.push_back(fmt::format("<0x{:02X}>", byte));
        kinds.push_back(LLAMA_TOKEN_TYPE_BYTE);
    }
    while (static_cast<std::int64_t>(texts.size()) < size) {
        texts.push_back(fmt::format("\u2581w{}", texts.size() - 256 - kSpecial));
        kinds.push_back(LLAMA_TOKEN_TYPE_NORMAL);
    }
    std::vector<const char*> pointers;
    for (const std::string& text : texts) pointers.push_back(text.c_str());
    const std::vector<float> scores(texts.size(), 0);
    gguf_set_val_str(file, "tokenizer.ggml.model", "llama");
    gguf_set_arr_str(file, "tokenizer.ggml.tokens", pointers.data(), pointers.size());
    gguf_set_arr_data(file, "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, scores.data(), scores.size());
    gguf_set_arr_data(file, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, kinds.data(), kinds.size());
    gguf_set_val_u32(file, "tokenizer.ggml.unknown_token_id", 0);
    gguf_set_val_u32(file, "tokenizer.ggml.bos_token_id", 1);
    gguf_set_val_u32(file, "tokenizer.ggml.eos_token_id", 2);
}

void add_shape(gguf_context* file, const Options& options, const Shape& shape) {
    const auto number = [&](const char* key, std::int64_t value) {
        gguf_set_val_u32(file, (std::string("llama.") + key).c_str(), static_cast<std::uint32_t>(value));
    };
    gguf_set_val_str(file, "general.architecture", "llama");
    gguf_set_val_str(file, "general.name", fmt::format("random {} {}", options.shape, options.seed).c_str());
    number("context_length", 8192);
    number("block_count", shape.layers);
    number("embedding_length", shape.embedding);
    number("feed_forward_length", shape.feed_forward);
    number("attention.head_count", shape.heads);
    number("attention.head_count_kv", shape.kv_heads);
    number("rope.dimension_count", shape.embedding / shape.heads);
    number("vocab_size", shape.vocabulary);
    gguf_set_val_f32(file, "llama.attention.layer_norm_rms_epsilon", 1e-5F);
    gguf_set_val_f32(file, "llama.rope.freq_base", 10000.0F);
}

void write_tensor(urial::AtomicFile& file, const Tensor& tensor, ggml_type type, std::uint64_t stream,
                  const Options& options) {
    constexpr std::size_t kPieceWeights = 1U << 20;
    const auto length = static_cast<std::size_t>(tensor.length);
    const auto rows = static_cast<std::size_t>(tensor.rows);
    const std::size_t piece_rows = std::max<std::size_t>(1, kPieceWeights / length);
    const std::size_t row_bytes = ggml_row_size(type, tensor.length);
    const auto threads = static_cast<std::size_t>(urial::thread_count(0));
    std::vector<std::string> pieces(threads);
    std::size_t bytes = 0;
    for (std::size_t row = 0; row < rows; row += threads * piece_rows) {
        urial::for_each_parallel(threads, 0, [&](std::size_t i) {
            const std::size_t begin = std::min(rows, row + i * piece_rows);
            const std::size_t count = std::min(rows - begin, piece_rows);
            std::vector<float> weights(count * length, 1.0F);
            if (!tensor.ones) {
                for (std::size_t n = 0; n < weights.size(); ++n) {
                    const std::uint64_t at = begin * length + n;
                    weights[n] = random_weight(stream, at);
                    if (options.nudge != 0) weights[n] += options.nudge * random_weight(~stream, at);
                    weights[n] *= tensor.scale;
                }
            }
            pieces[i].resize(count * row_bytes);
            if (count == 0) return;
            ggml_quantize_chunk(type, weights.data(), pieces[i].data(), 0, static_cast<std::int64_t>(count),
                                tensor.length, nullptr);
        });
        for (const std::string& piece : pieces) {
            file.write(piece);
            bytes += piece.size();
        }
    }
    file.write(std::string(GGML_PAD(bytes, GGUF_DEFAULT_ALIGNMENT) - bytes, '\0'));
}

void write_model(const Options& options, const Shape& shape) {
    const ggml_type type = kTypes.at(options.type);
    const std::vector<Tensor> tensors = tensors_of(shape);
    const std::unique_ptr<gguf_context, decltype(&gguf_free)> head(gguf_init_empty(), &gguf_free);
    add_shape(head.get(), options, shape);
    add_vocabulary(head.get(), shape.vocabulary);
    const ggml_init_params parameters{ggml_tensor_overhead() * tensors.size(), nullptr, true};
    const std::unique_ptr<ggml_context, decltype(&ggml_free)> context(ggml_init(parameters), &ggml_free);
    const auto type_of = [&](const Tensor& tensor) { return tensor.ones ? GGML_TYPE_F32 : type; };
    for (const Tensor& tensor : tensors) {
        if (tensor.length % ggml_blck_size(type_of(tensor)) != 0) {
            throw urial::error(urial::ErrorKind::BadInput, "{}: rows of {} weights are no whole blocks of {}",
                               tensor.name, tensor.length, options.type);
        }
        ggml_tensor* described = tensor.ones
                                     ? ggml_new_tensor_1d(context.get(), GGML_TYPE_F32, tensor.length)
                                     : ggml_new_tensor_2d(context.get(), type_of(tensor), tensor.length, tensor.rows);
        ggml_set_name(described, tensor.name.c_str());
        gguf_add_tensor(head.get(), described);
    }
    std::string meta(gguf_get_meta_size(head.get()), '\0');
    gguf_get_meta_data(head.get(), meta.data());
    urial::AtomicFile file(options.output);
    file.write(meta);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        write_tensor(file, tensors[i], type_of(tensors[i]), options.seed << 32 | i, options);
    }
    file.commit();
}

}  // namespace

int main(int argc, char** argv) {
    static_assert(std::endian::native == std::endian::little, "GGUF files are little-endian");
    Options options;
    Shape given{};
    CLI::App app("A language model of random weights");
    app.add_option("output", options.output)->required();
    app.add_option("--shape", options.shape)->check(CLI::IsMember(kShapes))->capture_default_str();
    app.add_option("--type", options.type)->check(CLI::IsMember(kTypes))->capture_default_str();
    app.add_option("--seed", options.seed)->capture_default_str();
    app.add_option("--nudge", options.nudge)->capture_default_str();
    const auto dimension = [&](const char* name, std::int64_t& value) {
        app.add_option(name, value)->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 22));
    };
    dimension("--layers", given.layers);
    dimension("--embedding", given.embedding);
    dimension("--heads", given.heads);
    dimension("--kv-heads", given.kv_heads);
    dimension("--feed-forward", given.feed_forward);
    dimension("--vocabulary", given.vocabulary);
    CLI11_PARSE(app, argc, argv);
    try {
        Shape shape = kShapes.at(options.shape);
        for (std::int64_t Shape::*part : {&Shape::layers, &Shape::embedding, &Shape::heads, &Shape::kv_heads,
                                          &Shape::feed_forward, &Shape::vocabulary}) {
            if (given.*part > 0) shape.*part = given.*part;
        }
        write_model(options, shape);
        fmt::print("{}: {:.0f} MB\n", options.output,
                   static_cast<double>(std::filesystem::file_size(options.output)) / 1e6);
        return 0;
    } catch (const std::exception& failure) {
        fmt::print(stderr, "{}\n", failure.what());
        return 1;
    }
}
