// Requests that begin alike read their beginning once, and nobody waits for ever.

#include <map>

#include <gtest/gtest.h>

#include "generate/generate.h"
#include "support/scripted_model.h"

namespace urial::generate {
namespace {

using test::ScriptedModel;

class SharedBeginnings : public ::testing::Test {
protected:
    void serve(int sequences, int context = 40'000, int batch_rows = 512) {
        engine::SessionOptions options;
        options.sequences = sequences;
        options.context_tokens = context;
        options.batch_rows = batch_rows;
        options.prefixes = 8;
        session_ = model_->new_session(options);
        scheduler_ = std::make_unique<Scheduler>(*model_, *session_);
        model_->log().clear();
        order_.clear();
        texts_.clear();
    }
    Ticket ask(std::uint64_t id, const std::string& text, int max_tokens = 50) {
        Request made;
        made.id = id;
        made.tokens = model_->tokenize(text + " Q" + std::to_string(id) + " A:", {.add_bos = true});
        made.sampling.max_tokens = max_tokens;
        made.on_done = [this, id](Result&& result) {
            order_.push_back(id);
            texts_[id] = result.text;
            finishes_[id] = result.finish;
        };
        return scheduler_->submit(std::move(made));
    }
    static std::string answer_of(std::uint64_t id) { return "to Q" + std::to_string(id); }

    std::shared_ptr<ScriptedModel> model_ =
        std::make_shared<ScriptedModel>(test::answer_after(" A:", [](std::string_view prompt) {
            const std::string_view question = prompt.substr(prompt.rfind('Q'));
            return "to " + std::string(question.substr(0, question.find(' ')));
        }));
    std::unique_ptr<engine::Session> session_;
    std::unique_ptr<Scheduler> scheduler_;
    std::vector<std::uint64_t> order_;
    std::map<std::uint64_t, std::string> texts_;
    std::map<std::uint64_t, FinishReason> finishes_;
};

TEST_F(SharedBeginnings, sixteen_at_once_read_a_common_beginning_once) {
    for (const engine::Sharing sharing : {engine::Sharing::AnyPart, engine::Sharing::BeyondRestored}) {
        model_->set_sharing(sharing);
        serve(16);
        std::size_t answers = 0;
        for (std::uint64_t id = 10; id < 26; ++id) {
            ask(id, std::string(900, 'p'));
            answers += answer_of(id).size();
        }
        scheduler_->run();
        for (std::uint64_t id = 10; id < 26; ++id) EXPECT_EQ(texts_[id], answer_of(id));
        // BOS and 900 tokens, " Q" and the digit that ten and six of the numbers begin with, and the rest of each.
        EXPECT_LE(model_->log().rows, 1 + 900 + 2 + 16 * std::string("10 A:").size() + answers);
        EXPECT_EQ(session_->free_tokens(), 40'000);
    }
}

TEST_F(SharedBeginnings, the_same_prompt_many_times_is_read_once) {
    serve(8);
    for (int i = 0; i < 8; ++i) ask(7, std::string(300, 'p'));
    scheduler_->run();
    EXPECT_EQ(order_.size(), 8U);
    const std::size_t prompt = 1 + 300 + std::string(" Q7 A:").size();
    EXPECT_EQ(model_->log().rows, prompt + 7 + 8 * answer_of(7).size()) << "but for the last token, which each reads";
}

TEST_F(SharedBeginnings, one_that_comes_while_others_write_shares_too) {
    serve(4);
    ask(1, std::string(500, 'p'));
    scheduler_->step();
    scheduler_->step();
    const std::size_t before = model_->log().rows;
    ask(2, std::string(500, 'p'));
    scheduler_->run();
    EXPECT_LT(model_->log().rows - before, 50U);
    EXPECT_EQ(texts_[2], answer_of(2));
}

TEST_F(SharedBeginnings, cells_count_once_so_that_all_run_where_there_is_room_for_one_beginning) {
    // 907 tokens and an answer of 50 for the first, 7 and 50 or so for each other one.
    serve(8, 960 + 7 * 70);
    std::size_t most_running = 0;
    for (std::uint64_t id = 1; id <= 8; ++id) ask(id, std::string(900, 'p'));
    while (scheduler_->step()) most_running = std::max(most_running, scheduler_->running());
    EXPECT_EQ(most_running, 8U);
    for (std::uint64_t id = 1; id <= 8; ++id) EXPECT_EQ(texts_[id], answer_of(id));
}

TEST_F(SharedBeginnings, those_that_share_outlive_the_one_that_read) {
    serve(4);
    const Ticket reader = ask(1, std::string(600, 'p'));
    for (std::uint64_t id = 2; id <= 4; ++id) ask(id, std::string(600, 'p'));
    scheduler_->step();
    scheduler_->step();
    scheduler_->step();
    EXPECT_TRUE(scheduler_->cancel(reader));
    ask(5, std::string(200, 'x'));
    scheduler_->run();
    EXPECT_EQ(finishes_[1], FinishReason::Cancelled);
    for (std::uint64_t id = 2; id <= 5; ++id) EXPECT_EQ(texts_[id], answer_of(id));
}

TEST_F(SharedBeginnings, where_the_reader_goes_another_one_reads) {
    serve(4, 40'000, 64);
    const Ticket reader = ask(1, std::string(600, 'p'));
    for (std::uint64_t id = 2; id <= 4; ++id) ask(id, std::string(600, 'p'));
    scheduler_->step();
    EXPECT_EQ(scheduler_->running(), 1U);
    EXPECT_TRUE(scheduler_->cancel(reader));
    scheduler_->run();
    for (std::uint64_t id = 2; id <= 4; ++id) EXPECT_EQ(texts_[id], answer_of(id));
    EXPECT_LE(model_->log().rows, 64 + 610 + 3 * 15U);
}

TEST_F(SharedBeginnings, others_go_first_but_take_no_sequence_from_those_that_wait) {
    serve(3, 40'000, 64);
    ask(1, std::string(600, 'p'));
    ask(2, std::string(600, 'p'));
    for (std::uint64_t id = 10; id < 40; ++id) ask(id, std::string(70, static_cast<char>('A' + id)), 2);
    scheduler_->step();
    EXPECT_EQ(scheduler_->running(), 2U) << "the first and an unrelated one";
    scheduler_->run();
    EXPECT_EQ(texts_[2], answer_of(2));
    const auto second = std::ranges::find(order_, 2U) - order_.begin();
    EXPECT_LT(second, 20) << "of 32";
    for (std::uint64_t id = 10; id < 40; ++id) EXPECT_EQ(texts_[id], answer_of(id).substr(0, 2));
}

TEST_F(SharedBeginnings, a_flood_under_one_prompt_does_not_keep_out_another) {
    serve(4, 4000);
    for (std::uint64_t id = 100; id < 160; ++id) ask(id, std::string(400, 'p'));
    for (std::uint64_t id = 1; id <= 3; ++id) ask(id, std::string(400, 'r'));
    for (std::uint64_t id = 200; id < 260; ++id) ask(id, std::string(400, 'p'));
    scheduler_->run();
    ASSERT_EQ(order_.size(), 123U);
    for (std::uint64_t id = 1; id <= 3; ++id) {
        const auto place = std::ranges::find(order_, id) - order_.begin();
        EXPECT_LT(place, 60 + 3 + 8) << "first come, first served, but for what runs beside it";
        EXPECT_EQ(texts_[id], answer_of(id));
    }
}

TEST_F(SharedBeginnings, a_request_goes_within_a_step_in_whatever_phase_it_is_cancelled) {
    serve(2, 40'000, 64);
    const Ticket reading = ask(1, std::string(600, 'p'));
    const Ticket waiting_for_it = ask(2, std::string(600, 'p'));
    const Ticket queued = ask(3, std::string(200, 'q'));
    scheduler_->step();
    for (const Ticket ticket : {waiting_for_it, queued, reading}) EXPECT_TRUE(scheduler_->cancel(ticket));
    EXPECT_EQ(order_, (std::vector<std::uint64_t>{2, 3, 1}));
    EXPECT_EQ(session_->free_tokens(), 40'000);
    const Ticket writing = ask(4, "short");
    scheduler_->step();
    scheduler_->step();
    EXPECT_TRUE(scheduler_->cancel(writing));
    EXPECT_EQ(session_->free_tokens(), 40'000);
    EXPECT_FALSE(scheduler_->step());
}

TEST_F(SharedBeginnings, a_recurrent_model_reads_each_prompt_for_itself) {
    model_->set_sharing(engine::Sharing::Whole);
    serve(4);
    for (std::uint64_t id = 1; id <= 4; ++id) ask(id, std::string(300, 'p'));
    scheduler_->run();
    EXPECT_GT(model_->log().rows, 4 * 300U);
    for (std::uint64_t id = 1; id <= 4; ++id) EXPECT_EQ(texts_[id], answer_of(id));
}

}  // namespace
}  // namespace urial::generate
