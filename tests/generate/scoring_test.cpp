// What a Scheduler tells of tokens: their scores, the prompt's and the answer's, and where answers end for servers.

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "generate/generate.h"
#include "support/expect_error.h"
#include "support/scripted_model.h"

namespace urial::generate {
namespace {

using test::kEndOfText;
using test::ScriptedModel;

engine::SessionOptions scoring_session(int sequences, int logit_rows = 0) {
    engine::SessionOptions options;
    options.sequences = sequences;
    options.context_tokens = 8000;
    options.batch_rows = 64;
    options.logit_rows = logit_rows;
    options.prefixes = 4;
    return options;
}

/// By its definition, from what the model says after the text.
TokenScore score_by_definition(const ScriptedModel& model, std::string_view text, Token token, std::size_t top) {
    const std::vector<float> row = model.logits_after(text);
    long double z = 0;
    for (const float logit : row) z += std::exp(static_cast<long double>(logit));
    std::vector<Token> order(row.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](Token a, Token b) { return row[std::size_t(a)] > row[std::size_t(b)]; });
    const auto logp = [&](Token t) { return static_cast<double>(row[std::size_t(t)] - std::log(z)); };
    TokenScore score{token, logp(token), 0, {}};
    score.rank = static_cast<std::uint32_t>(std::ranges::find(order, token) - order.begin()) + 1;
    for (std::size_t i = 0; i < top; ++i) score.top.push_back({order[i], logp(order[i])});
    return score;
}

void expect_score(const std::optional<TokenScore>& score, const TokenScore& expected) {
    ASSERT_TRUE(score);
    EXPECT_EQ(score->token, expected.token);
    EXPECT_EQ(score->rank, expected.rank);
    EXPECT_NEAR(score->logp, expected.logp, 1e-5);
    ASSERT_EQ(score->top.size(), expected.top.size());
    for (std::size_t i = 0; i < expected.top.size(); ++i) {
        EXPECT_EQ(score->top[i].token, expected.top[i].token);
        EXPECT_NEAR(score->top[i].logp, expected.top[i].logp, 1e-5);
    }
}

class Scoring : public ::testing::Test {
protected:
    Scoring() { model_->set_shading(true); }

    void serve(int sequences, int logit_rows = 0) {
        session_ = model_->new_session(scoring_session(sequences, logit_rows));
        scheduler_ = std::make_unique<Scheduler>(*model_, *session_);
    }
    Request request(const std::string& text, int max_tokens = 100) {
        Request made;
        made.tokens = model_->tokenize(text, {.add_bos = true});
        made.sampling.max_tokens = max_tokens;
        return made;
    }
    Result run(Request made) {
        Result result;
        made.on_done = [&](Result&& done) { result = std::move(done); };
        scheduler_->submit(std::move(made));
        scheduler_->run();
        return result;
    }
    /// All of the prompt's scores are as the model says.
    void expect_prompt_scores(const Result& result, const std::string& text, std::size_t top) {
        ASSERT_EQ(result.prompt_scores.size(), text.size() + 1);  // and BOS
        EXPECT_FALSE(result.prompt_scores[0]);
        for (std::size_t i = 0; i < text.size(); ++i) {
            const Token token = static_cast<unsigned char>(text[i]);
            expect_score(result.prompt_scores[i + 1], score_by_definition(*model_, text.substr(0, i), token, top));
        }
    }

    std::shared_ptr<ScriptedModel> model_ = std::make_shared<ScriptedModel>(
        test::answer_after("A:", [](std::string_view) { return "one\ntwo STOP three"; }));
    std::unique_ptr<engine::Session> session_;
    std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(Scoring, scores_of_an_answer_are_the_models_own_whatever_steers_the_choice) {
    serve(1);
    Request made = request("Q A:", 4);
    made.scores = 3;
    made.sampling.repetition_penalty = 1.5;
    made.steering.frequency_penalty = 1;
    made.steering.logit_bias = {{'x', 50.0F}};
    const Result result = run(std::move(made));
    EXPECT_EQ(result.text, "xxxx");
    ASSERT_EQ(result.tokens.size(), 4U);
    std::string text = "Q A:";
    for (const AnswerToken& token : result.tokens) {
        EXPECT_EQ(token.bytes, "x");
        expect_score(token.score, score_by_definition(*model_, text, 'x', 3));
        text += "x";
    }
}

TEST_F(Scoring, the_end_token_has_its_score_and_is_no_token_of_the_answer) {
    serve(1);
    Request made = request("Q A:");
    made.scores = 1;
    const Result result = run(std::move(made));
    EXPECT_EQ(result.text, "one\ntwo STOP three");
    EXPECT_EQ(result.tokens.size(), result.text.size());
    EXPECT_EQ(result.stop_token, kEndOfText);
    expect_score(result.stop_score, score_by_definition(*model_, "Q A:" + result.text, kEndOfText, 1));
}

TEST_F(Scoring, tokens_come_once_their_first_byte_is_sure_and_those_of_a_stop_string_never) {
    serve(1);
    for (const bool include : {false, true}) {
        Request made = request("Q A:");
        made.sampling.stop = {"o S", "STOP"};
        made.steering.include_stop = include;
        std::string bytes, text;
        made.on_piece = [&](const Piece& piece) {
            for (const AnswerToken& token : piece.tokens) bytes += token.bytes;
            text += piece.text;
            EXPECT_EQ(bytes, text) << "each token is a whole character here";
            EXPECT_TRUE(text.size() < 7 || include) << "'o' may be the stop string's";
            return true;
        };
        const Result result = run(std::move(made));
        EXPECT_EQ(text, include ? "one\ntwo S" : "one\ntw");
        EXPECT_EQ(result.text, text);
        EXPECT_EQ(result.tokens.size(), text.size());
        EXPECT_EQ(result.stopped_by, "o S");
        EXPECT_FALSE(result.stop_token);
        EXPECT_EQ(result.token_ids.size(), 9U);
    }
}

TEST_F(Scoring, a_token_that_is_a_part_of_a_character_comes_before_its_text) {
    model_ =
        std::make_shared<ScriptedModel>(test::answer_after("A:", [](std::string_view) { return "a\xE2\x82\xAC"; }));
    serve(1);
    Request made = request("A:");
    std::vector<std::pair<std::string, std::size_t>> pieces;
    made.on_piece = [&](const Piece& piece) {
        pieces.emplace_back(piece.text, piece.tokens.size());
        return true;
    };
    const Result result = run(std::move(made));
    EXPECT_EQ(result.tokens.size(), 4U);
    ASSERT_GE(pieces.size(), 4U);
    EXPECT_EQ(pieces[1], std::pair(std::string(), std::size_t{1}));
    EXPECT_EQ(pieces[2], std::pair(std::string(), std::size_t{1}));
    EXPECT_EQ(pieces[3], std::pair(std::string("\xE2\x82\xAC"), std::size_t{1}));
}

TEST_F(Scoring, stop_tokens_end_an_answer_and_ends_that_are_ignored_do_not) {
    serve(1);
    Request stops = request("Q A:");
    stops.steering.stop_tokens = {'w'};
    const Result stopped = run(std::move(stops));
    EXPECT_EQ(stopped.text, "one\nt");
    EXPECT_EQ(stopped.stop_token, 'w');
    EXPECT_EQ(stopped.finish, FinishReason::Stop);
    for (const bool special : {false, true}) {
        Request goes_on = request("Q A:", 20);
        goes_on.steering.ignore_end = true;
        goes_on.steering.special_text = special;
        const Result result = run(std::move(goes_on));
        EXPECT_EQ(result.finish, FinishReason::Length);
        EXPECT_EQ(result.text, std::string("one\ntwo STOP three") + (special ? "<eos><eos>" : ""));
        EXPECT_EQ(result.tokens.size(), 20U);
    }
}

TEST_F(Scoring, before_min_tokens_nothing_ends_an_answer) {
    serve(1);
    Request strings = request("Q A:");
    strings.sampling.stop = {"ne", "e"};
    strings.steering.min_tokens = 4;
    EXPECT_EQ(run(std::move(strings)).text, "one\ntwo STOP thr");
    Request end = request("Q A:", 30);
    end.steering.min_tokens = 20;
    const Result result = run(std::move(end));
    EXPECT_GE(result.token_ids.size(), 20U);
    EXPECT_EQ(std::ranges::count(std::span(result.token_ids).first(20), kEndOfText), 0);
}

TEST_F(Scoring, prompt_scores_are_by_definition_however_few_rows_of_logits_there_are) {
    const std::string text = "The quick brown fox jumps over the lazy dog, and so on and on. A:";
    for (const int logit_rows : {1, 2, 7, 64}) {
        serve(2, logit_rows);
        for (const int max_tokens : {0, 1}) {
            Request made = request(text, max_tokens);
            made.prompt_scores = 2;
            const Result result = run(std::move(made));
            expect_prompt_scores(result, text, 2);
            EXPECT_EQ(result.finish, FinishReason::Length);
            EXPECT_EQ(result.text, max_tokens == 0 ? "" : "o");
        }
        EXPECT_EQ(session_->free_tokens(), 8000);
    }
}

TEST_F(Scoring, a_prompt_of_one_token_has_no_scores_and_no_answer_where_none_is_wanted) {
    serve(1);
    Request made = request("", 0);
    made.prompt_scores = 0;
    const Result result = run(std::move(made));
    ASSERT_EQ(result.prompt_scores.size(), 1U);
    EXPECT_FALSE(result.prompt_scores[0]);
    EXPECT_EQ(result.completion_tokens, 0U);
}

/// A question with four endings.
std::vector<std::string> endings(const std::string& context) {
    return {context + " yes", context + " no", context + " maybe", context + " nobody knows"};
}

TEST_F(Scoring, a_context_with_four_endings_is_read_once_be_they_asked_at_once_or_one_by_one) {
    const std::string context(300, 'c');
    const std::vector<std::string> texts = endings(context);
    std::size_t all = 0;
    for (const std::string& text : texts) all += text.size() - context.size();
    for (const bool at_once : {true, false}) {
        serve(4, 16);
        model_->log().clear();
        std::vector<Result> results(texts.size());
        for (std::size_t i = 0; i < texts.size(); ++i) {
            Request made = request(texts[i], 1);
            made.prompt_scores = 1;
            made.keep = true;
            made.on_done = [&, i](Result&& done) { results[i] = std::move(done); };
            scheduler_->submit(std::move(made));
            if (!at_once) scheduler_->run();
        }
        scheduler_->run();
        for (std::size_t i = 0; i < texts.size(); ++i) expect_prompt_scores(results[i], texts[i], 1);
        // BOS, the context and its endings. The row before an ending is read again for each: its logits score the
        // ending's first token (all of these begin with a blank, "no" and "nobody" with the same letters).
        EXPECT_LE(model_->log().rows, 1 + context.size() + all + 3) << at_once;
        EXPECT_GE(model_->log().rows, 1 + context.size() + 4) << at_once;
    }
}

TEST_F(Scoring, more_entries_than_are_known_are_computed_and_fewer_are_not) {
    serve(1, 64);
    const std::string text(100, 'x');
    const auto rows = [&](int top) {
        model_->log().clear();
        Request made = request(text, 1);
        made.prompt_scores = top;
        made.keep = true;
        expect_prompt_scores(run(std::move(made)), text, static_cast<std::size_t>(top));
        return model_->log().rows.load();
    };
    EXPECT_EQ(rows(2), 101U);
    EXPECT_EQ(rows(1), 1U);
    EXPECT_EQ(rows(5), 101U);
    EXPECT_EQ(rows(2), 1U);
}

TEST_F(Scoring, cells_that_are_shared_without_scores_are_computed_again) {
    serve(1, 64);
    const std::string text(100, 'x');
    Request plain = request(text, 1);
    plain.keep = true;
    run(std::move(plain));
    Request scored = request(text, 1);
    scored.prompt_scores = 0;
    expect_prompt_scores(run(std::move(scored)), text, 0);
}

TEST_F(Scoring, a_long_prompt_that_is_scored_does_not_keep_others_waiting) {
    serve(3, 3);
    Request large = request(std::string(600, 'x'), 1);
    large.prompt_scores = 0;
    bool is_done = false;
    large.on_done = [&](Result&&) { is_done = true; };
    scheduler_->submit(std::move(large));
    EXPECT_EQ(run(request("Q A:", 3)).text, "one") << "and the other one is still there";
    EXPECT_TRUE(is_done);
    serve(3, 3);
    std::vector<std::string> order;
    Request again = request(std::string(600, 'x'), 1);
    again.prompt_scores = 0;
    again.on_done = [&](Result&&) { order.push_back("large"); };
    scheduler_->submit(std::move(again));
    Request small = request("Q A:", 3);
    small.on_done = [&](Result&&) { order.push_back("small"); };
    scheduler_->submit(std::move(small));
    scheduler_->run();
    EXPECT_EQ(order, (std::vector<std::string>{"small", "large"}));
}

TEST_F(Scoring, what_is_out_of_range_is_named) {
    serve(1);
    const auto refused = [&](auto change, const std::string& part) {
        Request made = request("Q A:", 10);
        change(made);
        EXPECT_ERROR(scheduler_->submit(std::move(made)), ErrorKind::BadInput, part);
    };
    refused([](Request& r) { r.scores = 101; }, "from 0 to 100");
    refused([](Request& r) { r.prompt_scores = -1; }, "from 0 to 100");
    refused([](Request& r) { r.steering.frequency_penalty = 2.5; }, "frequency_penalty is 2.5");
    refused([](Request& r) { r.steering.presence_penalty = std::nan(""); }, "presence_penalty");
    refused([](Request& r) { r.steering.logit_bias = {{300, 1.0F}}; }, "logit_bias names token 300");
    refused([](Request& r) { r.steering.stop_tokens = {-1}; }, "stop_tokens names token -1");
    refused([](Request& r) { r.steering.min_tokens = 11; }, "min_tokens is 11");
    refused([](Request& r) { r.tokens.push_back(258); }, "the prompt names token 258");
    refused([](Request& r) { r.sampling.max_tokens = -1; }, "max_tokens is -1");
}

}  // namespace
}  // namespace urial::generate
