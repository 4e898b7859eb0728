// The real engine with a model of a few kilobytes.

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
    EXPECT_EQ(model->new_session(options)->set_prefix(prefix(*model)), PrefixOrigin::Computed);
    EXPECT_EQ(model->new_session(options)->set_prefix(prefix(*model)), PrefixOrigin::Restored);
    const auto other = load(2);
    EXPECT_EQ(other->new_session(options)->set_prefix(prefix(*other)), PrefixOrigin::Computed);
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
    model->new_session(options)->set_prefix(prefix(*model));
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
    EXPECT_THROW(session->set_prefix(prefix(*model)), Cancelled);
    EXPECT_EQ(session->prefix_length(), 0U);
    EXPECT_EQ(session->free_tokens(), 512);
    session->set_prefix(prefix(*model));
    session->reset(0, 200);

    const auto undisturbed = model->new_session(small());
    undisturbed->set_prefix(prefix(*model));
    undisturbed->reset(0, 200);
    EXPECT_EQ(logits_after(*session, 70), logits_after(*undisturbed, 70));
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
