// Shared beginnings and prompt scores with the real default model, whose layers have sliding windows.

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "generate/generate.h"
#include "prompt/prompt.h"
#include "support/test_model.h"

namespace urial::generate {
namespace {

engine::SessionOptions session_for(int sequences, int context) {
    engine::SessionOptions options;
    options.sequences = sequences;
    options.context_tokens = context;
    options.prefixes = 4;
    return options;
}

std::vector<Result> run_all(const engine::Model& model, engine::Session& session, std::vector<Request> requests,
                            std::size_t* most_running = nullptr) {
    Scheduler scheduler(model, session);
    std::vector<Result> results(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
        requests[i].on_done = [&results, i](Result&& result) { results[i] = std::move(result); };
        scheduler.submit(std::move(requests[i]));
    }
    while (scheduler.step()) {
        if (most_running != nullptr) *most_running = std::max(*most_running, scheduler.running());
    }
    return results;
}

TEST(SharingModel, requests_that_come_at_once_with_one_prompt_share_its_cells_and_answer_as_alone) {
    URIAL_NEED_MODEL();
    constexpr float kLargestOverturnedLead = 0.75F;  // docs/generation.md: 0.49 was the largest of 168
    const auto model = test::default_model();
    const PreparedPrompt prompt(model, prompt::builtin("urial"));
    const std::vector<std::string> questions{"What is the capital of France?",
                                             "How do I boil an egg?",
                                             "Who wrote Hamlet?",
                                             "What is 17 + 25?",
                                             "Why is the sky blue?",
                                             "Name five trees that grow in Europe.",
                                             "What does a compiler do?",
                                             "How can I sleep better?"};
    std::vector<Request> requests;
    for (const std::string& question : questions) {
        Request request;
        request.tokens = prompt.tokenize({{}, question});
        request.sampling.max_tokens = 24;
        requests.push_back(std::move(request));
    }
    const std::size_t length = requests[0].tokens.size();
    ASSERT_GT(length, 800U) << "more than the window of Gemma 3";
    // Nothing is pinned, and there is room for one copy of the prompt.
    const auto wide = model->new_session(session_for(8, static_cast<int>(length) + 8 * 80));
    const auto alone = model->new_session(session_for(1, 2048));
    std::vector<std::vector<Token>> prompts;
    for (const Request& request : requests) prompts.push_back(request.tokens);
    std::size_t most_running = 0;
    const std::vector<Result> together = run_all(*model, *wide, std::move(requests), &most_running);
    EXPECT_EQ(most_running, questions.size());
    for (std::size_t i = 0; i < questions.size(); ++i) {
        Request request;
        request.tokens = prompts[i];
        request.sampling.max_tokens = 24;
        request.keep = true;
        std::vector<Request> one;
        one.push_back(std::move(request));
        const std::vector<Token> expected = run_all(*model, *alone, std::move(one))[0].token_ids;
        const auto [a, b] = std::ranges::mismatch(expected, together[i].token_ids);
        if (a == expected.end() && b == together[i].token_ids.end()) continue;
        std::vector<Token> tokens = prompts[i];
        tokens.insert(tokens.end(), expected.begin(), a);
        const std::size_t held = alone->start(0, tokens);
        std::vector<engine::Row> rows;
        for (std::size_t k = held; k < tokens.size(); ++k) rows.push_back({0, tokens[k], k + 1 == tokens.size()});
        alone->decode(rows);
        EXPECT_LT(arg_max(alone->logits(rows.size() - 1)).gap, kLargestOverturnedLead)
            << questions[i] << ": differs at " << a - expected.begin();
        alone->end(0, engine::Afterwards::Forget);
    }
}

Request scored(const engine::Model& model, const std::string& text) {
    Request request;
    request.tokens = model.tokenize(text, {.add_bos = true});
    request.sampling.max_tokens = 1;
    request.prompt_scores = 5;
    request.scores = 5;
    request.keep = true;
    return request;
}

TEST(SharingModel, scores_of_endings_that_share_their_context_are_those_of_each_alone) {
    URIAL_NEED_MODEL();
    engine::ModelOptions options;
    options.path = test::default_model_path().value();
    options.arithmetic = engine::arithmetic_for(engine::Purpose::Precise, 64);
    const auto model = engine::load_model(options);
    std::string context;
    for (int i = 0; i < 40; ++i)
        context += "Question: what is " + std::to_string(i) + " plus 1? Answer: " + std::to_string(i + 1) + "\n";
    context += "Question: what is the capital of Italy? Answer:";
    const std::vector<std::string> endings{" Rome", " Paris", " Berlin, of course", " nobody knows"};
    engine::SessionOptions session = session_for(4, 6144);
    session.purpose = engine::Purpose::Precise;
    session.logit_rows = 64;
    std::vector<Request> at_once;
    for (const std::string& ending : endings) at_once.push_back(scored(*model, context + ending));
    ASSERT_GT(at_once[0].tokens.size(), 600U) << "more than the window of Gemma 3";
    const auto shares = model->new_session(session);
    const std::vector<Result> together = run_all(*model, *shares, std::move(at_once));
    session.share_running = false;
    double largest = 0;
    for (std::size_t i = 0; i < endings.size(); ++i) {
        const auto fresh = model->new_session(session);
        std::vector<Request> one;
        one.push_back(scored(*model, context + endings[i]));
        const Result alone = run_all(*model, *fresh, std::move(one))[0];
        ASSERT_EQ(alone.prompt_scores.size(), together[i].prompt_scores.size());
        for (std::size_t k = 1; k < alone.prompt_scores.size(); ++k) {
            const TokenScore& expected = alone.prompt_scores[k].value();
            const TokenScore& score = together[i].prompt_scores[k].value();
            EXPECT_EQ(score.token, expected.token);
            largest = std::max(largest, std::abs(score.logp - expected.logp));
        }
        ASSERT_EQ(alone.tokens.size(), together[i].tokens.size());
    }
    EXPECT_LT(largest, 1e-4) << "nats";
    EXPECT_GT(together[0].prompt_scores.back()->logp, together[1].prompt_scores.back()->logp) << "it is Rome";
}

}  // namespace
}  // namespace urial::generate
