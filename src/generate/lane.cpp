#include "generate/lane.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"

namespace urial::generate {

Lane::Lane(engine::Session& session)
    : session_(session), reserved_(static_cast<std::size_t>(session.sequence_count())), constants_(reserved_.size()) {}

std::size_t Lane::free_for_sequences() const {
    return static_cast<std::size_t>(session_.context_tokens() - session_.pinned_tokens());
}

std::size_t Lane::room() const { return free_for_sequences() + own_pinned_; }

std::size_t Lane::needed(const Claim& claim) const {
    return claim.tokens.size() - session_.shareable(claim.tokens).pinned + claim.answer;
}

std::optional<std::size_t> Lane::begin(int sequence, const Claim& claim) {
    if (!fits(claim)) {
        if (reserved_cells_ > 0) return std::nullopt;
        throw error(ErrorKind::ContextFull, "{} tokens are needed, and the context has room for {}", needed(claim),
                    free_for_sequences());
    }
    if (claim.constant > 0) {
        const int before = session_.pinned_tokens();
        const auto constant = claim.tokens.first(claim.constant);
        try {
            session_.pin(constant);
        } catch (const Error& failure) {
            if (failure.kind() == ErrorKind::ContextFull && reserved_cells_ > 0) return std::nullopt;
            throw;
        }
        own_pinned_ += static_cast<std::size_t>(session_.pinned_tokens() - before);
        constants_[static_cast<std::size_t>(sequence)].assign(constant.begin(), constant.end());
    }
    reserved_cells_ += reserved_[static_cast<std::size_t>(sequence)] = needed(claim);
    return session_.start(sequence, claim.tokens);
}

void Lane::end(int sequence, engine::Afterwards afterwards) {
    const auto s = static_cast<std::size_t>(sequence);
    session_.end(sequence, afterwards);
    reserved_cells_ -= std::exchange(reserved_[s], 0);
    const std::vector<Token> constant = std::exchange(constants_[s], {});
    if (constant.empty()) return;
    const int before = session_.pinned_tokens();
    session_.unpin(constant);
    own_pinned_ -= static_cast<std::size_t>(before - session_.pinned_tokens());
}

void Lane::pin(std::span<const Token> tokens) {
    if (reserved_cells_ > 0 && reserved_cells_ + tokens.size() > free_for_sequences()) {
        throw error(ErrorKind::ContextFull, "a prefix of {} tokens: the context has room for {} beside what runs",
                    tokens.size(), free_for_sequences() - reserved_cells_);
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
    // Reading a row waits for the computation where the engine runs it in the background.
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!rows[i].wants_logits) continue;
        (void)session_.logits(i);
        break;
    }
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
