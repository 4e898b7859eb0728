#pragma once

// What the cells of a session hold, in tokens: the sequences that run, and prefixes that are there for sequences to
// come. A sequence that starts shares the cells of the prefix, or of the running sequence, that its tokens begin with.
// A prefix is pinned (its cells are promised) or kept (until somebody needs its cells or its place; the one that was of
// no use for longest goes first). Bookkeeping alone: a session repeats in the engine's memory what is decided here.
// Belongs to the session's thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "engine/engine.h"

namespace urial::engine {

/// How much of a prefix a model can share.
enum class Sharing {
    AnyPart,         ///< each cell holds one token
    BeyondRestored,  ///< of a restored prefix all or nothing, what sequences have computed behind it in any part:
                     ///< layers with a sliding window do not save the tokens that have left it
    Whole,           ///< all or nothing: a recurrent state stands for all tokens
};

/// Whether sequences share with others that run.
enum class Running { Alone, Shared };

class TokenStore {
public:
    struct Size {
        std::size_t sequences = 1;
        std::size_t prefixes = 1;
        std::size_t cells = 0;
    };
    /// `on_drop` is called for each prefix that goes.
    TokenStore(Size size, Sharing sharing, Running running, std::function<void(std::size_t prefix)> on_drop);

    std::size_t sequence_count() const { return sequences_.size(); }
    /// Throws Error{BadInput} for a sequence that does not exist, as all that take one.
    std::size_t length(int sequence) const { return at(sequence).tokens.size(); }
    std::span<const Token> tokens(int sequence) const { return at(sequence).tokens; }
    bool is_empty() const { return used_ == 0; }
    std::size_t unused_cells() const { return counts_.size() - used_; }
    /// Those that sequences may have: neither running nor pinned.
    std::size_t free_cells() const { return counts_.size() - firm_; }
    std::size_t pinned_cells() const { return pinned_; }

    bool shares_running() const { return running_ == Running::Shared; }

    /// What a sequence with these tokens would share: at most all but the last, which has to be computed.
    struct Share {
        std::optional<std::size_t> prefix;  ///< one of the two, where something is shared
        std::optional<int> sequence;
        std::size_t tokens = 0;
        std::size_t pinned = 0;  ///< of these tokens, those in cells that are pinned
        std::size_t firm = 0;    ///< and those in cells that are pinned or running sequences hold
    };
    Share share(std::span<const Token> tokens, std::size_t most = kAllTokens) const;

    /// The sequence, which is not the shared one, forgets what it had and begins with the first `share.tokens` of that.
    void start(int sequence, const Share& share);
    void append(int sequence, Token token);
    void forget(int sequence);
    /// The sequence becomes a prefix; returns its place. Nothing is kept of an empty sequence, where there is one like
    /// it already, and where all places are pinned: the sequence is forgotten then.
    std::optional<std::size_t> keep(int sequence);

    /// The prefix of exactly these tokens.
    std::optional<std::size_t> find(std::span<const Token> tokens) const;
    /// Takes place and cells for a prefix and pins it. Throws Error{ContextFull} where there are none.
    std::size_t add_pinned(std::span<const Token> tokens);
    /// Pins are counted; what loses its last one is kept.
    void pin(std::size_t prefix);
    void unpin(std::size_t prefix);
    void drop(std::size_t prefix);

    /// Drops kept prefixes until so many cells are unused, or none is left.
    void make_room(std::size_t cells);

private:
    using Cell = std::uint32_t;
    enum class Use { Running, Pinned, Kept };
    struct Holder {
        std::vector<Token> tokens;
        std::vector<Cell> cells;  // one a token
        std::size_t least = 0;    // fewer of its tokens cannot be shared
        int pins = 0;             // of a prefix
        std::uint64_t used = 0;   // of a prefix: rises
    };
    struct Counts {
        std::uint32_t running = 0;
        std::uint32_t pinned = 0;
        std::uint32_t kept = 0;
    };
    const Holder& at(int sequence) const;
    Holder& at(int sequence) { return const_cast<Holder&>(std::as_const(*this).at(sequence)); }
    static Use use_of(const Holder& prefix) { return prefix.pins > 0 ? Use::Pinned : Use::Kept; }
    void add(Cell cell, Use use) { count(cell, use, +1); }
    void remove(Cell cell, Use use) { count(cell, use, -1); }
    void count(Cell cell, Use use, int change);
    Share part_of(const Holder& holder, std::size_t tokens) const;
    void change_use(const Holder& holder, Use from, Use to);
    Cell take_cell();
    std::size_t take_place();
    std::optional<std::size_t> least_useful() const;

    Sharing sharing_;
    Running running_;
    std::function<void(std::size_t)> on_drop_;
    std::vector<Holder> sequences_;
    std::vector<Holder> prefixes_;  // a place is free where there are no tokens
    std::vector<Counts> counts_;    // by cell
    std::vector<Cell> unused_;
    std::size_t used_ = 0;
    std::size_t firm_ = 0;
    std::size_t pinned_ = 0;
    std::uint64_t clock_ = 0;
};

}  // namespace urial::engine
