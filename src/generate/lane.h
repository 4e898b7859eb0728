#pragma once

// One session and the rows of its next batch: what the schedulers of one model and of two have in common. A sequence
// begins when the cells for all that it may come to hold are free, so that none runs out of them on the way. Belongs to
// the thread that owns the session.

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "engine/engine.h"

namespace urial::generate {

using engine::Token;

class Lane {
public:
    /// What a sequence is to hold.
    struct Claim {
        std::span<const Token> tokens;  ///< of the whole prompt
        std::size_t constant = 0;  ///< leading tokens that other prompts have too: computed once, and pinned while one
                                   ///< that claims them runs. 0: none, or the owner of the session has pinned them for
                                   ///< longer than any sequence runs
        std::size_t answer = 0;    ///< tokens that may follow
        std::size_t most = engine::kAllTokens;  ///< at most so many tokens are shared: the others are to be read
    };

    /// The session has no sequences, and gets none but by this object.
    explicit Lane(engine::Session& session);

    engine::Session& session() { return session_; }
    const engine::Session& session() const { return session_; }
    std::size_t sequence_count() const { return claimed_.size(); }

    /// Cells beside what is pinned: those that the claim would take now, and those that it could have at most.
    std::size_t needed(const Claim& claim) const;
    std::size_t room() const;
    /// Cells that running sequences share count once.
    bool fits(const Claim& claim) const;
    /// The sequence starts. Returns how many tokens need not be read; nothing, where it has to wait for others.
    /// Throws what Session::pin() throws, Error{ContextFull} where waiting is no use.
    std::optional<std::size_t> begin(int sequence, const Claim& claim);
    void end(int sequence, engine::Afterwards afterwards);
    /// Pins for longer than any sequence runs. Throws what Session::pin() throws, Error{ContextFull} also where what
    /// the sequences may come to hold leaves no room.
    void pin(std::span<const Token> tokens);

    /// The next batch.
    std::size_t rows() const { return rows_.size(); }
    std::size_t free_rows() const { return static_cast<std::size_t>(session_.batch_rows()) - rows_.size(); }
    std::size_t free_logit_rows() const { return static_cast<std::size_t>(session_.logit_rows()) - logit_rows_; }
    /// Returns the row's number in the batch.
    std::size_t add(int sequence, Token token, bool wants_logits);
    /// Throws what Session::decode() throws. The rows stay until clear(), so that they can be looked at.
    void run();
    void clear();
    /// Runs `rows` before the batch, in as few batches of their own as they need. None wants logits.
    void run_ahead(std::vector<engine::Row>& rows);

    double seconds() const { return seconds_; }  ///< of all that was run

private:
    std::size_t free_for_sequences() const;
    std::size_t outstanding() const;
    bool is_idle() const;
    void decode(std::span<const engine::Row> rows);

    engine::Session& session_;
    std::vector<std::size_t> claimed_;           // tokens, by sequence; 0: it does not run
    std::vector<std::vector<Token>> constants_;  // by sequence: what it has pinned
    std::size_t own_pinned_ = 0;                 // cells that are pinned for sequences alone
    std::vector<engine::Row> rows_;
    std::size_t logit_rows_ = 0;
    double seconds_ = 0;
};

}  // namespace urial::generate
