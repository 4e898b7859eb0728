#include "engine/token_store.h"

#include <numeric>

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace urial::engine {
namespace {

std::vector<Token> tokens(int first, int count) {
    std::vector<Token> made(static_cast<std::size_t>(count));
    std::iota(made.begin(), made.end(), first);
    return made;
}

std::vector<Token> operator+(std::vector<Token> a, const std::vector<Token>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

class TokenStoreTest : public ::testing::Test {
protected:
    TokenStore make(std::size_t prefixes, std::size_t cells, Sharing sharing = Sharing::AnyPart,
                    Running running = Running::Alone) {
        return TokenStore({.sequences = 2, .prefixes = prefixes, .cells = cells}, sharing, running,
                          [this](std::size_t place) { dropped_.push_back(place); });
    }
    /// As a session does it.
    static std::size_t run(TokenStore& store, int sequence, const std::vector<Token>& all) {
        const TokenStore::Share share = store.share(all);
        store.start(sequence, share);
        for (std::size_t i = share.tokens; i < all.size(); ++i) store.append(sequence, all[i]);
        return share.tokens;
    }

    std::vector<std::size_t> dropped_;
};

TEST_F(TokenStoreTest, a_sequence_shares_the_longest_prefix_that_its_tokens_begin_with_but_for_the_last_token) {
    TokenStore store = make(3, 1000);
    store.add_pinned(tokens(0, 10));
    const std::size_t longer = store.add_pinned(tokens(0, 50));
    store.add_pinned(tokens(500, 90));
    EXPECT_EQ(store.share(tokens(0, 60)).prefix, longer);
    EXPECT_EQ(store.share(tokens(0, 60)).tokens, 50U);
    EXPECT_EQ(store.share(tokens(0, 50)).tokens, 49U);
    EXPECT_EQ(store.share(tokens(0, 30) + tokens(900, 5)).tokens, 30U);
    EXPECT_EQ(store.share(tokens(7, 20)).tokens, 0U);
    EXPECT_EQ(store.share({}).tokens, 0U);
}

TEST_F(TokenStoreTest, shared_cells_are_counted_once_and_free_when_the_last_one_lets_go) {
    TokenStore store = make(1, 100);
    store.add_pinned(tokens(0, 40));
    EXPECT_EQ(run(store, 0, tokens(0, 50)), 40U);
    EXPECT_EQ(run(store, 1, tokens(0, 40) + tokens(900, 20)), 40U);
    EXPECT_EQ(store.free_cells(), 100U - 40 - 10 - 20);
    store.forget(0);
    EXPECT_EQ(store.free_cells(), 100U - 40 - 20);
    store.unpin(0);
    EXPECT_EQ(store.free_cells(), 100U - 40 - 20) << "sequence 1 still has the cells";
    store.forget(1);
    EXPECT_EQ(store.free_cells(), 100U);
    EXPECT_EQ(store.unused_cells(), 60U) << "the prefix is kept";
    EXPECT_EQ(store.share(tokens(0, 50)).tokens, 40U);
    EXPECT_EQ(store.share(tokens(0, 50)).pinned, 0U);
}

TEST_F(TokenStoreTest, a_kept_sequence_serves_those_that_go_on_and_gives_way_to_its_continuation) {
    TokenStore store = make(2, 200);
    store.add_pinned(tokens(0, 40));
    run(store, 0, tokens(0, 60));
    ASSERT_TRUE(store.keep(0));
    EXPECT_EQ(store.length(0), 0U);
    EXPECT_EQ(store.share(tokens(0, 90)).tokens, 60U);
    EXPECT_EQ(store.share(tokens(0, 90)).pinned, 40U);
    EXPECT_EQ(run(store, 1, tokens(0, 90)), 60U);
    ASSERT_TRUE(store.keep(1));
    EXPECT_EQ(dropped_.size(), 1U) << "the shorter one says nothing that the longer one does not";
    EXPECT_EQ(store.unused_cells(), 200U - 90);
    run(store, 0, tokens(0, 70));
    EXPECT_FALSE(store.keep(0)) << "there is a longer one";
    EXPECT_EQ(store.share(tokens(0, 100)).tokens, 90U);
}

TEST_F(TokenStoreTest, what_was_of_no_use_for_longest_goes_first_and_what_is_pinned_never) {
    TokenStore store = make(3, 100);
    const std::size_t pinned = store.add_pinned(tokens(0, 30));
    for (const int first : {200, 300}) {
        run(store, 0, tokens(first, 20));
        ASSERT_TRUE(store.keep(0));
    }
    run(store, 0, tokens(200, 25));  // the older one is used again
    store.forget(0);
    run(store, 0, tokens(400, 45));
    EXPECT_EQ(dropped_.size(), 1U);
    EXPECT_EQ(store.share(tokens(200, 25)).tokens, 20U);
    EXPECT_EQ(store.share(tokens(300, 25)).tokens, 0U);
    run(store, 1, tokens(600, 25));
    EXPECT_EQ(dropped_.size(), 2U);
    EXPECT_EQ(store.free_cells(), 0U);
    EXPECT_ERROR(store.append(1, 7), ErrorKind::ContextFull, "all 100 cells");
    EXPECT_EQ(store.find(tokens(0, 30)), pinned);
}

TEST_F(TokenStoreTest, places_of_pinned_prefixes_are_not_taken_and_pins_are_counted) {
    TokenStore store = make(1, 100);
    const std::size_t place = store.add_pinned(tokens(0, 10));
    store.pin(place);
    store.unpin(place);
    EXPECT_ERROR(store.add_pinned(tokens(50, 10)), ErrorKind::ContextFull, "all of them are in use");
    run(store, 0, tokens(300, 5));
    EXPECT_FALSE(store.keep(0));
    EXPECT_EQ(store.unused_cells(), 90U);
    store.unpin(place);
    store.add_pinned(tokens(50, 10));
    EXPECT_EQ(dropped_, std::vector<std::size_t>{place});
    EXPECT_ERROR(store.add_pinned(tokens(90, 91)), ErrorKind::ContextFull, "90 of 100 cells are free");
}

TEST_F(TokenStoreTest, a_recurrent_state_is_shared_whole_or_not_at_all) {
    TokenStore store = make(2, 200, Sharing::Whole);
    store.add_pinned(tokens(0, 40));
    EXPECT_EQ(store.share(tokens(0, 40)).tokens, 0U) << "its last token has to be computed";
    EXPECT_EQ(store.share(tokens(0, 41)).tokens, 40U);
    run(store, 0, tokens(0, 60));
    ASSERT_TRUE(store.keep(0));
    EXPECT_EQ(store.share(tokens(0, 50)).tokens, 40U) << "the pinned one, not a part of the kept one";
    EXPECT_EQ(store.share(tokens(0, 61)).tokens, 60U);
}

TEST_F(TokenStoreTest, with_a_sliding_window_only_what_a_sequence_appended_is_shared_in_part) {
    TokenStore store = make(2, 200, Sharing::BeyondRestored);
    store.add_pinned(tokens(0, 40));
    EXPECT_EQ(store.share(tokens(0, 30) + tokens(900, 9)).tokens, 0U);
    run(store, 0, tokens(0, 60));
    ASSERT_TRUE(store.keep(0));
    EXPECT_EQ(store.share(tokens(0, 50) + tokens(900, 9)).tokens, 50U);
    EXPECT_EQ(store.share(tokens(0, 39) + tokens(900, 9)).tokens, 0U);
}

TEST_F(TokenStoreTest, a_sequence_that_does_not_exist_is_named) {
    TokenStore store = make(1, 10);
    EXPECT_ERROR(store.append(2, 1), ErrorKind::BadInput, "sequence 2 of 2");
    EXPECT_ERROR(store.forget(-1), ErrorKind::BadInput, "sequence -1 of 2");
}

TEST_F(TokenStoreTest, what_runs_is_shared_where_it_has_much_more_than_any_prefix) {
    TokenStore store = make(2, 1000, Sharing::AnyPart, Running::Shared);
    const std::vector<Token> all = tokens(0, 200);
    for (const Token token : all) store.append(0, token);
    const std::vector<Token> other = tokens(0, 100) + tokens(-1, 1);
    EXPECT_EQ(store.share(other).sequence, 0);
    EXPECT_EQ(store.share(other).tokens, 100U);
    EXPECT_EQ(store.share(other).firm, 100U);
    EXPECT_EQ(store.share(other).pinned, 0U);
    EXPECT_EQ(store.share(other, 70).tokens, 70U);
    EXPECT_EQ(store.share(other, 63).tokens, 0U) << "too little";
    store.add_pinned(std::span(all).first(40));
    EXPECT_EQ(store.share(other).prefix, 0U) << "60 more are too few";
    const std::size_t free = store.free_cells();
    EXPECT_EQ(run(store, 1, all), 199U);
    EXPECT_EQ(store.free_cells(), free - 1);
    store.forget(0);
    EXPECT_EQ(store.free_cells(), free) << "the second one holds what it shares";
    store.forget(1);
    EXPECT_EQ(store.free_cells(), 960U);
}

TEST_F(TokenStoreTest, of_a_sequence_that_began_with_a_restored_prefix_that_much_is_shared_or_nothing) {
    TokenStore store = make(2, 1000, Sharing::BeyondRestored, Running::Shared);
    const std::vector<Token> all = tokens(0, 300);
    const std::size_t place = store.add_pinned(std::span(all).first(150));
    run(store, 0, all);
    store.drop(place);
    EXPECT_EQ(store.share(std::span(all).first(140)).tokens, 0U);
    EXPECT_EQ(store.share(std::span(all).first(200)).tokens, 199U);
    TokenStore recurrent = make(2, 1000, Sharing::Whole, Running::Shared);
    run(recurrent, 0, all);
    EXPECT_FALSE(recurrent.shares_running());
    EXPECT_EQ(recurrent.share(all).tokens, 0U);
}

}  // namespace
}  // namespace urial::engine
