#include "app/models.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "app/chat_session.h"
#include "support/expect_error.h"
#include "support/paths.h"
#include "support/sandbox.h"
#include "support/tiny_gguf.h"

namespace urial::app {
namespace {

/// A tiny model, and a cache of its own for hashes, verdicts and snapshots.
class AppModels : public ::testing::Test {
protected:
    AppModels() : cache_("URIAL_CACHE", (folder_ / "cache").string()) {
        test::TinyGguf::language_model().write(folder_ / "tiny.gguf");
        test::TinyGguf::fitting_adapter().write(folder_ / "adapter.gguf");
        choice.model = (folder_ / "tiny.gguf").string();
        choice.trial_program = test::binary_path();
        callbacks.note = [this](std::string_view text) { notes.emplace_back(text); };
        callbacks.warning = [this](std::string_view text) { warnings.emplace_back(text); };
    }

    std::string answer(const std::shared_ptr<const engine::Model>& model) const {
        ChatOptions options;
        options.sampling.max_tokens = 4;
        options.context_tokens = 64;
        options.session = session_options(choice, callbacks);
        ChatSession session(model, prompt::builtin("raw"), options);
        return session.ask("hello", {}).result.text;
    }

    test::TemporaryFolder folder_;
    test::ScopedEnvironment cache_;
    ModelChoice choice;
    Callbacks callbacks;
    std::vector<std::string> notes;
    std::vector<std::string> warnings;
};

TEST_F(AppModels, one_process_opens_a_model_with_and_without_its_adapter_and_both_answer) {
    const auto plain = open_model(choice, callbacks);
    choice.adapters = {(folder_ / "adapter.gguf").string() + ":0.5"};
    const auto adapted = open_model(choice, callbacks);
    EXPECT_TRUE(plain->info().adapters.empty());
    ASSERT_EQ(adapted->info().adapters.size(), 1U);
    EXPECT_EQ(adapted->info().adapters[0].scale, 0.5F);
    EXPECT_EQ(plain->info().content_hash, adapted->info().content_hash);
    const std::string before = answer(plain);
    EXPECT_FALSE(before.empty());
    EXPECT_NO_THROW(answer(adapted));
    EXPECT_EQ(answer(plain), before) << "the other model changed nothing";
}

TEST_F(AppModels, a_model_opened_by_another_thread_answers_as_the_same_one_opened_by_this_thread) {
    std::string elsewhere;
    std::thread thread([&] { elsewhere = answer(open_model(choice, callbacks)); });
    thread.join();
    EXPECT_EQ(elsewhere, answer(open_model(choice, callbacks)));
}

TEST_F(AppModels, progress_of_loading_is_told_and_ends_with_everything) {
    std::vector<Work> begun;
    std::uint64_t last = 0;
    std::uint64_t of = 0;
    callbacks.progress = [&](Work work, const std::string& model) -> Progress {
        EXPECT_EQ(model, choice.model);
        begun.push_back(work);
        if (work != Work::LoadModel) return {};
        return [&](std::uint64_t done, std::uint64_t total) {
            last = done;
            of = total;
        };
    };
    open_model(choice, callbacks);
    EXPECT_EQ(begun, (std::vector{Work::Download, Work::LoadModel}));
    EXPECT_GT(of, 0U);
    EXPECT_EQ(last, of);
}

TEST_F(AppModels, a_call_that_is_cancelled_gives_no_model) {
    callbacks.cancelled = [] { return true; };
    EXPECT_THROW(open_model(choice, callbacks), engine::Cancelled);
}

TEST_F(AppModels, an_unknown_word_for_a_choice_is_refused_by_name) {
    choice.arithmetic = "quick";
    EXPECT_ERROR(open_model(choice, callbacks), ErrorKind::BadInput, "arithmetic cannot be 'quick'");
    choice.flash_attention = "yes";
    EXPECT_ERROR(session_options(choice, callbacks), ErrorKind::BadInput, "flash_attention cannot be 'yes'");
}

TEST_F(AppModels, nobody_has_to_listen) {
    EXPECT_NO_THROW(open_model(choice, {}));
    EXPECT_NO_THROW(session_options(choice, {}));
}

}  // namespace
}  // namespace urial::app
