// The real engine with a model of a few kilobytes.

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "base/files.h"
#include "engine/engine.h"
#include "support/expect_error.h"
#include "support/sandbox.h"
#include "support/tiny_gguf.h"

namespace urial::engine {
namespace {

class LlamaSession : public ::testing::Test {
protected:
    std::shared_ptr<const Model> load(unsigned seed, Watch watch = {}) const {
        ModelOptions options;
        options.path = folder_ / (std::to_string(seed) + ".gguf");
        test::TinyGguf::language_model(seed).write(options.path);
        options.content_hash = "a hash that is said to be that of every model here";
        options.watch = std::move(watch);
        return load_model(options);
    }
    SessionOptions small() const {
        SessionOptions options;
        options.context_tokens = 512;
        options.batch_rows = 32;
        options.threads = 1;
        return options;
    }
    static std::vector<Token> prefix(const Model& model) { return model.tokenize(std::string(200, 'a'), {}); }
    static std::vector<Token> prefix_and_more(const Model& model) {
        return model.tokenize(std::string(200, 'a') + "F", {});
    }
    static std::vector<float> logits_after(Session& session, Token token) {
        const Row row{0, token, true};
        session.decode({&row, 1});
        const auto logits = session.logits(0);
        return {logits.begin(), logits.end()};
    }

    test::TemporaryFolder folder_;
};

TEST_F(LlamaSession, another_model_of_the_same_name_and_hash_does_not_get_its_snapshot) {
    SessionOptions options = small();
    options.snapshot_dir = folder_ / "snapshots";
    const auto model = load(1);
    EXPECT_EQ(model->new_session(options)->pin(prefix(*model)), PrefixOrigin::Computed);
    EXPECT_EQ(model->new_session(options)->pin(prefix(*model)), PrefixOrigin::Restored);
    const auto other = load(2);
    EXPECT_EQ(other->new_session(options)->pin(prefix(*other)), PrefixOrigin::Computed);
}

TEST_F(LlamaSession, loading_can_be_stopped_and_shows_its_progress) {
    Watch watch;
    std::uint64_t last = 0;
    std::uint64_t whole = 0;
    watch.progress = [&](std::uint64_t done, std::uint64_t total) {
        EXPECT_GE(done, last);
        last = done;
        whole = total;
    };
    load(1, watch);
    EXPECT_EQ(last, whole);
    EXPECT_EQ(whole, fs::file_size(folder_ / "1.gguf"));
    watch = {};
    watch.cancelled = [] { return true; };
    EXPECT_THROW(load(1, watch), Cancelled);
}

TEST_F(LlamaSession, reading_a_prefix_shows_its_progress_token_by_token) {
    SessionOptions options = small();
    options.batch_rows = 256;
    std::vector<std::uint64_t> seen;
    options.watch.progress = [&](std::uint64_t done, std::uint64_t total) {
        EXPECT_EQ(total, 200U);
        seen.push_back(done);
    };
    const auto model = load(1);
    model->new_session(options)->pin(prefix(*model));
    ASSERT_GT(seen.size(), 10U) << "more often than once a batch";
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    EXPECT_EQ(seen.back(), 200U);
}

TEST_F(LlamaSession, a_stopped_prefix_leaves_a_session_without_one_that_can_be_used) {
    int left = 0;
    SessionOptions options = small();
    options.watch.cancelled = [&] { return --left == 0; };
    const auto model = load(1);
    const auto session = model->new_session(options);
    left = 100;  // nodes, somewhere in the middle
    EXPECT_THROW(session->pin(prefix(*model)), Cancelled);
    EXPECT_EQ(session->pinned_tokens(), 0);
    EXPECT_EQ(session->free_tokens(), 512);
    session->pin(prefix(*model));
    session->start(0, prefix_and_more(*model));

    const auto undisturbed = model->new_session(small());
    undisturbed->pin(prefix(*model));
    EXPECT_EQ(undisturbed->start(0, prefix_and_more(*model)), 200U);
    EXPECT_EQ(logits_after(*session, 70), logits_after(*undisturbed, 70));
}

/// Appends the tokens that the sequence does not have yet; the logits behind the last one.
std::vector<float> go_on(Session& session, int sequence, const std::vector<Token>& tokens,
                         std::size_t expected_shared) {
    const std::size_t shared = session.start(sequence, tokens);
    EXPECT_EQ(shared, expected_shared);
    std::vector<Row> rows;
    for (std::size_t i = shared; i < tokens.size(); ++i) rows.push_back({sequence, tokens[i], i + 1 == tokens.size()});
    session.decode(rows);
    const auto logits = session.logits(rows.size() - 1);
    return {logits.begin(), logits.end()};
}

void expect_near(const std::vector<float>& a, const std::vector<float>& b) {
    ASSERT_EQ(a.size(), b.size());
    float spread = 0;
    for (const float logit : a) spread = std::max(spread, std::abs(logit));
    ASSERT_GT(spread, 0.01F);
    for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 0.01F * spread) << "token " << i;
}

TEST_F(LlamaSession, prefixes_and_kept_sequences_give_the_logits_of_tokens_that_are_computed_anew) {
    SessionOptions options = small();
    options.sequences = 2;
    options.prefixes = 3;
    options.batch_rows = 256;
    const auto model = load(1);
    const auto session = model->new_session(options);
    const auto text = [&](const std::string& words) { return model->tokenize(words, {}); };
    const std::string first = std::string(40, 'a') + "the first constant part: ";
    const std::string second = "another constant part, for other questions: ";
    EXPECT_EQ(session->pin(text(first)), PrefixOrigin::Computed);
    EXPECT_EQ(session->pin(text(second)), PrefixOrigin::Computed);
    EXPECT_EQ(session->pin(text(second)), PrefixOrigin::Present);
    EXPECT_EQ(session->pinned_tokens(), static_cast<int>(first.size() + second.size()));
    const auto anew = [&](const std::string& words) { return go_on(*model->new_session(options), 0, text(words), 0); };
    expect_near(go_on(*session, 0, text(first + "q1"), first.size()), anew(first + "q1"));
    expect_near(go_on(*session, 1, text(second + "q2"), second.size()), anew(second + "q2"));
    session->end(0, Afterwards::Keep);
    session->end(1, Afterwards::Forget);
    expect_near(go_on(*session, 1, text(first + "q1 and more"), first.size() + 2), anew(first + "q1 and more"));
    expect_near(go_on(*session, 0, text(first + "q3"), first.size() + 1), anew(first + "q3"));
    expect_near(go_on(*session, 0, text(first.substr(0, 50) + "!"), 50), anew(first.substr(0, 50) + "!"));
    session->end(0, Afterwards::Forget);
    session->end(1, Afterwards::Forget);
    session->unpin(text(second));
    EXPECT_EQ(session->pinned_tokens(), static_cast<int>(first.size() + second.size())) << "pinned twice";
    session->unpin(text(second));
    session->unpin(text(first));
    EXPECT_EQ(session->free_tokens(), session->context_tokens());
    EXPECT_EQ(session->pin(text(second)), PrefixOrigin::Present) << "kept";
}

TEST_F(LlamaSession, kept_sequences_give_way_to_those_that_run) {
    SessionOptions options = small();  // 512 cells
    options.sequences = 1;
    options.prefixes = 4;
    options.batch_rows = 256;
    const auto model = load(1);
    const auto session = model->new_session(options);
    for (const char letter : {'a', 'b', 'c', 'd'}) {
        go_on(*session, 0, model->tokenize(std::string(180, letter), {}), 0);
        session->end(0, Afterwards::Keep);
        EXPECT_EQ(session->free_tokens(), 512);
    }
    EXPECT_EQ(session->shareable(model->tokenize(std::string(200, 'd'), {})).tokens, 180U);
    EXPECT_EQ(session->shareable(model->tokenize(std::string(200, 'a'), {})).tokens, 0U);
}

TEST_F(LlamaSession, a_stopped_batch_empties_its_sequences) {
    bool stop = false;
    SessionOptions options = small();
    options.watch.cancelled = [&] { return stop; };
    const auto model = load(1);
    const auto session = model->new_session(options);
    const std::vector<float> first = logits_after(*session, 70);
    stop = true;
    EXPECT_THROW(logits_after(*session, 71), Cancelled);
    EXPECT_EQ(session->length(0), 0U);
    stop = false;
    EXPECT_EQ(logits_after(*session, 70), first);
}

TEST_F(LlamaSession, a_context_beyond_the_memory_is_refused_with_the_numbers_before_it_is_allocated) {
    SessionOptions options = small();
    options.context_tokens = 2'147'483'647;
    std::string said;
    options.watch.detail = [&](std::string_view text) { said = text; };
    const auto model = load(1);
    // 2^31 cells of 2 layers, one group of 16 keys and 16 values, f16
    EXPECT_ERROR(model->new_session(options), ErrorKind::BadInput, "274.9 GB cache of 2147483648 tokens");
    EXPECT_NE(said.find("274.9 GB cache"), std::string::npos) << said;
}

}  // namespace
}  // namespace urial::engine
