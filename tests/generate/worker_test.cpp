#include "generate/worker.h"

#include <future>
#include <thread>

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/scripted_model.h"

namespace urial::generate {
namespace {

std::shared_ptr<test::ScriptedModel> model() {
    return std::make_shared<test::ScriptedModel>(test::answer_after(
        " A:", [](std::string_view prompt) { return "answer to " + std::string(prompt.substr(0, 3)); }));
}

engine::SessionOptions session(int sequences) {
    engine::SessionOptions options;
    options.sequences = sequences;
    options.context_tokens = 4000;
    return options;
}

Request request(const engine::Model& model, const std::string& text, int max_tokens = 100) {
    Request made;
    made.tokens = model.tokenize(text + " A:", {});
    made.sampling.max_tokens = max_tokens;
    return made;
}

/// Writes until it is stopped.
std::shared_ptr<test::ScriptedModel> endless_model() {
    return std::make_shared<test::ScriptedModel>([](std::string_view) { return std::optional('x'); });
}

TEST(Worker, many_threads_each_get_their_own_answers) {
    const auto scripted = model();
    Worker worker(scripted, session(3));
    std::vector<std::string> answers(40);
    std::vector<std::thread> threads;
    for (std::size_t thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&, thread] {
            for (std::size_t i = thread; i < answers.size(); i += 4) {
                const auto mailbox = worker.submit(request(*scripted, "Q" + std::to_string(10 + i)));
                std::string text;
                for (std::string next = mailbox->next_text(); !next.empty(); next = mailbox->next_text()) text += next;
                answers[i] = text;
                EXPECT_EQ(mailbox->result().text, text);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i], "answer to Q" + std::to_string(10 + i));
    EXPECT_EQ(worker.load(), 0U);
}

TEST(Worker, a_request_that_nobody_reads_any_more_ends_and_gives_its_place_to_the_next) {
    const auto endless = endless_model();
    Worker worker(endless, session(1));
    const auto abandoned = worker.submit(request(*endless, "Q", 3000));
    EXPECT_FALSE(abandoned->next_text().empty());
    const auto next = worker.submit(request(*endless, "Q", 5));
    abandoned->cancel();
    EXPECT_EQ(abandoned->result().finish, FinishReason::Cancelled);
    EXPECT_EQ(next->result().text, "xxxxx");
}

TEST(Worker, what_can_never_fit_fails_with_the_numbers_and_the_others_go_on) {
    const auto scripted = model();
    Worker worker(scripted, session(2));
    const auto large = worker.submit(request(*scripted, "Q99", 5000));
    const auto small = worker.submit(request(*scripted, "Q11"));
    const Result result = large->result();
    EXPECT_EQ(result.finish, FinishReason::Failed);
    ASSERT_TRUE(result.failure);
    EXPECT_EQ(result.failure->kind(), ErrorKind::ContextFull);
    EXPECT_EQ(small->result().text, "answer to Q11");
}

TEST(Worker, more_requests_than_may_wait_are_refused) {
    const auto endless = endless_model();
    Worker worker(endless, session(1), 2);
    std::vector<std::shared_ptr<Mailbox>> mailboxes;
    for (int i = 0; i < 3; ++i) mailboxes.push_back(worker.submit(request(*endless, "Q", 3000)));
    EXPECT_ERROR(worker.submit(request(*endless, "Q")), ErrorKind::Unavailable, "3 requests wait already");
    worker.interrupt();
    for (const auto& mailbox : mailboxes) EXPECT_EQ(mailbox->result().finish, FinishReason::Cancelled);
    EXPECT_EQ(worker.submit(request(*endless, "Q"))->result().finish, FinishReason::Cancelled) << "later ones too";
}

TEST(Worker, its_end_is_the_end_of_what_it_has_not_done) {
    const auto endless = endless_model();
    std::vector<std::shared_ptr<Mailbox>> mailboxes;
    {
        Worker worker(endless, session(2));
        for (int i = 0; i < 5; ++i) mailboxes.push_back(worker.submit(request(*endless, "Q", 3000)));
    }
    for (const auto& mailbox : mailboxes) {
        while (!mailbox->next_text().empty()) {
        }
        EXPECT_EQ(mailbox->result().finish, FinishReason::Cancelled);
    }
}

TEST(Worker, what_is_posted_speaks_on_the_engine_thread_and_ends_when_its_handle_says_so) {
    const auto endless = endless_model();
    Worker worker(endless, session(1));
    std::promise<void> speaks;
    std::promise<Result> ended;
    std::size_t tokens = 0;
    Request made = request(*endless, "Q", 3000);
    made.on_piece = [&](const Piece& piece) {
        if (tokens == 0) speaks.set_value();
        tokens += piece.tokens.size();
        return true;
    };
    made.on_done = [&](Result&& result) { ended.set_value(std::move(result)); };
    const std::shared_ptr<Handle> handle = worker.post(std::move(made));
    speaks.get_future().wait();
    handle->cancel();
    const Result result = ended.get_future().get();
    EXPECT_EQ(result.finish, FinishReason::Cancelled);
    EXPECT_EQ(result.tokens.size(), tokens);
    EXPECT_EQ(worker.load(), 0U);
    handle->cancel();  // of no consequence
}

TEST(Worker, a_request_that_waits_is_cancelled_while_another_one_runs) {
    const auto endless = endless_model();
    Worker worker(endless, session(1));
    const auto running = worker.submit(request(*endless, "Q", 3000));
    EXPECT_FALSE(running->next_text().empty());
    std::promise<FinishReason> ended;
    Request waits = request(*endless, "R", 100);
    waits.on_done = [&](Result&& result) { ended.set_value(result.finish); };
    const auto handle = worker.post(std::move(waits));
    handle->cancel();
    EXPECT_EQ(ended.get_future().get(), FinishReason::Cancelled);
    running->cancel();
    EXPECT_EQ(running->result().finish, FinishReason::Cancelled);
}

TEST(Worker, a_prefix_is_pinned_while_requests_run_if_there_is_room_beside_them) {
    const auto endless = endless_model();
    engine::SessionOptions options = session(1);
    options.prefixes = 3;
    Worker worker(endless, options);
    worker.pin(endless->tokenize(std::string(500, 'p'), {}));
    EXPECT_EQ(endless->log().prefix_decodes, 1U);
    const auto running = worker.submit(request(*endless, "Q", 3000));
    EXPECT_FALSE(running->next_text().empty());
    worker.pin(endless->tokenize(std::string(100, 'q'), {}));
    EXPECT_ERROR(worker.pin(endless->tokenize(std::string(600, 'r'), {})), ErrorKind::ContextFull, "600 tokens");
    running->cancel();
    EXPECT_EQ(running->result().finish, FinishReason::Cancelled) << "and not for want of cells";
    worker.interrupt();
    EXPECT_THROW(worker.pin(endless->tokenize(std::string(50, 's'), {})), engine::Cancelled);
}

}  // namespace
}  // namespace urial::generate
