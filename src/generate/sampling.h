#pragma once

// The choice of the next token from one row of logits, in the order in which Hugging Face transformers applies its
// processors: bias, repetition penalty (then frequency and presence penalty, which it has not), temperature, top-k,
// top-p, min-p. Not thread-safe; one sampler an answer.

#include <cstdint>
#include <random>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "generate/generate.h"

namespace urial::generate {

/// The most likely token that `constraint` allows. `gap` is its lead over the next allowed one, infinite where the
/// tokens that were looked at hold no other. Throws Error{Model} where no token is allowed.
ArgMax constrained_arg_max(std::span<const float> logits, const engine::TokenConstraint& constraint);

class Sampler {
public:
    /// `prompt`: the tokens that the repetition penalty counts beside those that were chosen. Of `steering` what
    /// changes logits; until it has chosen Steering::min_tokens it chooses none of `ends`.
    Sampler(const SamplingOptions& options, std::uint64_t request_id, std::span<const Token> prompt,
            std::size_t vocabulary_size, const Steering& steering = {}, std::vector<Token> ends = {});

    /// The next token, one that `constraint` allows where there is one; `gap` is the lead of the most likely token over
    /// the second, in nats after the penalty.
    ArgMax choose(std::span<const float> logits, const engine::TokenConstraint* constraint = nullptr);

private:
    struct Candidate {
        double probability;  // not normalised
        Token token;
    };
    bool is_plain() const;
    void steer();
    void penalise();
    void note(Token token);
    void forbid_others(const engine::TokenConstraint& constraint);
    Token draw(float highest);
    void keep_top_k();
    void keep_top_p();
    void keep_min_p();

    SamplingOptions options_;
    std::vector<std::pair<Token, float>> bias_;
    double frequency_penalty_;
    double presence_penalty_;
    std::vector<Token> ends_;
    std::size_t ends_hidden_for_;              // so many choices more
    std::unordered_map<Token, int> answered_;  // how often each was chosen; empty without these penalties
    std::mt19937_64 random_;
    std::vector<bool> seen_;  // [vocabulary]: in the prompt or chosen; empty without a penalty
    std::vector<Token> seen_tokens_;
    std::vector<float> scores_;  // [vocabulary]: the row after the penalty
    std::vector<Candidate> candidates_;
};

}  // namespace urial::generate
