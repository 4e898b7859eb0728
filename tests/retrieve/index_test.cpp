#include "retrieve/index.h"

#include <array>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "base/files.h"
#include "support/sandbox.h"

namespace urial::retrieve {
namespace {

/// Vectors by a hash of each text, in batches of 100; counts what it is asked for.
class ScriptedEmbedder final : public Embedder {
public:
    std::string identity() const override { return "scripted"; }
    std::size_t dimension() const override { return kDimension; }
    std::vector<float> embed(std::span<const std::string> texts, const engine::EncodeOptions& options) const override {
        std::vector<float> vectors;
        for (std::size_t i = 0; i < texts.size(); ++i, ++embedded) {
            if (i % 100 == 0 && options.watch.cancelled && options.watch.cancelled()) throw engine::Cancelled();
            std::mt19937 random(static_cast<unsigned>(std::hash<std::string>{}(texts[i])));
            std::normal_distribution<float> normal;
            std::array<float, kDimension> vector;
            float squares = 0;
            for (float& number : vector) number = normal(random), squares += number * number;
            for (const float number : vector) vectors.push_back(number / std::sqrt(squares));
            if (i % 100 == 99 && options.watch.progress) options.watch.progress(i + 1, texts.size());
        }
        return vectors;
    }
    std::vector<float> vector_of(const std::string& text) const { return embed(std::span(&text, 1), {}); }
    static constexpr std::size_t kDimension = 24;
    mutable std::size_t embedded = 0;
};

std::vector<std::string> numbered(std::size_t count) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i) texts.push_back("text " + std::to_string(i));
    return texts;
}

class IndexOfTexts : public ::testing::Test {
protected:
    IndexOfTexts() { options_.folder = folder_ / "indices"; }
    std::vector<fs::path> kept() const {
        std::vector<fs::path> files;
        for (const auto& entry : fs::directory_iterator(folder_ / "indices")) files.push_back(entry.path());
        return files;
    }
    test::TemporaryFolder folder_;
    ScriptedEmbedder embedder_;
    IndexOptions options_;
};

TEST_F(IndexOfTexts, the_nearest_come_first_and_equals_by_position) {
    std::vector<std::string> texts = numbered(300);
    texts[250] = texts[17];
    const auto index = open_index(embedder_, texts, options_);
    EXPECT_TRUE(index->is_exact());
    const std::vector<float> query = embedder_.vector_of(texts[17]);
    const std::vector<Neighbour> found = index->nearest(query, 4);
    ASSERT_EQ(found.size(), 4U);
    EXPECT_EQ(found[0].position, 17U);
    EXPECT_EQ(found[1].position, 250U);
    EXPECT_NEAR(found[1].similarity, 1, 1e-5);
    EXPECT_GE(found[2].similarity, found[3].similarity);
    EXPECT_EQ(index->nearest(query, 1000).size(), 300U);
    const auto others =
        index->nearest(query, 2, [](std::size_t position) { return position == 17 || position == 250; });
    ASSERT_EQ(others.size(), 2U);
    EXPECT_EQ(others[0].position, found[2].position);
}

TEST_F(IndexOfTexts, it_is_built_once_for_the_same_texts) {
    const std::vector<std::string> texts = numbered(50);
    open_index(embedder_, texts, options_);
    open_index(embedder_, texts, options_);
    EXPECT_EQ(embedder_.embedded, 50U);
    open_index(embedder_, numbered(51), options_);
    EXPECT_EQ(embedder_.embedded, 101U);
}

TEST_F(IndexOfTexts, a_damaged_file_is_built_anew) {
    const std::vector<std::string> texts = numbered(50);
    open_index(embedder_, texts, options_);
    const fs::path path = kept().at(0);
    const std::string whole = read_file(path);
    std::string flipped = whole;
    flipped.back() = static_cast<char>(flipped.back() ^ 1);
    for (const std::string& damaged : {flipped, whole.substr(0, 30), whole.substr(0, whole.size() - 4), whole + "x"}) {
        embedder_.embedded = 0;
        write_file_atomic(path, damaged);
        open_index(embedder_, texts, options_);
        EXPECT_EQ(embedder_.embedded, 50U);
        EXPECT_EQ(read_file(path), whole);
    }
}

TEST_F(IndexOfTexts, beyond_the_exact_number_a_graph_finds_nearly_all_and_is_kept_too) {
    const std::vector<std::string> texts = numbered(2000);
    const auto exact = open_index(embedder_, texts, options_);
    options_.most_exact = 1000;
    for (const bool is_kept : {false, true}) {
        const auto graph = open_index(embedder_, texts, options_);
        EXPECT_FALSE(graph->is_exact());
        std::size_t right = 0;
        for (const std::string& text : numbered(100)) {
            const std::vector<float> query = embedder_.vector_of("question " + text);
            const auto expected = exact->nearest(query, 5);
            const auto found = graph->nearest(query, 5);
            for (std::size_t i = 0; i < 5; ++i) right += found.at(i).position == expected[i].position ? 1 : 0;
        }
        EXPECT_GE(right, 475U) << "of 500, kept: " << is_kept;
    }
    ASSERT_EQ(kept().size(), 2U) << "vectors and graph";
    for (const fs::path& path : kept()) write_file_atomic(path, read_file(path).substr(0, 1000));
    EXPECT_EQ(open_index(embedder_, texts, options_)->size(), texts.size());
}

TEST_F(IndexOfTexts, building_shows_progress_and_can_be_stopped) {
    std::uint64_t seen = 0;
    options_.watch.progress = [&](std::uint64_t done, std::uint64_t) { seen = done; };
    options_.watch.cancelled = [&] { return seen > 0; };
    EXPECT_THROW(open_index(embedder_, numbered(5000), options_), engine::Cancelled);
    EXPECT_GT(seen, 0U);
    EXPECT_LT(seen, 5000U);
    EXPECT_FALSE(fs::exists(folder_ / "indices"));
}

}  // namespace
}  // namespace urial::retrieve
