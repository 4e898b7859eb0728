#include "generate/lane.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"

namespace urial::generate {

Lane::Lane(engine::Session& session)
    : session_(session), claimed_(static_cast<std::size_t>(session.sequence_count())), constants_(claimed_.size()) {}

std::size_t Lane::free_for_sequences() const {
    return static_cast<std::size_t>(session_.context_tokens() - session_.pinned_tokens());
}

std::size_t Lane::room() const { return free_for_sequences() + own_pinned_; }

std::size_t Lane::needed(const Claim& claim) const {
    return claim.tokens.size() - session_.shareable(claim.tokens, claim.most).pinned + claim.answer;
}

bool Lane::is_idle() const { return std::ranges::count(claimed_, 0U) == std::ssize(claimed_); }

/// Tokens that the running sequences may yet append.
std::size_t Lane::outstanding() const {
    std::size_t tokens = 0;
    for (std::size_t s = 0; s < claimed_.size(); ++s) {
        if (claimed_[s] > 0) tokens += claimed_[s] - session_.length(static_cast<int>(s));
    }
    return tokens;
}

bool Lane::fits(const Claim& claim) const {
    const engine::Shareable shareable = session_.shareable(claim.tokens, claim.most);
    // A constant part that is pinned gets cells of its own, whatever runs.
    const std::size_t shared = claim.constant > 0 ? shareable.pinned : shareable.firm;
    return outstanding() + claim.tokens.size() - shared + claim.answer <=
           static_cast<std::size_t>(session_.free_tokens());
}

std::optional<std::size_t> Lane::begin(int sequence, const Claim& claim) {
    if (!fits(claim)) {
        if (!is_idle()) return std::nullopt;
        throw error(ErrorKind::ContextFull, "{} tokens are needed, and the context has room for {}", needed(claim),
                    free_for_sequences());
    }
    if (claim.constant > 0) {
        const int before = session_.pinned_tokens();
        const auto constant = claim.tokens.first(claim.constant);
        try {
            session_.pin(constant);
        } catch (const Error& failure) {
            if (failure.kind() == ErrorKind::ContextFull && !is_idle()) return std::nullopt;
            throw;
        }
        own_pinned_ += static_cast<std::size_t>(session_.pinned_tokens() - before);
        constants_[static_cast<std::size_t>(sequence)].assign(constant.begin(), constant.end());
    }
    claimed_[static_cast<std::size_t>(sequence)] = claim.tokens.size() + claim.answer;
    return session_.start(sequence, claim.tokens, claim.most);
}

void Lane::end(int sequence, engine::Afterwards afterwards) {
    const auto s = static_cast<std::size_t>(sequence);
    session_.end(sequence, afterwards);
    claimed_[s] = 0;
    const std::vector<Token> constant = std::exchange(constants_[s], {});
    if (constant.empty()) return;
    const int before = session_.pinned_tokens();
    session_.unpin(constant);
    own_pinned_ -= static_cast<std::size_t>(before - session_.pinned_tokens());
}

void Lane::pin(std::span<const Token> tokens) {
    const std::size_t promised = outstanding(), free = static_cast<std::size_t>(session_.free_tokens());
    if (!is_idle() && promised + tokens.size() > free) {
        throw error(ErrorKind::ContextFull, "a prefix of {} tokens: the context has room for {} beside what runs",
                    tokens.size(), free - promised);
    }
    session_.pin(tokens);
}

std::size_t Lane::add(int sequence, Token token, bool wants_logits) {
    rows_.push_back({sequence, token, wants_logits});
    if (wants_logits) ++logit_rows_;
    return rows_.size() - 1;
}

void Lane::decode(std::span<const engine::Row> rows) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point start = Clock::now();
    session_.decode(rows);
    if (std::ranges::any_of(rows, &engine::Row::wants_logits)) session_.wait();
    seconds_ += std::chrono::duration<double>(Clock::now() - start).count();
}

void Lane::run() { decode(rows_); }

void Lane::clear() {
    rows_.clear();
    logit_rows_ = 0;
}

void Lane::run_ahead(std::vector<engine::Row>& rows) {
    const auto most = static_cast<std::size_t>(session_.batch_rows());
    for (std::size_t begin = 0; begin < rows.size(); begin += most) {
        decode(std::span(rows).subspan(begin, std::min(most, rows.size() - begin)));
    }
    rows.clear();
}

}  // namespace urial::generate
