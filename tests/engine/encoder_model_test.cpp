// The real all-mpnet-base-v2 against sentence-transformers (fixtures/make_mpnet_reference.py).

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json_reader.h"
#include "engine/encoder.h"
#include "models/models.h"
#include "support/paths.h"

namespace urial::engine {
namespace {

std::optional<fs::path> encoder_path() {
    try {
        models::FetchOptions here;
        here.download = false;
        return models::resolve(models::parse_model_spec("all-mpnet-base-v2"), here);
    } catch (const Error&) {
        return std::nullopt;
    }
}

TEST(AllMpnetBaseV2, texts_get_the_tokens_and_vectors_of_sentence_transformers) {
    const std::optional<fs::path> path = encoder_path();
    if (!path) GTEST_SKIP() << "the encoder is not on this disk; `urial pull all-mpnet-base-v2` gets it";
    std::vector<std::string> texts;
    std::vector<std::vector<float>> expected;
    for (const Arithmetic arithmetic : {Arithmetic::Packed, Arithmetic::Engine}) {
        EncoderOptions options;
        options.path = *path;
        options.arithmetic = arithmetic;
        const auto encoder = load_encoder(options);
        texts.clear();
        expected.clear();
        for (const auto& entry : read_json_file(test::source_path("tests/engine/fixtures/mpnet_reference.json"))) {
            texts.push_back(entry["text"]);
            expected.push_back(entry["embedding"]);
            EXPECT_EQ(encoder->tokenize(texts.back()), entry["ids"].get<std::vector<Token>>()) << texts.back();
        }
        const std::vector<float> vectors = encoder->encode(texts);
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const auto begin = vectors.begin() + static_cast<std::ptrdiff_t>(i * encoder->info().dimension);
            EXPECT_GT(std::inner_product(expected[i].begin(), expected[i].end(), begin, 0.0), 1 - 1e-4) << texts[i];
        }
    }
}

}  // namespace
}  // namespace urial::engine
