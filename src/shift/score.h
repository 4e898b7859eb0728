#pragma once

// Answers scored under two models, in memory: what a run folder, a server or a binding is made of. Belongs to the
// thread that calls it.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "generate/generate.h"
#include "shift/kernel.h"
#include "shift/listed_side.h"
#include "shift/shift.h"
#include "shift/vocabulary.h"

namespace urial::shift {

struct ScoredAnswer {
    std::vector<Token> answer;
    std::vector<PositionStats> stats;    ///< one a token of the answer
    std::vector<ListedPosition> listed;  ///< instead of them where only the most likely tokens are known
    std::string text;                    ///< of a generated answer; empty for a given one
    std::string finish;                  ///< "stop", "length", or "given"
    std::string failure;                 ///< why it cannot be compared; empty: it can
    bool is_missing = false;             ///< what is needed for that is not there yet
};

/// Whether the answer is there already.
bool is_given(const ShiftItem& item);

struct ScoreOptions {
    std::size_t top_k = 10;                       ///< of both lists
    int parallel = 16;                            ///< answers at the same time, where the aligned model writes them
    int max_tokens = 1024;                        ///< of such an answer
    std::size_t allowed_vocabulary_mismatch = 0;  ///< token ids that may differ; only the others are compared then
    engine::SessionOptions session;               ///< threads and flash attention; the rest is decided here
    std::function<void(const ScoreProgress&)> progress;  ///< after every step
    /// Of the item of this index, each as soon as it is scored, in order; may be empty.
    std::function<void(std::size_t index, const PositionStats&)> on_position;
    bool live = false;  ///< a token is scored as soon as it is written, though rows cost less in a wide batch
    std::function<bool()> interrupted;  ///< looked at between steps; true ends the work with Cancelled
};

struct PairTask;  // pair_run.h

/// Two sides that can be compared.
class Scorer {
public:
    /// Throws Error{BadInput} for two vocabularies that differ in more than `allowed_mismatch` ids.
    Scorer(const Side& base, const Side& aligned, std::size_t allowed_mismatch);

    const generate::PreparedPrompt& base_prompt() const { return base_prompt_; }
    const generate::PreparedPrompt& aligned_prompt() const { return aligned_prompt_; }
    const VocabularyComparison& vocabulary() const { return vocabulary_; }
    /// Answers that score() has under way at the same time, of items like these.
    static int sequences(std::span<const ShiftItem* const> items, const ScoreOptions& options);

    using Done = std::function<void(std::size_t index, ScoredAnswer&&)>;
    /// Scores every item; `done` gets its index and its scores, in the order in which they are ready. Before it needs a
    /// session it has called `done` for those that cannot be scored, and then `ready`. Throws Cancelled, also where the
    /// session's Watch ends it.
    void score(std::span<const ShiftItem* const> items, const ScoreOptions& options, const std::function<void()>& ready,
               const Done& done) const;

private:
    PairTask task_of(const ShiftItem& item, int max_tokens) const;

    Side base_;
    Side aligned_;
    generate::PreparedPrompt base_prompt_;
    generate::PreparedPrompt aligned_prompt_;
    VocabularyComparison vocabulary_;
};

/// All of them at once, in the order of the items.
std::vector<ScoredAnswer> score_answers(const Side& base, const Side& aligned, std::span<const ShiftItem> items,
                                        const ScoreOptions& options);

}  // namespace urial::shift
