#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "generate/generate.h"
#include "support/expect_error.h"
#include "support/scripted_model.h"

namespace urial::generate {
namespace {

using test::answer_after;
using test::ScriptedModel;

constexpr std::string_view kMarker = "A:";

/// Answers "Q<n> A:" with a text that depends on n alone.
std::string answer_to(std::string_view prompt) {
    const std::size_t query = prompt.rfind('Q');
    const std::string number(prompt.substr(query + 1, prompt.find(' ', query) - query - 1));
    return "answer " + number + std::string(std::stoul(number) % 7, '.');
}

std::vector<Token> tokens_of(const engine::Model& model, const std::string& text) {
    return model.tokenize(text, {.add_bos = true});
}

engine::SessionOptions session_of(int sequences, int context, int rows = 64) {
    engine::SessionOptions options;
    options.sequences = sequences;
    options.context_tokens = context;
    options.batch_rows = rows;
    return options;
}

class SchedulerTest : public ::testing::Test {
protected:
    std::shared_ptr<ScriptedModel> model_ =
        std::make_shared<ScriptedModel>(answer_after(std::string(kMarker), answer_to));
    std::map<std::uint64_t, Result> results_;

    Request request(std::uint64_t id, int max_tokens = 50) {
        Request made;
        made.id = id;
        made.tokens = tokens_of(*model_, "prefix Q" + std::to_string(id) + " A:");
        made.sampling.max_tokens = max_tokens;
        made.on_done = [this, id](Result&& result) {
            EXPECT_FALSE(results_.contains(id)) << "request " << id << " ended twice";
            results_[id] = std::move(result);
        };
        return made;
    }
};

TEST_F(SchedulerTest, cells_are_reserved_for_what_the_session_cannot_share) {
    model_->set_sharing(engine::Sharing::Whole);
    const std::string prefix(40, 'p');
    // Room beside the prefix for one request that shares nothing, or for two that share all but a token.
    const auto session = model_->new_session(session_of(2, 41 + 80));
    session->pin(tokens_of(*model_, prefix));
    Scheduler scheduler(*model_, *session);
    for (std::uint64_t id = 0; id < 2; ++id) {
        Request made = request(id, 20);
        made.tokens = tokens_of(*model_, prefix.substr(1) + " Q" + std::to_string(id) + " A:");
        scheduler.submit(std::move(made));
    }
    scheduler.run();
    ASSERT_EQ(results_.size(), 2U);
    for (const auto& [id, result] : results_) EXPECT_EQ(result.text, answer_to("Q" + std::to_string(id) + " "));
}

TEST_F(SchedulerTest, many_requests_over_few_sequences_each_get_their_own_answer_once) {
    for (const int sequences : {1, 2, 3, 8}) {
        results_.clear();
        const auto session = model_->new_session(session_of(sequences, 2000, 16));
        session->pin(tokens_of(*model_, "prefix"));
        Scheduler scheduler(*model_, *session);
        for (std::uint64_t id = 0; id < 20; ++id) scheduler.submit(request(id));
        scheduler.run();
        ASSERT_EQ(results_.size(), 20U);
        for (const auto& [id, result] : results_) {
            EXPECT_EQ(result.text, answer_to("Q" + std::to_string(id) + " "));
            EXPECT_EQ(result.finish, FinishReason::Stop);
            EXPECT_EQ(result.stopped_by, "<eos>");
            EXPECT_EQ(result.completion_tokens, result.text.size() + 1);
        }
        EXPECT_EQ(session->free_tokens(), 2000 - 7) << "every sequence was given back";
    }
}

TEST_F(SchedulerTest, prompts_ride_along_with_answers_and_no_batch_exceeds_its_rows) {
    const auto session = model_->new_session(session_of(4, 2000, 16));
    session->pin(tokens_of(*model_, "prefix"));
    Scheduler scheduler(*model_, *session);
    std::size_t prompt_rows = 0;
    std::size_t answer_rows = 0;
    for (std::uint64_t id = 0; id < 12; ++id) {
        Request made = request(id);
        prompt_rows += made.tokens.size() - tokens_of(*model_, "prefix").size();
        answer_rows += answer_to("Q" + std::to_string(id) + " ").size();
        scheduler.submit(std::move(made));
    }
    scheduler.run();
    EXPECT_EQ(model_->log().rows, prompt_rows + answer_rows) << "no token is computed twice";
    EXPECT_LE(model_->log().most_rows, 16U);
    EXPECT_LT(model_->log().decodes, answer_rows / 3) << "answers are written side by side";
}

TEST_F(SchedulerTest, a_request_waits_until_the_cells_for_its_whole_answer_are_free) {
    // 7 cells of prefix; each request needs at most 6 + 20 cells: two fit at a time though four sequences are there.
    const auto session = model_->new_session(session_of(4, 7 + 2 * 26, 64));
    session->pin(tokens_of(*model_, "prefix"));
    Scheduler scheduler(*model_, *session);
    std::size_t most_running = 0;
    for (std::uint64_t id = 0; id < 8; ++id) scheduler.submit(request(id, 20));
    while (scheduler.step()) most_running = std::max(most_running, scheduler.running());
    EXPECT_EQ(results_.size(), 8U);
    EXPECT_LE(most_running, 2U);
}

TEST_F(SchedulerTest, a_request_that_can_never_fit_is_refused_with_the_numbers) {
    const auto session = model_->new_session(session_of(1, 30));
    session->pin(tokens_of(*model_, "prefix"));
    Scheduler scheduler(*model_, *session);
    EXPECT_ERROR(scheduler.submit(request(1, 20)), ErrorKind::ContextFull, "the answer may take 20");
    Request empty;
    EXPECT_ERROR(scheduler.submit(std::move(empty)), ErrorKind::BadInput, "the prompt is empty");
}

TEST_F(SchedulerTest, an_answer_ends_at_its_length_limit) {
    const auto session = model_->new_session(session_of(1, 200));
    Scheduler scheduler(*model_, *session);
    scheduler.submit(request(5, 6));
    scheduler.run();
    EXPECT_EQ(results_[5].text, "answer");
    EXPECT_EQ(results_[5].finish, FinishReason::Length);
    EXPECT_EQ(results_[5].completion_tokens, 6U);
}

TEST_F(SchedulerTest, a_stop_string_over_several_tokens_ends_the_answer_and_is_not_in_it) {
    const auto session = model_->new_session(session_of(1, 200));
    Scheduler scheduler(*model_, *session);
    Request made = request(13);
    made.sampling.stop = {"er 1"};
    std::string streamed;
    made.on_piece = [&](const Piece& piece) {
        streamed += piece.text;
        return true;
    };
    scheduler.submit(std::move(made));
    scheduler.run();
    EXPECT_EQ(results_[13].text, "answ");
    EXPECT_EQ(streamed, "answ");
    EXPECT_EQ(results_[13].stopped_by, "er 1");
    EXPECT_EQ(results_[13].finish, FinishReason::Stop);
}

TEST_F(SchedulerTest, a_caller_that_wants_no_more_text_gets_no_more) {
    const auto session = model_->new_session(session_of(1, 200));
    Scheduler scheduler(*model_, *session);
    Request made = request(3);
    std::string streamed;
    made.on_piece = [&](const Piece& piece) {
        streamed += piece.text;
        return streamed.size() < 3;
    };
    scheduler.submit(std::move(made));
    scheduler.run();
    EXPECT_EQ(results_[3].finish, FinishReason::Cancelled);
    EXPECT_EQ(results_[3].text, streamed);
    EXPECT_EQ(streamed, "ans");
}

TEST_F(SchedulerTest, cancelling_works_for_queued_and_running_requests_and_frees_their_cells) {
    const auto session = model_->new_session(session_of(1, 200));
    session->pin(tokens_of(*model_, "prefix"));
    Scheduler scheduler(*model_, *session);
    for (std::uint64_t id = 1; id <= 3; ++id) scheduler.submit(request(id));
    scheduler.step();
    EXPECT_TRUE(scheduler.cancel(1));
    EXPECT_TRUE(scheduler.cancel(2));
    EXPECT_FALSE(scheduler.cancel(99));
    scheduler.run();
    EXPECT_EQ(results_[1].finish, FinishReason::Cancelled);
    EXPECT_EQ(results_[2].finish, FinishReason::Cancelled);
    EXPECT_EQ(results_[2].completion_tokens, 0U);
    EXPECT_EQ(results_[3].text, answer_to("Q3 "));
    EXPECT_EQ(session->free_tokens(), 200 - 7);
}

TEST(Scheduler, text_is_delivered_in_whole_characters) {
    const std::string euro = "\xE2\x82\xAC 5 \xF0\x9F\x98\x80";
    const auto model = std::make_shared<ScriptedModel>(answer_after("A:", [&](std::string_view) { return euro; }));
    const auto session = model->new_session(session_of(1, 200));
    Scheduler scheduler(*model, *session);
    Request made;
    made.tokens = tokens_of(*model, "A:");
    made.sampling.max_tokens = 50;
    std::vector<std::string> pieces;
    made.on_piece = [&](const Piece& piece) {
        if (!piece.text.empty()) pieces.push_back(piece.text);
        return true;
    };
    std::string text;
    made.on_done = [&](Result&& result) { text = result.text; };
    scheduler.submit(std::move(made));
    scheduler.run();
    EXPECT_EQ(text, euro);
    EXPECT_EQ(pieces.front(), "\xE2\x82\xAC");
    EXPECT_EQ(pieces.back(), "\xF0\x9F\x98\x80");
}

TEST(Scheduler, bytes_that_are_no_text_become_replacement_characters) {
    const auto model = std::make_shared<ScriptedModel>(
        answer_after("A:", [](std::string_view) { return std::string("a\xFFz\xE2\x82"); }));
    const auto session = model->new_session(session_of(1, 200));
    Scheduler scheduler(*model, *session);
    Request made;
    made.tokens = tokens_of(*model, "A:");
    made.sampling.max_tokens = 50;
    std::string text;
    made.on_done = [&](Result&& result) { text = result.text; };
    scheduler.submit(std::move(made));
    scheduler.run();
    EXPECT_EQ(text, "a\xEF\xBF\xBDz\xEF\xBF\xBD");
}

/// Any number of letters from `alphabet`, then the end.
class OneOf final : public engine::TokenConstraint {
public:
    OneOf(std::string alphabet, std::size_t most) : alphabet_(std::move(alphabet)), most_(most) {}
    void keep_allowed(std::vector<Token>& tokens) const override {
        std::erase_if(tokens, [&](Token token) {
            if (accepted_ == most_) return token != test::kEndOfText;
            return token > 255 || alphabet_.find(static_cast<char>(token)) == std::string::npos;
        });
    }
    void accept(Token) override { ++accepted_; }

private:
    std::string alphabet_;
    std::size_t most_;
    std::size_t accepted_ = 0;
};

TEST_F(SchedulerTest, each_answer_keeps_to_its_own_constraint) {
    const auto session = model_->new_session(session_of(3, 2000));
    session->pin(tokens_of(*model_, "prefix"));
    Scheduler scheduler(*model_, *session);
    for (std::uint64_t id = 0; id < 6; ++id) {
        Request made = request(id);
        if (id % 2 == 1) made.constraint = std::make_unique<OneOf>(std::string(1, static_cast<char>('u' + id)), id);
        scheduler.submit(std::move(made));
    }
    scheduler.run();
    ASSERT_EQ(results_.size(), 6U);
    EXPECT_EQ(results_[0].text, answer_to("Q0 "));
    EXPECT_EQ(results_[1].text, "v");
    EXPECT_EQ(results_[3].text, "xxx") << "the model wants to say something else";
    EXPECT_EQ(results_[5].text, "zzzzz");
    EXPECT_EQ(results_[5].finish, FinishReason::Stop);
}

/// The session of a model whose second choice is as far behind the first one as the test says, for each token in turn.
class CloseCalls final : public engine::Session {
public:
    CloseCalls(std::unique_ptr<engine::Session> session, std::vector<float> leads)
        : session_(std::move(session)), leads_(std::move(leads)) {}
    int sequence_count() const override { return session_->sequence_count(); }
    int context_tokens() const override { return session_->context_tokens(); }
    int free_tokens() const override { return session_->free_tokens(); }
    int batch_rows() const override { return session_->batch_rows(); }
    int logit_rows() const override { return session_->logit_rows(); }
    int pinned_tokens() const override { return session_->pinned_tokens(); }
    int threads() const override { return session_->threads(); }
    engine::PrefixOrigin pin(std::span<const Token> tokens) override { return session_->pin(tokens); }
    void unpin(std::span<const Token> tokens) override { session_->unpin(tokens); }
    engine::Shareable shareable(std::span<const Token> tokens, std::size_t most) const override {
        return session_->shareable(tokens, most);
    }
    bool shares_running() const override { return session_->shares_running(); }
    std::size_t start(int sequence, std::span<const Token> tokens, std::size_t most) override {
        return session_->start(sequence, tokens, most);
    }
    void end(int sequence, engine::Afterwards afterwards) override { session_->end(sequence, afterwards); }
    std::size_t length(int sequence) const override { return session_->length(sequence); }
    void decode(std::span<const engine::Row> rows) override {
        session_->decode(rows);
        ++decodes_;
    }
    std::span<const float> logits(std::size_t row) const override {
        const std::span<const float> scripted = session_->logits(row);
        logits_.assign(scripted.size(), -100.0F);
        logits_[static_cast<std::size_t>(arg_max(scripted).token)] = 0;
        logits_['~'] = -leads_.at(decodes_ - 1);
        return logits_;
    }

private:
    std::unique_ptr<engine::Session> session_;
    std::vector<float> leads_;
    std::size_t decodes_ = 0;
    mutable std::vector<float> logits_;
};

TEST_F(SchedulerTest, tokens_whose_lead_other_arithmetic_might_overturn_are_near_ties_and_the_others_are_not) {
    // docs/generation.md: of 168 leads that were overturned, 87 % were below 0.25; a third of all leads is below 1.
    const std::vector<float> leads{0.02F, 3.0F, 0.9F, 0.2F, 0.4F};
    CloseCalls session(model_->new_session(session_of(1, 100)), leads);
    session.pin(tokens_of(*model_, "prefix"));
    Scheduler scheduler(*model_, session);
    scheduler.submit(request(1, static_cast<int>(leads.size())));
    scheduler.run();
    const std::vector<NearTie>& ties = results_.at(1).near_ties;
    ASSERT_EQ(ties.size(), 2U);
    EXPECT_EQ(ties[0].position, 0U);
    EXPECT_FLOAT_EQ(ties[0].gap, 0.02F);
    EXPECT_EQ(ties[1].position, 3U);
    EXPECT_FLOAT_EQ(ties[1].gap, 0.2F);
}

/// Fails at the first token.
class BrokenConstraint final : public engine::TokenConstraint {
public:
    void keep_allowed(std::vector<Token>&) const override { throw Error(ErrorKind::Model, "the grammar is stuck"); }
    void accept(Token) override {}
};

/// Notes which threads ask it, and is slow enough that all of a team would have its turn.
class NotesThreads final : public engine::TokenConstraint {
public:
    struct Notes {
        std::mutex mutex;
        std::set<std::thread::id> threads;  // guarded by mutex
    };
    explicit NotesThreads(Notes& notes) : notes_(notes) {}
    void keep_allowed(std::vector<Token>&) const override {
        const std::lock_guard lock(notes_.mutex);
        notes_.threads.insert(std::this_thread::get_id());
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    void accept(Token) override {}

private:
    Notes& notes_;
};

TEST_F(SchedulerTest, tokens_are_chosen_on_no_more_threads_than_the_session_has) {
    engine::SessionOptions options = session_of(8, 4000);
    options.threads = 1;
    const auto session = model_->new_session(options);
    Scheduler scheduler(*model_, *session);
    NotesThreads::Notes notes;
    for (std::uint64_t id = 0; id < 8; ++id) {
        Request made = request(id);
        made.constraint = std::make_unique<NotesThreads>(notes);
        scheduler.submit(std::move(made));
    }
    scheduler.run();
    EXPECT_EQ(notes.threads, std::set{std::this_thread::get_id()});
}

TEST_F(SchedulerTest, what_goes_wrong_with_one_request_ends_that_one_alone) {
    const auto session = model_->new_session(session_of(3, 2000));
    session->pin(tokens_of(*model_, "prefix"));
    Scheduler scheduler(*model_, *session);
    for (std::uint64_t id = 0; id < 6; ++id) {
        Request made = request(id);
        if (id == 1) made.constraint = std::make_unique<BrokenConstraint>();
        scheduler.submit(std::move(made));
    }
    scheduler.run();
    ASSERT_EQ(results_.size(), 6U);
    EXPECT_EQ(results_[1].finish, FinishReason::Failed);
    ASSERT_TRUE(results_[1].failure);
    EXPECT_STREQ(results_[1].failure->what(), "the grammar is stuck");
    for (const std::uint64_t id : {0, 2, 3, 4, 5})
        EXPECT_EQ(results_[id].text, answer_to("Q" + std::to_string(id) + " "));
    EXPECT_EQ(session->free_tokens(), 2000 - 7);
}

TEST_F(SchedulerTest, a_callback_may_cancel_any_request_and_submit_new_ones) {
    const auto session = model_->new_session(session_of(2, 2000));
    Scheduler scheduler(*model_, *session);
    std::map<std::uint64_t, Ticket> tickets;
    Request first = request(1);
    bool acted = false;
    first.on_piece = [&](const Piece&) {
        if (std::exchange(acted, true)) return true;
        EXPECT_TRUE(scheduler.cancel(tickets[2])) << "runs in the same batch";
        EXPECT_TRUE(scheduler.cancel(tickets[1])) << "itself";
        EXPECT_TRUE(scheduler.cancel(tickets[3])) << "waits";
        EXPECT_FALSE(scheduler.cancel(tickets[1]));
        tickets[4] = scheduler.submit(request(4));
        return true;
    };
    tickets[1] = scheduler.submit(std::move(first));
    for (const std::uint64_t id : {2, 3}) tickets[id] = scheduler.submit(request(id));
    scheduler.run();
    ASSERT_EQ(results_.size(), 4U);
    for (const std::uint64_t id : {1, 2, 3}) EXPECT_EQ(results_[id].finish, FinishReason::Cancelled) << id;
    EXPECT_EQ(results_[4].text, answer_to("Q4 "));
    EXPECT_EQ(session->free_tokens(), 2000);
}

TEST_F(SchedulerTest, requests_of_several_prompts_run_together_and_each_constant_part_is_read_once) {
    engine::SessionOptions options = session_of(4, 4000);
    options.prefixes = 3;
    const auto session = model_->new_session(options);
    Scheduler scheduler(*model_, *session);
    const std::vector<std::string> prompts{std::string(100, 'a'), std::string(200, 'b'), std::string(300, 'c')};
    for (std::uint64_t id = 0; id < 12; ++id) {
        Request made = request(id);
        const std::string& prompt = prompts[id % prompts.size()];
        made.tokens = tokens_of(*model_, prompt + " Q" + std::to_string(id) + " A:");
        made.constant = tokens_of(*model_, prompt).size();
        scheduler.submit(std::move(made));
    }
    std::size_t most_running = 0;
    while (scheduler.step()) most_running = std::max(most_running, scheduler.running());
    EXPECT_EQ(most_running, 4U);
    ASSERT_EQ(results_.size(), 12U);
    for (const auto& [id, result] : results_) EXPECT_EQ(result.text, answer_to("Q" + std::to_string(id) + " "));
    EXPECT_EQ(model_->log().prefix_decodes, 3U);
    EXPECT_EQ(session->pinned_tokens(), 0) << "none is held longer than it is used";
    EXPECT_EQ(session->free_tokens(), 4000);
}

TEST_F(SchedulerTest, a_prompt_waits_for_a_place_and_steady_traffic_of_another_one_does_not_keep_it_waiting) {
    const auto session = model_->new_session(session_of(2, 4000));  // one place for a prefix
    Scheduler scheduler(*model_, *session);
    const auto submit = [&](std::uint64_t id, char letter) {
        const std::string prompt(100, letter);
        Request made = request(id);
        made.tokens = tokens_of(*model_, prompt + " Q" + std::to_string(id) + " A:");
        made.constant = tokens_of(*model_, prompt).size();
        scheduler.submit(std::move(made));
    };
    for (std::uint64_t id = 0; id < 4; ++id) submit(id, 'a');
    submit(100, 'b');
    for (std::uint64_t id = 4; !results_.contains(100) && id < 1000; ++id) {
        submit(id, 'a');
        scheduler.step();
    }
    EXPECT_EQ(results_[100].text, answer_to("Q100 "));
    EXPECT_FALSE(results_.contains(50)) << "those that came later";
}

TEST_F(SchedulerTest, a_conversation_that_is_kept_is_read_only_behind_what_is_known) {
    engine::SessionOptions options = session_of(1, 2000);
    options.prefixes = 2;
    const auto session = model_->new_session(options);
    session->pin(tokens_of(*model_, "prefix"));
    Scheduler scheduler(*model_, *session);
    Request made = request(1);
    made.keep = true;
    scheduler.submit(std::move(made));
    scheduler.run();
    const std::size_t rows = model_->log().rows;
    Request next = request(2);
    next.tokens = tokens_of(*model_, "prefix Q1 A:" + results_[1].text + " Q2 A:");
    scheduler.submit(std::move(next));
    scheduler.run();
    EXPECT_EQ(results_[2].text, answer_to("Q2 "));
    EXPECT_EQ(model_->log().rows - rows, std::string(" Q2 A:").size() + results_[2].text.size());
}

TEST_F(SchedulerTest, a_session_that_is_stopped_ends_every_request_as_cancelled) {
    bool stop = false;
    engine::SessionOptions options = session_of(2, 2000, 16);
    options.watch.cancelled = [&] { return stop; };
    const auto session = model_->new_session(options);
    session->pin(tokens_of(*model_, "prefix"));
    Scheduler scheduler(*model_, *session);
    for (std::uint64_t id = 0; id < 5; ++id) scheduler.submit(request(id));
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(scheduler.step());
    stop = true;
    EXPECT_FALSE(scheduler.step());
    ASSERT_EQ(results_.size(), 5U) << "those that run and those that wait";
    for (const auto& [id, result] : results_) EXPECT_EQ(result.finish, FinishReason::Cancelled);
    EXPECT_EQ(session->free_tokens(), 2000 - 7);

    stop = false;
    results_.clear();
    scheduler.submit(request(9));
    scheduler.run();
    EXPECT_EQ(results_[9].text, answer_to("Q9 ")) << "it can be used again";
}

}  // namespace
}  // namespace urial::generate
