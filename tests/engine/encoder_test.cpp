#include "engine/encoder.h"

#include <cmath>
#include <fstream>
#include <numeric>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json_reader.h"
#include "engine/encoder_loops.h"
#include "engine/mpnet_encoder.h"
#include "models/models.h"
#include "models/sentence_transformer.h"
#include "support/expect_error.h"
#include "support/paths.h"
#include "support/sandbox.h"

namespace urial::engine {
namespace {

fs::path tiny_mpnet() { return test::source_path("tests/engine/fixtures/tiny_mpnet"); }

double product(std::span<const float> a, std::span<const float> b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// The fixture converted and loaded, and what transformers computes with it (fixtures/make_tiny_mpnet.py).
class TinyMpnet : public ::testing::Test {
protected:
    static std::shared_ptr<const Encoder> load(models::EncoderType type, const fs::path& path) {
        models::convert_encoder(tiny_mpnet(), path, type);
        models::check_encoder(path);
        EncoderOptions options;
        options.path = path;
        return load_encoder(options);
    }

    TinyMpnet() {
        for (const auto& entry : read_json_file(tiny_mpnet() / "expected.json")) {
            texts_.push_back(entry["text"]);
            ids_.push_back(entry["ids"]);
            vectors_.push_back(entry["embedding"]);
        }
    }

    /// The largest distance from what is expected.
    double distance(const std::vector<float>& vectors) const {
        double most = 0;
        const std::size_t dimension = vectors_.front().size();
        for (std::size_t i = 0; i < texts_.size(); ++i) {
            most = std::max(most, 1 - product(std::span(vectors).subspan(i * dimension, dimension), vectors_[i]));
        }
        return most;
    }

    test::TemporaryFolder folder_;
    std::vector<std::string> texts_;
    std::vector<std::vector<Token>> ids_;
    std::vector<std::vector<float>> vectors_;
};

TEST_F(TinyMpnet, texts_become_the_tokens_and_vectors_that_transformers_gives) {
    const auto encoder = load(models::EncoderType::F32, folder_ / "tiny.gguf");
    EXPECT_EQ(encoder->info().architecture, "mpnet");
    EXPECT_EQ(encoder->info().dimension, 32U);
    EXPECT_EQ(encoder->info().most_tokens, 40U);
    for (std::size_t i = 0; i < texts_.size(); ++i) EXPECT_EQ(encoder->tokenize(texts_[i]), ids_[i]) << texts_[i];
    EXPECT_LT(distance(encoder->encode(texts_)), 1e-6);
}

TEST_F(TinyMpnet, half_precision_moves_a_vector_by_little) {
    const auto encoder = load(models::EncoderType::F16, folder_ / "tiny.gguf");
    const double moved = distance(encoder->encode(texts_));
    EXPECT_LT(moved, 1e-5);
    EXPECT_LT(fs::file_size(folder_ / "tiny.gguf"), fs::file_size(tiny_mpnet() / "model.safetensors"));
}

TEST_F(TinyMpnet, a_text_gets_the_same_vector_alone_and_among_others) {
    const auto encoder = load(models::EncoderType::F32, folder_ / "tiny.gguf");
    std::vector<std::string> many;
    for (int i = 0; i < 200; ++i) many.push_back(texts_[static_cast<std::size_t>(i) % texts_.size()]);
    const std::vector<float> together = encoder->encode(many);
    const std::vector<float> alone = encoder->encode(std::span(many).subspan(1, 1));
    for (const std::size_t i : {1UL, 1 + texts_.size(), 1 + 20 * texts_.size()}) {
        EXPECT_NEAR(product(std::span(together).subspan(i * 32, 32), alone), 1, 1e-6) << i;
    }
}

TEST_F(TinyMpnet, encoding_is_cancelled_between_batches) {
    const auto encoder = load(models::EncoderType::F32, folder_ / "tiny.gguf");
    const std::vector<std::string> many(500, "the cat");
    std::uint64_t seen = 0;
    EncodeOptions options;
    options.watch.progress = [&](std::uint64_t done, std::uint64_t) { seen = done; };
    options.watch.cancelled = [&] { return seen > 0; };
    EXPECT_THROW(encoder->encode(many, options), Cancelled);
    EXPECT_LT(seen, many.size());
}

TEST_F(TinyMpnet, a_language_model_is_asked_for_where_an_encoder_is_given) {
    models::convert_encoder(tiny_mpnet(), folder_ / "tiny.gguf", models::EncoderType::F32);
    EXPECT_ERROR(models::check_model(folder_ / "tiny.gguf"), ErrorKind::BadInput, "give it with --encoder");
}

TEST_F(TinyMpnet, what_is_missing_in_a_folder_is_named) {
    fs::copy(tiny_mpnet(), folder_ / "copy", fs::copy_options::recursive);
    fs::remove(folder_ / "copy/model.safetensors");
    write_file_atomic(folder_ / "copy/pytorch_model.bin", "PK");
    const auto convert = [&] {
        models::convert_encoder(folder_ / "copy", folder_ / "out.gguf", models::EncoderType::F32);
    };
    EXPECT_ERROR(convert(), ErrorKind::NotFound, "not from pytorch_model.bin: write one with");
    write_file_atomic(folder_ / "copy/config.json", R"({"model_type": "bert"})");
    EXPECT_ERROR(convert(), ErrorKind::BadInput, "/model_type is \"bert\"; only \"mpnet\" can be converted");
    EXPECT_FALSE(fs::exists(folder_ / "out.gguf"));
}

TEST_F(TinyMpnet, damaged_weights_are_refused) {
    fs::copy(tiny_mpnet(), folder_ / "copy", fs::copy_options::recursive);
    const std::string weights = read_file(tiny_mpnet() / "model.safetensors");
    const auto refused = [&](const std::string& content) {
        write_file_atomic(folder_ / "copy/model.safetensors", content);
        return test::bad_input_of(
            [&] { models::convert_encoder(folder_ / "copy", folder_ / "out.gguf", models::EncoderType::F32); });
    };
    EXPECT_NE(refused(weights.substr(0, weights.size() - 1)).find("was cut off"), std::string::npos);
    EXPECT_NE(refused(weights.substr(0, 100)).find("was cut off"), std::string::npos);
    EXPECT_NE(refused("short").find("less than 8 bytes"), std::string::npos);
    EXPECT_NE(refused(std::string("\x02\0\0\0\0\0\0\0[]", 10)).find("no JSON object"), std::string::npos);
    std::string renamed = weights;
    renamed.replace(renamed.find("layer.1.output.dense.bias"), 5, "laxer");
    EXPECT_NE(refused(renamed).find("it has no tensor encoder.layer.1.output.dense.bias"), std::string::npos);
    std::string reshaped = weights;
    reshaped.replace(reshaped.find("[48,32]"), 7, "[47,32]");
    EXPECT_NE(refused(reshaped).find("is [47, 32], the model's configuration says [48, 32]"), std::string::npos);
}

TEST_F(TinyMpnet, a_file_without_a_tensor_or_with_a_wrong_one_is_an_error) {
    load(models::EncoderType::F32, folder_ / "tiny.gguf");
    const std::string whole = read_file(folder_ / "tiny.gguf");
    const auto load_changed = [&](std::string_view from, std::string_view to) {
        std::string changed = whole;
        changed.replace(changed.find(from), from.size(), to);
        write_file_atomic(folder_ / "changed.gguf", changed);
        EncoderOptions options;
        options.path = folder_ / "changed.gguf";
        load_encoder(options);
    };
    EXPECT_ERROR(load_changed("attn_rel_b.weight", "attn_rel_x.weight"), ErrorKind::Model,
                 "attn_rel_b.weight is missing");
    EXPECT_ERROR(load_changed("mpnet.block_count", "mpnet.block_xount"), ErrorKind::Model,
                 "mpnet.block_count is missing");
}

TEST(MpnetEncoder, distances_share_buckets_as_in_transformers) {
    // MPNetEncoder.relative_position_bucket(torch.tensor(distances), num_buckets=32)
    const std::vector<std::pair<std::ptrdiff_t, std::size_t>> expected{
        {0, 0},   {-1, 1},  {1, 17},  {-7, 7},   {7, 23},    {8, 24},   {-8, 8},
        {11, 24}, {12, 25}, {16, 26}, {-16, 10}, {31, 27},   {32, 28},  {-64, 14},
        {63, 29}, {90, 30}, {91, 31}, {128, 31}, {-128, 15}, {383, 31}, {-383, 15}};
    for (const auto& [distance, bucket] : expected) EXPECT_EQ(distance_bucket(distance, 32), bucket) << distance;
}

/// Attention of a text and head by plain loops.
std::vector<double> attended(const TextAttention& task, std::size_t text, std::size_t head) {
    const std::size_t width = task.heads * task.length;
    std::vector<double> output;
    const auto number = [&](std::size_t row, std::size_t part, std::size_t d) {
        const std::size_t place = part * width + head * task.length + d;
        return static_cast<double>(task.joint[row * 3 * width + place]) + task.bias[place];
    };
    for (std::size_t query = task.begins[text]; query < task.begins[text + 1]; ++query) {
        std::vector<double> mixed(task.length);
        double sum = 0;
        for (std::size_t key = task.begins[text]; key < task.begins[text + 1]; ++key) {
            double score = 0;
            for (std::size_t d = 0; d < task.length; ++d) score += number(query, 0, d) * number(key, 1, d);
            score /= std::sqrt(static_cast<double>(task.length));
            score += task.distances[head * task.distance_stride + task.reach - 1 + key - query];
            sum += std::exp(score);
            for (std::size_t d = 0; d < task.length; ++d) mixed[d] += std::exp(score) * number(key, 2, d);
        }
        for (const double value : mixed) output.push_back(value / sum);
    }
    return output;
}

TEST(EncoderLoops, each_instruction_set_gives_what_plain_loops_give) {
    std::vector<float> numbers(20000);
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = std::sin(static_cast<float>(i * i % 9973)) * 3;
    TextAttention task;
    const std::vector<std::size_t> begins{0, 1, 6, 43};
    task.begins = begins.data();
    task.texts = 3;
    task.heads = 2;
    task.length = 48;
    task.joint = numbers.data();
    task.bias = numbers.data() + 13000;
    task.reach = 40;
    task.distance_stride = 2 * task.reach - 1 + 2 * kEncoderStep;
    task.distances = numbers.data() + 14000;
    std::vector<float> output(43 * 96);
    task.output = output.data();
    std::vector<const EncoderLoops*> all{&kPortableEncoderLoops};
    if (&encoder_loops() != all.front()) all.push_back(&encoder_loops());
    for (const EncoderLoops* loops : all) {
        loops->attend(task, 0, 2);
        loops->attend(task, 1, 2);
        for (std::size_t text = 0; text < 3; ++text) {
            const std::vector<double> expected = attended(task, text, 1);
            for (std::size_t i = 0; i < expected.size(); ++i) {
                const std::size_t row = task.begins[text] + i / 48;
                ASSERT_NEAR(output[row * 96 + 48 + i % 48], expected[i], 1e-4) << "text " << text << ", number " << i;
            }
        }
        std::vector<float> gelu(48);
        loops->gelu(numbers.data(), numbers.data() + 100, 48, gelu.data());
        for (std::size_t i = 0; i < 48; ++i) {
            const double x = static_cast<double>(numbers[i]) + numbers[100 + i];
            EXPECT_NEAR(gelu[i], x * (1 + std::erf(x / std::sqrt(2.0))) / 2, 1e-6) << x;
        }
    }
}

}  // namespace
}  // namespace urial::engine
