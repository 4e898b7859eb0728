// Encoders that llama.cpp computes, and that both ways of computing agree: a BERT is an MPNet whose distances add
// nothing, but for its positions, which begin at 0.

#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "base/files.h"
#include "engine/encoder.h"
#include "models/gguf_writer.h"
#include "models/models.h"
#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial::engine {
namespace {

constexpr std::uint64_t kWidth = 32, kFeedForward = 64, kLayers = 2, kHeads = 2, kMostTokens = 24, kFirstPosition = 2;

/// Numbers that depend on the name of the tensor alone.
std::vector<float> numbers(const std::string& name, std::size_t count) {
    std::seed_seq seed(name.begin(), name.end());
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(name.ends_with("norm.weight") ? 1.0F : 0.0F, 0.3F);
    std::vector<float> made(count);
    for (float& number : made) number = normal(random);
    return made;
}

class EncoderFile {
public:
    explicit EncoderFile(std::string architecture, std::uint32_t pooling = 1) : architecture_(std::move(architecture)) {
        writer_.text("general.architecture", architecture_);
        number("context_length", kMostTokens);
        number("embedding_length", kWidth);
        number("feed_forward_length", kFeedForward);
        number("block_count", kLayers);
        number("attention.head_count", kHeads);
        number("attention.relative_buckets_count", 8);
        number("pooling_type", pooling);
        writer_.real(architecture_ + ".attention.layer_norm_epsilon", 1e-5F);
        add_tokenizer();
        add_tensors();
    }
    void write(const fs::path& path) const { writer_.write(path, {}); }

private:
    bool is_mpnet() const { return architecture_ == "mpnet"; }
    void number(const std::string& key, std::uint64_t value) {
        writer_.number(architecture_ + "." + key, static_cast<std::uint32_t>(value));
    }

    void add_tokenizer() {
        tokens_ = {"<s>", "<pad>", "</s>", "[UNK]"};
        std::vector<std::int32_t> types(tokens_.size(), 3);
        for (char c = 'a'; c <= 'z'; ++c) {
            tokens_.push_back(std::string("\xE2\x96\x81") + c);
            tokens_.push_back(std::string(1, c));
        }
        types.resize(tokens_.size(), 1);
        writer_.text("tokenizer.ggml.model", "bert");
        writer_.texts("tokenizer.ggml.tokens", tokens_);
        writer_.integers("tokenizer.ggml.token_type", types);
        writer_.number("tokenizer.ggml.token_type_count", 1);
        writer_.number("tokenizer.ggml.bos_token_id", 0);
        writer_.number("tokenizer.ggml.padding_token_id", 1);
        writer_.number("tokenizer.ggml.eos_token_id", 2);
        writer_.number("tokenizer.ggml.seperator_token_id", 2);
        writer_.number("tokenizer.ggml.unknown_token_id", 3);
    }

    void add(const std::string& name, std::vector<std::uint64_t> sizes, bool is_zero = false) {
        const auto count = std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{1}, std::multiplies<>());
        writer_.tensor(name, std::move(sizes), models::GgufWriter::TensorType::F32,
                       [name, count, is_zero] { return is_zero ? std::vector<float>(count) : numbers(name, count); });
    }
    void add_pair(const std::string& name, std::vector<std::uint64_t> sizes) {
        add(name + ".bias", {sizes.back()});
        add(name + ".weight", std::move(sizes));
    }

    void add_tensors() {
        add("token_embd.weight", {kWidth, tokens_.size()});
        if (is_mpnet()) {
            writer_.tensor("position_embd.weight", {kWidth, kMostTokens + kFirstPosition},
                           models::GgufWriter::TensorType::F32, [] {
                               auto rows = numbers("position_embd.weight", kWidth * kMostTokens);
                               rows.insert(rows.begin(), kFirstPosition * kWidth, 7.0F);
                               return rows;
                           });
            add("attn_rel_b.weight", {kHeads, 8}, true);
        } else {
            add("position_embd.weight", {kWidth, kMostTokens});
            add("token_types.weight", {kWidth, 1}, true);
        }
        add_pair("token_embd_norm", {kWidth});
        for (std::uint64_t layer = 0; layer < kLayers; ++layer) {
            const std::string name = "blk." + std::to_string(layer) + ".";
            for (const char* part : {"attn_q", "attn_k", "attn_v", "attn_output"})
                add_pair(name + part, {kWidth, kWidth});
            add_pair(name + "attn_output_norm", {kWidth});
            add_pair(name + "ffn_up", {kWidth, kFeedForward});
            add_pair(name + "ffn_down", {kFeedForward, kWidth});
            add_pair(name + "layer_output_norm", {kWidth});
        }
    }

    std::string architecture_;
    std::vector<std::string> tokens_;
    models::GgufWriter writer_;
};

class LlamaEncoder : public ::testing::Test {
protected:
    std::shared_ptr<const Encoder> load(const EncoderFile& file) {
        const fs::path path = folder_ / "encoder.gguf";
        file.write(path);
        models::check_encoder(path);
        EncoderOptions options;
        options.path = path;
        return load_encoder(options);
    }
    test::TemporaryFolder folder_;
};

TEST_F(LlamaEncoder, a_bert_gets_from_llama_cpp_what_the_same_mpnet_gets_here) {
    const std::vector<std::string> texts{"", "a", "the cat", "the quick brown fox jumps over the lazy dog", "x7 cat"};
    const auto bert = load(EncoderFile("bert"));
    EXPECT_EQ(bert->info().architecture, "bert");
    EXPECT_EQ(bert->info().most_tokens, kMostTokens);
    const std::vector<float> theirs = bert->encode(texts);
    const auto mpnet = load(EncoderFile("mpnet"));
    const std::vector<float> ours = mpnet->encode(texts);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        EXPECT_EQ(bert->tokenize(texts[i]), mpnet->tokenize(texts[i])) << texts[i];
        EXPECT_LE(bert->tokenize(texts[i]).size(), kMostTokens);
        const auto begin = static_cast<std::ptrdiff_t>(i * kWidth);
        const double cosine =
            std::inner_product(ours.begin() + begin, ours.begin() + begin + kWidth, theirs.begin() + begin, 0.0);
        EXPECT_NEAR(cosine, 1, 1e-3) << texts[i];  // llama.cpp's GELU is an approximation
    }
}

TEST_F(LlamaEncoder, many_texts_get_what_each_gets_alone) {
    const auto bert = load(EncoderFile("bert"));
    std::vector<std::string> texts;
    for (char c = 'a'; c <= 'z'; ++c)
        texts.insert(texts.end(), 6, std::string(static_cast<std::size_t>(c - 'a') % 9, c));
    const std::vector<float> together = bert->encode(texts);
    for (const std::size_t i : {0UL, 40UL, 155UL}) {
        const std::vector<float> alone = bert->encode(std::span(texts).subspan(i, 1));
        const auto begin = together.begin() + static_cast<std::ptrdiff_t>(i * kWidth);
        EXPECT_NEAR(std::inner_product(alone.begin(), alone.end(), begin, 0.0), 1, 1e-4) << texts[i];
    }
}

TEST_F(LlamaEncoder, a_model_without_pooling_is_refused) {
    EXPECT_ERROR(load(EncoderFile("bert", 0)), ErrorKind::Model, "its metadata names no pooling");
}

}  // namespace
}  // namespace urial::engine
