#include "retrieve/index.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>

#include <gtest/gtest.h>

#include "base/files.h"
#include "engine/engine.h"
#include "retrieve/toy_embedder.h"
#include "support/sandbox.h"

namespace urial::retrieve {
namespace {

std::vector<std::string> words(std::size_t count) {
    std::mt19937 random(7);
    std::vector<std::string> words;
    for (std::size_t i = 0; i < count; ++i) {
        std::string word;
        for (int k = 0; k < 8; ++k) word += static_cast<char>('a' + random() % 26);
        words.push_back(word);
    }
    return words;
}

class IndexTest : public ::testing::Test {
protected:
    IndexTest() { options_.folder = folder_ / "indexes"; }

    std::filesystem::path only_file() const {
        std::vector<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::directory_iterator(*options_.folder)) files.push_back(entry.path());
        EXPECT_EQ(files.size(), 1U);
        return files.at(0);
    }

    test::TemporaryFolder folder_;
    IndexOptions options_;
    test::LetterEmbedder embedder_;
};

TEST_F(IndexTest, the_nearest_are_those_with_the_largest_products_the_nearest_first) {
    const std::vector<std::string> texts = words(10'000);  // several blocks
    const Index index = Index::open(texts, embedder_, options_);
    const std::vector<float> all = embedder_.embed(texts);
    for (const std::string query : {"hello", "zebra", "quiz"}) {
        const std::vector<float> vector = embedder_.embed({&query, 1});
        std::vector<double> products(texts.size());
        for (std::size_t i = 0; i < texts.size(); ++i) {
            for (std::size_t k = 0; k < vector.size(); ++k) {
                products[i] += double{vector[k]} * double{all[i * vector.size() + k]};
            }
        }
        const auto found = index.nearest(vector, 5, {});
        ASSERT_EQ(found.size(), 5U);
        std::vector<double> sorted = products;
        std::ranges::sort(sorted, std::greater());
        for (std::size_t i = 0; i < 5; ++i) {
            EXPECT_NEAR(found[i].similarity, sorted[i], 1e-5);
            EXPECT_NEAR(products[found[i].position], sorted[i], 1e-5);
        }
    }
}

TEST_F(IndexTest, of_equals_the_earlier_one_is_nearer_and_what_is_left_out_is_not_found) {
    const std::vector<std::string> texts{"bb", "aa", "bb", "aab"};
    const Index index = Index::open(texts, embedder_, options_);
    const std::vector<float> vector = embedder_.embed(std::span(texts).first(1));
    const auto found = index.nearest(vector, 3, [](std::size_t position) { return position == 3; });
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].position, 0U);
    EXPECT_EQ(found[1].position, 2U);
    EXPECT_EQ(found[2].position, 1U);
}

TEST_F(IndexTest, it_is_made_once_for_the_same_texts_and_embedder) {
    const std::vector<std::string> texts = words(200);
    EXPECT_FALSE(Index::open(texts, embedder_, options_).was_kept());
    EXPECT_EQ(embedder_.embedded(), 200U);
    const Index again = Index::open(texts, embedder_, options_);
    EXPECT_TRUE(again.was_kept());
    EXPECT_EQ(embedder_.embedded(), 200U);
    const std::vector<float> vector = embedder_.embed(std::span(texts).subspan(150, 1));
    EXPECT_EQ(again.nearest(vector, 1, {})[0].position, 150U);

    const test::LetterEmbedder other("other letters");
    EXPECT_FALSE(Index::open(texts, other, options_).was_kept());
    EXPECT_FALSE(Index::open(std::span(texts).first(199), embedder_, options_).was_kept());
}

TEST_F(IndexTest, a_damaged_file_is_made_anew) {
    const std::vector<std::string> texts = words(50);
    Index::open(texts, embedder_, options_);
    const std::filesystem::path file = only_file();
    const std::string whole = read_file(file);
    for (const std::size_t at : {std::size_t{3}, whole.size() / 2, whole.size() - 1}) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        write_file_atomic(file, damaged);
        EXPECT_FALSE(Index::open(texts, embedder_, options_).was_kept()) << at;
        EXPECT_TRUE(read_file(file) == whole) << at;
        write_file_atomic(file, whole.substr(0, at));
        EXPECT_FALSE(Index::open(texts, embedder_, options_).was_kept()) << "cut at " << at;
    }
}

TEST_F(IndexTest, making_it_shows_progress_and_can_be_stopped) {
    const std::vector<std::string> texts = words(1000);
    std::vector<std::uint64_t> seen;
    options_.progress = [&](std::uint64_t done, std::uint64_t total) {
        EXPECT_EQ(total, 1000U);
        seen.push_back(done);
    };
    options_.cancelled = [&] { return seen.size() == 3; };
    EXPECT_THROW(Index::open(texts, embedder_, options_), engine::Cancelled);
    EXPECT_LT(embedder_.embedded(), 1000U);
    options_.cancelled = nullptr;
    EXPECT_FALSE(Index::open(texts, embedder_, options_).was_kept()) << "a part of it is not kept";
    EXPECT_EQ(seen.back(), 1000U);
    EXPECT_TRUE(std::ranges::is_sorted(std::span(seen).subspan(3)));
}

}  // namespace
}  // namespace urial::retrieve
