#pragma once

// What is asked of a Scheduler and what comes back: how tokens are chosen, where an answer ends, what is told of its
// tokens. Belongs to the contract of generate.h.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/grammar.h"
#include "logits/row.h"
#include "prompt/prompt.h"

namespace urial::generate {

using engine::Token;
/// Here: what the model itself says, before sampling options and steering.
using logits::TokenScore;
using logits::TopToken;

struct SamplingOptions {
    double temperature = 0;         ///< 0: greedy
    double top_p = 1;               ///< nucleus, in (0, 1]; 1: off
    int top_k = 0;                  ///< 0: off
    double min_p = 0;               ///< relative to the most likely token; 0: off
    double repetition_penalty = 1;  ///< Hugging Face semantics: every distinct token of prompt and output, once; 1: off
    std::uint64_t seed = 0;         ///< with the request's id decides its random numbers
    int max_tokens = 1024;          ///< new tokens
    std::vector<std::string> stop;  ///< beside the prompt's own
};
/// Throws Error{BadInput} naming the option, its value and its range.
void check(const SamplingOptions& options);
/// Whether each token is the one with the largest logit.
bool is_greedy(const SamplingOptions& options);

/// What clients of a server may ask for beside the sampling options (whose set decides the identity of runs). The
/// defaults change nothing. Logits are changed in this order: logit_bias, repetition penalty, frequency and presence
/// penalty.
struct Steering {
    double frequency_penalty = 0;  ///< in [-2, 2]: a token that the answer has n times loses n times this, in logits
    double presence_penalty = 0;   ///< in [-2, 2]: a token that the answer has loses this
    std::vector<std::pair<Token, float>> logit_bias;  ///< added to the logits of these tokens
    int min_tokens = 0;              ///< before so many new tokens nothing ends the answer: end tokens and stop_tokens
                                     ///< are not chosen, and its text ends nowhere
    bool ignore_end = false;         ///< end tokens do not end the answer
    std::vector<Token> stop_tokens;  ///< end it too
    bool include_stop = false;       ///< a stop string stands at the end of the answer, and its tokens are the answer's
    bool special_text = false;       ///< control tokens show as text
};
/// Throws Error{BadInput} naming the option, its value and its range.
void check(const Steering& steering, std::size_t vocabulary_size);

/// Most entries of TokenScore::top.
inline constexpr int kMostTopTokens = 100;

/// A token of the answer: one whose first byte is sure to belong to it. Tokens of a closing fence, a header, a stop
/// string, and those that end an answer are none.
struct AnswerToken {
    Token token = 0;
    std::string bytes;  ///< its text, which may be a part of a character and reach beyond the end of the answer
    std::optional<TokenScore> score;  ///< where the request asks for scores
};

/// The next part of an answer. Tokens come with their first byte, text in whole characters: it may lag behind them.
struct Piece {
    std::string text;                 ///< UTF-8, sure to belong to the answer; may be empty
    std::vector<AnswerToken> tokens;  ///< in order; may be empty
};

enum class FinishReason {
    Stop,       ///< the answer ended: closing fence, header, stop string, or end-of-text token
    Length,     ///< max_tokens reached
    Cancelled,  ///< the caller did not want more
    Failed,     ///< Result::failure says why
};
std::string_view name(FinishReason reason);

/// A position where the two most likely tokens were closer than kNearTieGap: other company in the batch, or another
/// machine, may choose the other one. docs/generation.md has the measurements behind the threshold.
struct NearTie {
    std::size_t position;  ///< index into token_ids
    float gap;             ///< nats: a difference of logits is one of log-probabilities
};
inline constexpr float kNearTieGap = 0.25F;  ///< nats

struct Result {
    std::string text;
    std::vector<Token> token_ids;     ///< as generated, the tokens of a closing fence or header included
    std::vector<AnswerToken> tokens;  ///< the answer's
    /// One a token of the prompt; none for the first, and none behind where the reading was cancelled. Empty where they
    /// were not asked for.
    std::vector<std::optional<TokenScore>> prompt_scores;
    FinishReason finish = FinishReason::Stop;
    std::string stopped_by;                ///< the fence, header, stop string or end token's text
    std::optional<Token> stop_token;       ///< the end token or the one of Steering::stop_tokens that ended the answer
    std::optional<TokenScore> stop_score;  ///< of stop_token, where the request asks for scores
    std::size_t prompt_tokens = 0;
    std::size_t completion_tokens = 0;
    double seconds = 0;              ///< from admission to the last token
    double first_token_seconds = 0;  ///< from admission to the first token
    std::vector<NearTie> near_ties;
    std::optional<Error> failure;  ///< with FinishReason::Failed
};

struct Request {
    std::uint64_t id = 0;       ///< a part of the random seed
    std::vector<Token> tokens;  ///< the whole prompt, tokenised
    std::size_t constant = 0;   ///< leading tokens that other prompts have too: see Lane::Claim
    SamplingOptions sampling;   ///< here max_tokens may be 0: the prompt alone is read, and FinishReason::Length
    Steering steering;
    /// How many tokens TokenScore::top has, at most kMostTopTokens, of the answer's tokens and of the prompt's; without
    /// a value these get no scores.
    std::optional<int> scores, prompt_scores;
    prompt::AnswerForm answer_form;
    /// What the answer may say; null: anything.
    std::unique_ptr<engine::TokenConstraint> constraint;
    /// Tokens of prompt and answer stay in the session for a while, for a prompt that begins with them.
    bool keep = false;
    /// Called for every token, and for what is left at the end; return false to cancel. May be empty.
    std::function<bool(const Piece&)> on_piece;
    std::function<void(Result&&)> on_done;  ///< called once. Both may submit and cancel requests.
};
/// Throws Error{BadInput} naming what is wrong with the request's options.
void check(const Request& request, std::size_t vocabulary_size);

}  // namespace urial::generate
