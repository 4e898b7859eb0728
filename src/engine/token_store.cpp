#include "engine/token_store.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <utility>

#include "base/error.h"

namespace urial::engine {

std::size_t common_length(std::span<const Token> a, std::span<const Token> b) {
    return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

TokenStore::TokenStore(Size size, Sharing sharing, Running running, std::function<void(std::size_t)> on_drop)
    : sharing_(sharing),
      running_(sharing == Sharing::Whole ? Running::Alone : running),
      on_drop_(std::move(on_drop)),
      sequences_(size.sequences),
      prefixes_(size.prefixes),
      counts_(size.cells),
      unused_(size.cells) {
    std::iota(unused_.rbegin(), unused_.rend(), Cell{0});
}

const TokenStore::Holder& TokenStore::at(int sequence) const {
    if (sequence < 0 || static_cast<std::size_t>(sequence) >= sequences_.size()) {
        throw error(ErrorKind::BadInput, "sequence {} of {}", sequence, sequences_.size());
    }
    return sequences_[static_cast<std::size_t>(sequence)];
}

void TokenStore::count(Cell cell, Use use, int change) {
    Counts& counts = counts_[cell];
    const auto weigh = [&](int sign) {
        const auto one = [&](std::size_t& total, bool counts_here) { total += counts_here ? sign : 0; };
        one(used_, counts.running + counts.pinned + counts.kept > 0);
        one(firm_, counts.running + counts.pinned > 0);
        one(pinned_, counts.pinned > 0);
    };
    weigh(-1);
    (use == Use::Running ? counts.running : use == Use::Pinned ? counts.pinned : counts.kept) += change;
    weigh(+1);
    if (counts.running + counts.pinned + counts.kept == 0) unused_.push_back(cell);
}

void TokenStore::change_use(const Holder& holder, Use from, Use to) {
    for (const Cell cell : holder.cells) {
        add(cell, to);
        remove(cell, from);
    }
}

TokenStore::Cell TokenStore::take_cell() {
    if (unused_.empty()) make_room(1);
    if (unused_.empty()) throw error(ErrorKind::ContextFull, "all {} cells of the context are taken", counts_.size());
    const Cell cell = unused_.back();
    unused_.pop_back();
    return cell;
}

TokenStore::Share TokenStore::part_of(const Holder& holder, std::size_t tokens) const {
    Share share;
    share.tokens = tokens;
    for (std::size_t i = 0; i < tokens; ++i) {
        const Counts& counts = counts_[holder.cells[i]];
        share.pinned += counts.pinned > 0 ? 1 : 0;
        share.firm += counts.pinned + counts.running > 0 ? 1 : 0;
    }
    return share;
}

TokenStore::Share TokenStore::share(std::span<const Token> tokens, std::size_t most) const {
    Share best;
    if (tokens.empty()) return best;
    const std::span<const Token> wanted = tokens.first(std::min(tokens.size() - 1, most));
    for (std::size_t i = 0; i < prefixes_.size(); ++i) {
        const std::size_t common = common_length(wanted, prefixes_[i].tokens);
        if (common < prefixes_[i].least || common == 0 || common < best.tokens) continue;
        Share share = part_of(prefixes_[i], common);
        share.prefix = i;
        if (std::pair(common, share.pinned) > std::pair(best.tokens, best.pinned)) best = share;
    }
    if (running_ == Running::Alone) return best;
    const std::size_t of_prefix = best.tokens;
    for (std::size_t i = 0; i < sequences_.size(); ++i) {
        const std::size_t common = common_length(wanted, sequences_[i].tokens);
        if (common < sequences_[i].least || common < of_prefix + kLeastFromRunning || common <= best.tokens) continue;
        best = part_of(sequences_[i], common);
        best.sequence = static_cast<int>(i);
    }
    return best;
}

void TokenStore::start(int sequence, const Share& share) {
    assert(share.sequence != sequence);
    forget(sequence);
    if (share.tokens == 0) return;
    Holder& started = at(sequence);
    Holder& source = share.sequence ? at(*share.sequence) : prefixes_[*share.prefix];
    source.used = ++clock_;
    const auto count = static_cast<std::ptrdiff_t>(share.tokens);
    started.tokens.assign(source.tokens.begin(), source.tokens.begin() + count);
    started.cells.assign(source.cells.begin(), source.cells.begin() + count);
    started.least = source.least;
    for (const Cell cell : started.cells) add(cell, Use::Running);
}

void TokenStore::append(int sequence, Token token) {
    Holder& holder = at(sequence);
    const Cell cell = take_cell();
    add(cell, Use::Running);
    holder.tokens.push_back(token);
    holder.cells.push_back(cell);
}

void TokenStore::forget(int sequence) {
    const Holder gone = std::exchange(at(sequence), {});
    for (const Cell cell : gone.cells) remove(cell, Use::Running);
}

std::optional<std::size_t> TokenStore::keep(int sequence) {
    Holder& holder = at(sequence);
    if (sharing_ == Sharing::Whole) holder.least = holder.tokens.size();
    const auto serves = [](const Holder& larger, const Holder& smaller) {
        return larger.least <= smaller.least && larger.tokens.size() >= smaller.tokens.size() &&
               common_length(larger.tokens, smaller.tokens) == smaller.tokens.size();
    };
    const auto same = std::ranges::find_if(prefixes_, [&](const Holder& prefix) { return serves(prefix, holder); });
    if (same != prefixes_.end()) {
        same->used = ++clock_;
        forget(sequence);
        return std::nullopt;
    }
    for (std::size_t i = 0; i < prefixes_.size(); ++i) {
        const Holder& prefix = prefixes_[i];
        if (!prefix.tokens.empty() && prefix.pins == 0 && serves(holder, prefix)) drop(i);
    }
    const bool all_are_pinned = std::ranges::all_of(prefixes_, [](const Holder& prefix) { return prefix.pins > 0; });
    if (all_are_pinned) {
        forget(sequence);
        return std::nullopt;
    }
    const std::size_t place = take_place();
    change_use(holder, Use::Running, Use::Kept);
    prefixes_[place] = std::exchange(holder, {});
    prefixes_[place].used = ++clock_;
    return place;
}

std::optional<std::size_t> TokenStore::find(std::span<const Token> tokens) const {
    const auto found = std::ranges::find_if(
        prefixes_, [&](const Holder& prefix) { return std::ranges::equal(prefix.tokens, tokens); });
    if (found == prefixes_.end() || tokens.empty()) return std::nullopt;
    return static_cast<std::size_t>(found - prefixes_.begin());
}

std::size_t TokenStore::add_pinned(std::span<const Token> tokens) {
    if (tokens.size() > free_cells()) {
        throw error(ErrorKind::ContextFull, "{} tokens to be kept: {} of {} cells are free", tokens.size(),
                    free_cells(), counts_.size());
    }
    const std::size_t place = take_place();
    make_room(tokens.size());
    Holder& prefix = prefixes_[place];
    prefix.tokens.assign(tokens.begin(), tokens.end());
    prefix.least = sharing_ == Sharing::AnyPart ? 0 : tokens.size();
    prefix.pins = 1;
    prefix.used = ++clock_;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        prefix.cells.push_back(take_cell());
        add(prefix.cells.back(), Use::Pinned);
    }
    return place;
}

void TokenStore::pin(std::size_t place) {
    Holder& prefix = prefixes_.at(place);
    if (prefix.pins++ == 0) change_use(prefix, Use::Kept, Use::Pinned);
}

void TokenStore::unpin(std::size_t place) {
    Holder& prefix = prefixes_.at(place);
    prefix.used = ++clock_;
    if (--prefix.pins == 0) change_use(prefix, Use::Pinned, Use::Kept);
}

void TokenStore::drop(std::size_t place) {
    const Holder gone = std::exchange(prefixes_.at(place), {});
    for (const Cell cell : gone.cells) remove(cell, use_of(gone));
    on_drop_(place);
}

std::size_t TokenStore::take_place() {
    const auto free = std::ranges::find_if(prefixes_, [](const Holder& prefix) { return prefix.tokens.empty(); });
    if (free != prefixes_.end()) return static_cast<std::size_t>(free - prefixes_.begin());
    const std::optional<std::size_t> place = least_useful();
    if (!place) {
        throw error(ErrorKind::ContextFull, "this session keeps {} prefixes, and all of them are in use",
                    prefixes_.size());
    }
    drop(*place);
    return *place;
}

std::optional<std::size_t> TokenStore::least_useful() const {
    std::optional<std::size_t> least;
    for (std::size_t i = 0; i < prefixes_.size(); ++i) {
        if (prefixes_[i].tokens.empty() || prefixes_[i].pins > 0) continue;
        if (!least || prefixes_[i].used < prefixes_[*least].used) least = i;
    }
    return least;
}

void TokenStore::make_room(std::size_t cells) {
    while (unused_cells() < cells) {
        const std::optional<std::size_t> place = least_useful();
        if (!place) return;
        drop(*place);
    }
}

}  // namespace urial::engine
