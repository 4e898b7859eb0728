#include "generate/score_cache.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace urial::generate {
namespace {

using Tokens = std::vector<Token>;

/// What a model would say: decided by all tokens up to this one, and by how many are listed.
TokenScore score_of(std::span<const Token> tokens, int top) {
    double logp = 0;
    for (const Token token : tokens) logp = logp * 0.5 - token - 1;
    TokenScore score{tokens.back(), logp, static_cast<std::uint32_t>(tokens.size()), {}};
    for (int i = 0; i < top; ++i) score.top.push_back({i, logp - i});
    return score;
}

std::vector<std::optional<TokenScore>> scores_of(const Tokens& tokens, int top) {
    std::vector<std::optional<TokenScore>> scores(tokens.size());
    for (std::size_t i = 1; i < tokens.size(); ++i) scores[i] = score_of(std::span(tokens).first(i + 1), top);
    return scores;
}

/// Everything that read() gives is right, and it gives as much as known() says.
void expect_right(ScoreCache& cache, const Tokens& tokens, int top) {
    std::vector<std::optional<TokenScore>> found(tokens.size());
    const std::size_t known = cache.known(tokens, top);
    cache.read(tokens, top, found);
    const auto expected = scores_of(tokens, top);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        ASSERT_EQ(found[i].has_value(), i > 0 && i < known) << i;
        if (found[i]) {
            ASSERT_EQ(*found[i], *expected[i]) << i;
        }
    }
}

TEST(ScoreCacheTest, knows_the_longest_beginning_that_any_text_has_had) {
    ScoreCache cache(1'000'000);
    const Tokens first{1, 2, 3, 4, 5};
    EXPECT_EQ(cache.known(first, 0), 1U);
    cache.write(first, 2, scores_of(first, 2));
    EXPECT_EQ(cache.known(first, 2), 5U);
    EXPECT_EQ(cache.known(Tokens{1, 2, 3, 9, 5}, 2), 3U);
    EXPECT_EQ(cache.known(Tokens{2, 3, 4}, 2), 1U);
    EXPECT_EQ(cache.known(Tokens{1, 2, 3, 4, 5, 6}, 1), 5U) << "fewer entries are there too";
    EXPECT_EQ(cache.known(first, 3), 1U) << "more entries are not";
    expect_right(cache, first, 1);
    expect_right(cache, {1, 2, 3, 9}, 2);
}

TEST(ScoreCacheTest, agrees_with_a_list_of_all_texts_however_they_branch) {
    std::mt19937 random(1);
    ScoreCache cache(100'000'000);
    std::map<Tokens, int> written;  // every beginning, with the most entries that it was written with
    for (int round = 0; round < 600; ++round) {
        Tokens tokens(1 + random() % 12);
        for (Token& token : tokens) token = static_cast<Token>(random() % 3);
        const int top = static_cast<int>(random() % 4);
        std::size_t known = 1;
        while (known < tokens.size()) {
            const auto found = written.find(Tokens(tokens.begin(), tokens.begin() + static_cast<long>(known) + 1));
            if (found == written.end() || found->second < top) break;
            ++known;
        }
        ASSERT_EQ(cache.known(tokens, top), known) << "round " << round;
        expect_right(cache, tokens, top);
        if (round % 3 == 0) continue;
        cache.write(tokens, top, scores_of(tokens, top));
        for (std::size_t size = 1; size <= tokens.size(); ++size) {
            const auto [at, is_new] =
                written.try_emplace(Tokens(tokens.begin(), tokens.begin() + static_cast<long>(size)), top);
            at->second = std::max(at->second, top);
        }
    }
}

TEST(ScoreCacheTest, keeps_to_its_bytes_and_lets_go_of_what_was_unused_for_longest) {
    constexpr std::size_t kMost = 20'000;
    ScoreCache cache(kMost);
    const auto text = [](Token first) {
        Tokens tokens(50, first);
        return tokens;
    };
    for (Token first = 0; first < 100; ++first) {
        const Tokens tokens = text(first);
        cache.write(tokens, 1, scores_of(tokens, 1));
        ASSERT_LE(cache.bytes(), kMost);
        std::vector<std::optional<TokenScore>> scores(50);
        cache.read(text(0), 1, scores);  // this one stays of use
    }
    EXPECT_EQ(cache.known(text(0), 1), 50U);
    EXPECT_EQ(cache.known(text(99), 1), 50U);
    EXPECT_EQ(cache.known(text(1), 1), 1U);
    EXPECT_EQ(cache.known(text(50), 1), 1U);
    ScoreCache none(0);
    none.write(text(1), 1, scores_of(text(1), 1));
    EXPECT_EQ(none.bytes(), 0U);
    EXPECT_EQ(none.known(text(1), 1), 1U);
}

TEST(ScoreCacheTest, a_text_that_grows_token_by_token_takes_no_more_room_than_at_once) {
    Tokens tokens(200);
    for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<Token>(i);
    ScoreCache at_once(1'000'000), grown(1'000'000);
    at_once.write(tokens, 2, scores_of(tokens, 2));
    for (std::size_t size = 1; size <= tokens.size(); ++size) {
        const Tokens part(tokens.begin(), tokens.begin() + static_cast<long>(size));
        grown.write(part, 2, scores_of(part, 2));
    }
    EXPECT_EQ(grown.bytes(), at_once.bytes());
    expect_right(grown, tokens, 2);
}

}  // namespace
}  // namespace urial::generate
