#pragma once

// One side of a comparison of which only the most likely tokens are known at every position, not the whole
// distribution: a model on a server, or the one that is compared with it. Belongs to one thread but for the functions
// that are said to be thread-safe.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "generate/prompt_source.h"
#include "shift/bounds.h"
#include "shift/kernel.h"
#include "shift/shift.h"

namespace urial::shift {

/// What one model says about a position.
struct ListedStats {
    /// Of the answer's token. nullopt: beyond the list, and who computed it does not say where.
    std::optional<std::uint32_t> rank;
    double logp = 0;            ///< of the answer's token, nats
    std::vector<TopToken> top;  ///< best first, ties by id; one at least

    Token argmax() const { return top.front().token; }
    /// By which the best leads the second; +inf where there is no second.
    double margin() const {
        return top.size() < 2 ? std::numeric_limits<double>::infinity() : top[0].logp - top[1].logp;
    }
};

/// One answer under one model.
struct ListedAnswer {
    std::vector<Token> answer;
    std::vector<ListedStats> stats;  ///< one a token of the answer
    std::string text;                ///< of an answer that the model wrote
    std::string finish;              ///< "stop", "length", or "given"
    std::string failure;             ///< why there is none; empty: there is
    bool is_missing = false;         ///< there is none yet: nothing is said of it
};

/// Both models at one position.
struct ListedPosition {
    ListedStats base;
    ListedStats aligned;
    DivergenceBounds bounds;
};

struct ListedTask {
    const ShiftItem* item = nullptr;
    std::vector<Token> prompt;                    ///< empty: the side makes it of the item's conversation
    std::vector<Token> answer;                    ///< empty: the item's text behind the prompt, or what the side writes
    std::vector<std::string> same_text;           ///< texts whose tokens have to be the same on the other side
    std::function<void(ListedAnswer&&)> on_done;  ///< called once, in step()
};

struct ListedOptions {
    std::size_t top_k = 10;          ///< of the lists, two at least
    int parallel = 16;               ///< answers at the same time, where the model writes them
    int max_tokens = 1024;           ///< of such an answer
    engine::SessionOptions session;  ///< of a model in this process
};

class ListedSide {
public:
    virtual ~ListedSide() = default;

    /// Is it a model in this process?
    virtual const Side* local() const = 0;
    virtual const generate::PromptSource& prompt() const = 0;
    /// `model`, `adapters`, `prompt`, `tie_rule`: what decides the numbers.
    virtual nlohmann::ordered_json identity() const = 0;
    /// What may change their last digits; null: nothing beside this process.
    virtual nlohmann::ordered_json circumstances() const = 0;
    /// What a run that goes on must say of the circumstances that an earlier one had, as a sentence; empty: nothing.
    virtual std::string change_since(const nlohmann::ordered_json& circumstances) const = 0;
    /// Who answers, in records.
    virtual std::string generator() const = 0;
    /// Of a given answer; 0: not known.
    virtual std::size_t vocabulary_size() const = 0;
    /// Tokens of plain text, without what the model wants at the beginning of a prompt unless `begins_prompt`.
    /// Thread-safe. Throws as submit().
    virtual std::vector<Token> tokenize(std::string_view text, bool begins_prompt) const = 0;
    /// The text of a token of an answer or a list that the side has given, a control token by its name; a model here
    /// gives none for such a token unless `special`.
    virtual std::string piece(Token token, bool special) const = 0;

    /// Before the first submit(): the tasks that will come, those of answers that are still to be written without them.
    /// `other`: who else tokenises ListedTask::same_text; outlives the tasks.
    virtual void prepare(const std::vector<ListedTask>& tasks, const ListedOptions& options,
                         const ListedSide& other) = 0;
    /// What is wrong with the task alone is its failure. A ready one may call on_done at once.
    virtual void submit(ListedTask task) = 0;
    /// Goes on for a moment; false when nothing is left to do. `may_wait`: nothing else is to be done meanwhile. Throws
    /// what makes all tasks fail, and engine::Cancelled.
    virtual bool step(bool may_wait) = 0;
    /// Computing or waiting, of all that was done.
    virtual double seconds() const = 0;
};

/// Texts that vocabularies of two families do not cut alike: words, numbers, code, blanks, several scripts. Both sides
/// of a run are compared by them.
std::span<const std::string_view> vocabulary_samples();

/// Of a run of two such sides, none of which computes here: from what ListedSide::identity() gives.
nlohmann::ordered_json identity_of_pair(nlohmann::ordered_json base, nlohmann::ordered_json aligned, std::size_t top_k);

/// A model in this process as such a side.
std::unique_ptr<ListedSide> listed_side(Side side);

/// Analyses as run_shift() of two Sides does, with the records of docs/shift.md under "Models on servers". Both sides
/// must outlive the call. Throws besides Error{BadInput} where the two tokenise a text differently.
ShiftOutcome run_shift(ListedSide& base, ListedSide& aligned, const std::vector<ShiftItem>& items,
                       const ShiftOptions& options);

}  // namespace urial::shift
