#include "generate/sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "base/error.h"

namespace urial::generate {
namespace {

/// Candidates less likely than this, relative to the most likely one, cannot be drawn in any run that a person waits
/// for.
constexpr double kNegligible = 1e-12;

std::uint64_t mixed_seed(std::uint64_t seed, std::uint64_t request_id) {
    // SplitMix64's finaliser: neighbouring ids get unrelated streams.
    std::uint64_t x = seed + 0x9E3779B97F4A7C15ULL * (request_id + 1);
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

void require(bool holds, std::string_view option, double value, std::string_view range) {
    if (!holds) throw error(ErrorKind::BadInput, "{} is {}: it must be {}", option, value, range);
}

Error no_token_allowed() {
    return {ErrorKind::Model, "the grammar of the answer allows no token of the model's vocabulary here"};
}

void check_choice(const SamplingOptions& options) {
    require(std::isfinite(options.temperature) && options.temperature >= 0, "temperature", options.temperature,
            "0 (greedy) or more");
    require(options.top_p > 0 && options.top_p <= 1, "top-p", options.top_p, "above 0 and at most 1 (1: off)");
    require(options.top_k >= 0, "top-k", options.top_k, "0 (off) or more");
    require(options.min_p >= 0 && options.min_p < 1, "min-p", options.min_p, "from 0 (off) to below 1");
    require(std::isfinite(options.repetition_penalty) && options.repetition_penalty > 0, "repetition-penalty",
            options.repetition_penalty, "above 0 (1: off)");
    for (const std::string& stop : options.stop) {
        if (stop.empty())
            throw Error(ErrorKind::BadInput, "stop is an empty string: it would end every answer at once");
    }
}

void require_token(Token token, std::size_t vocabulary_size, std::string_view option) {
    if (token >= 0 && static_cast<std::size_t>(token) < vocabulary_size) return;
    throw error(ErrorKind::BadInput, "{} names token {}: the model's vocabulary has {} tokens", option, token,
                vocabulary_size);
}

}  // namespace

void check(const SamplingOptions& options) {
    check_choice(options);
    require(options.max_tokens >= 1, "max-tokens", options.max_tokens, "1 or more");
}

void check(const Steering& steering, std::size_t vocabulary_size) {
    constexpr std::string_view kPenalties = "from -2 to 2 (0: off)";
    const auto is_penalty = [](double value) { return value >= -2 && value <= 2; };
    require(is_penalty(steering.frequency_penalty), "frequency_penalty", steering.frequency_penalty, kPenalties);
    require(is_penalty(steering.presence_penalty), "presence_penalty", steering.presence_penalty, kPenalties);
    for (const auto& [token, bias] : steering.logit_bias) {
        require_token(token, vocabulary_size, "logit_bias");
        require(std::isfinite(bias), "logit_bias", static_cast<double>(bias), "a finite number");
    }
    require(steering.min_tokens >= 0, "min_tokens", steering.min_tokens, "0 (off) or more");
    for (const Token token : steering.stop_tokens) require_token(token, vocabulary_size, "stop_tokens");
}

void check(const Request& request, std::size_t vocabulary_size) {
    if (request.tokens.empty()) throw Error(ErrorKind::BadInput, "the prompt is empty: there is nothing to continue");
    for (const Token token : request.tokens) require_token(token, vocabulary_size, "the prompt");
    check_choice(request.sampling);
    require(request.sampling.max_tokens >= 0, "max_tokens", request.sampling.max_tokens, "0 or more");
    check(request.steering, vocabulary_size);
    require(request.steering.min_tokens <= request.sampling.max_tokens, "min_tokens", request.steering.min_tokens,
            "at most max_tokens");
    if (request.constraint && request.steering.min_tokens > 0) {
        throw Error(ErrorKind::BadInput, "min_tokens cannot be had where a grammar says what the answer is");
    }
    for (const std::optional<int>& count : {request.scores, request.prompt_scores}) {
        require(!count || (*count >= 0 && *count <= kMostTopTokens), "the number of most likely tokens",
                count.value_or(0), fmt::format("from 0 to {}", kMostTopTokens));
    }
}

std::string_view name(FinishReason reason) {
    switch (reason) {
        case FinishReason::Stop: return "stop";
        case FinishReason::Length: return "length";
        case FinishReason::Cancelled: return "cancelled";
        case FinishReason::Failed: return "failed";
    }
    return "unknown";
}

// The most likely token is nearly always allowed, and asking about one costs microseconds. Where it is not, the tokens
// are asked about in growing groups, the likeliest first: asking about all of a vocabulary of 150,000 takes longer than
// a batch of a small model.
ArgMax constrained_arg_max(std::span<const float> logits, const engine::TokenConstraint& constraint) {
    const ArgMax first = arg_max(logits);
    if (constraint.allows(first.token)) return first;
    constexpr std::ptrdiff_t kFirstGroup = 64;
    constexpr std::ptrdiff_t kGrowth = 16;
    std::vector<Token> tokens(logits.size());
    std::iota(tokens.begin(), tokens.end(), 0);
    const auto likelier = [&](Token a, Token b) {
        const float x = logits[static_cast<std::size_t>(a)];
        const float y = logits[static_cast<std::size_t>(b)];
        return x != y ? x > y : a < b;
    };
    auto begin = tokens.begin();
    for (std::ptrdiff_t size = kFirstGroup; begin != tokens.end(); size *= kGrowth) {
        const auto end = begin + std::min(size, tokens.end() - begin);
        std::nth_element(begin, end - 1, tokens.end(), likelier);
        std::vector<Token> allowed(begin, end);
        constraint.keep_allowed(allowed);
        std::sort(allowed.begin(), allowed.end(), likelier);
        if (!allowed.empty()) {
            const float best = logits[static_cast<std::size_t>(allowed[0])];
            const float next = allowed.size() > 1 ? logits[static_cast<std::size_t>(allowed[1])]
                                                  : -std::numeric_limits<float>::infinity();
            return {allowed[0], best, best - next};
        }
        begin = end;
    }
    throw no_token_allowed();
}

Sampler::Sampler(const SamplingOptions& options, std::uint64_t request_id, std::span<const Token> prompt,
                 std::size_t vocabulary_size, const Steering& steering, std::vector<Token> ends)
    : options_(options),
      bias_(steering.logit_bias),
      frequency_penalty_(steering.frequency_penalty),
      presence_penalty_(steering.presence_penalty),
      ends_(std::move(ends)),
      ends_hidden_for_(static_cast<std::size_t>(std::max(steering.min_tokens, 0))),
      random_(mixed_seed(options.seed, request_id)) {
    if (options_.repetition_penalty == 1) return;
    seen_.resize(vocabulary_size);
    for (const Token token : prompt) {
        if (seen_[static_cast<std::size_t>(token)]) continue;
        seen_[static_cast<std::size_t>(token)] = true;
        seen_tokens_.push_back(token);
    }
}

ArgMax Sampler::choose(std::span<const float> logits, const engine::TokenConstraint* constraint) {
    if (is_plain()) {
        return constraint == nullptr ? arg_max(logits) : constrained_arg_max(logits, *constraint);
    }
    scores_.assign(logits.begin(), logits.end());
    for (const auto& [token, bias] : bias_) scores_[static_cast<std::size_t>(token)] += bias;
    if (options_.repetition_penalty != 1) penalise();
    steer();
    if (constraint != nullptr) forbid_others(*constraint);
    ArgMax chosen = arg_max(scores_);
    if (options_.temperature > 0) chosen.token = draw(chosen.value);
    note(chosen.token);
    return chosen;
}

bool is_greedy(const SamplingOptions& options) { return options.temperature == 0 && options.repetition_penalty == 1; }

/// The most likely token as the model says it.
bool Sampler::is_plain() const {
    return is_greedy(options_) && bias_.empty() && ends_hidden_for_ == 0 && frequency_penalty_ == 0 &&
           presence_penalty_ == 0;
}

void Sampler::note(Token token) {
    if (!seen_.empty() && !seen_[static_cast<std::size_t>(token)]) {
        seen_[static_cast<std::size_t>(token)] = true;
        seen_tokens_.push_back(token);
    }
    if (frequency_penalty_ != 0 || presence_penalty_ != 0) ++answered_[token];
    if (ends_hidden_for_ > 0) --ends_hidden_for_;
}

void Sampler::steer() {
    for (const auto& [token, count] : answered_) {
        scores_[static_cast<std::size_t>(token)] -= static_cast<float>(count * frequency_penalty_ + presence_penalty_);
    }
    if (ends_hidden_for_ == 0) return;
    for (const Token token : ends_) {
        scores_[static_cast<std::size_t>(token)] = -std::numeric_limits<float>::infinity();
    }
}

void Sampler::penalise() {
    const auto penalty = static_cast<float>(options_.repetition_penalty);
    for (const Token token : seen_tokens_) {
        float& score = scores_[static_cast<std::size_t>(token)];
        score = score < 0 ? score * penalty : score / penalty;
    }
}

void Sampler::forbid_others(const engine::TokenConstraint& constraint) {
    std::vector<Token> allowed(scores_.size());
    std::iota(allowed.begin(), allowed.end(), 0);
    constraint.keep_allowed(allowed);
    if (allowed.empty()) throw no_token_allowed();
    std::vector<float> kept(scores_.size(), -std::numeric_limits<float>::infinity());
    for (const Token token : allowed) kept[static_cast<std::size_t>(token)] = scores_[static_cast<std::size_t>(token)];
    scores_ = std::move(kept);
}

Token Sampler::draw(float highest) {
    const double floor = std::log(kNegligible) * options_.temperature;
    candidates_.clear();
    for (std::size_t i = 0; i < scores_.size(); ++i) {
        const double below = static_cast<double>(scores_[i]) - highest;
        if (below < floor) continue;
        candidates_.push_back({std::exp(below / options_.temperature), static_cast<Token>(i)});
    }
    std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
        return a.probability != b.probability ? a.probability > b.probability : a.token < b.token;
    });
    keep_top_k();
    keep_top_p();
    keep_min_p();
    double total = 0;
    for (const Candidate& candidate : candidates_) total += candidate.probability;
    double rest = std::uniform_real_distribution<double>(0, total)(random_);
    for (const Candidate& candidate : candidates_) {
        rest -= candidate.probability;
        if (rest < 0) return candidate.token;
    }
    return candidates_.back().token;
}

void Sampler::keep_top_k() {
    const auto most = static_cast<std::size_t>(options_.top_k);
    if (most > 0 && candidates_.size() > most) candidates_.resize(most);
}

void Sampler::keep_top_p() {
    if (options_.top_p >= 1) return;
    double total = 0;
    for (const Candidate& candidate : candidates_) total += candidate.probability;
    double reached = 0;
    std::size_t kept = 0;
    while (kept < candidates_.size() && (kept == 0 || reached < options_.top_p * total)) {
        reached += candidates_[kept++].probability;
    }
    candidates_.resize(kept);
}

void Sampler::keep_min_p() {
    if (options_.min_p <= 0) return;
    const double least = options_.min_p * candidates_.front().probability;
    while (candidates_.size() > 1 && candidates_.back().probability < least) candidates_.pop_back();
}

}  // namespace urial::generate
