#pragma once

// Both models over the same answers, row by row; or one of them alone. Internal to this part; how it works: the essay
// in pair_run.cpp.

#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "generate/generate.h"
#include "generate/lane.h"
#include "shift/kernel.h"
#include "shift/score.h"
#include "shift/shift.h"
#include "shift/vocabulary.h"

namespace urial::shift {

/// More answers than this at the same time would not make a batch wider.
inline constexpr int kMostSequences = 96;
/// Given answers fill a batch one after the other; more of them at once would only make the attention look further.
inline constexpr int kGivenSequences = 16;
inline constexpr std::size_t kGivenAtOnce = 2;  ///< that have their cells

/// One answer to score.
struct PairTask {
    std::vector<Token> base_prompt;  ///< not looked at where the aligned model is alone
    std::vector<Token> aligned_prompt;
    std::vector<Token> answer;                              ///< empty: the aligned model writes it
    std::function<void(const PositionStats&)> on_position;  ///< each, as soon as it is scored, in order; may be empty
    std::function<void(ScoredAnswer&&)> on_done;

    /// Tokens that the answer has, or may come to have.
    std::size_t answer_cells(int max_tokens) const {
        return answer.empty() ? static_cast<std::size_t>(max_tokens) : answer.size();
    }
};

/// Of one session: room for the longest answers that run at the same time, and for any one of them. `needs`: tokens of
/// prompt and answer of each, one at least; `prefix`: what most prompts begin with.
int session_cells(std::vector<std::size_t> needs, std::size_t prefix, std::size_t at_once);

/// Throws Error{ContextFull} where prompt and answer together are more than the model was trained for.
void check_room(const engine::Model& model, std::size_t prompt, std::size_t answer);

struct PairRunOptions {
    engine::SessionOptions session;  ///< threads and flash attention
    int sequences = 16;              ///< answers at the same time, kMostSequences at most
    int base_context = 0;            ///< cells of each session
    int aligned_context = 0;
    std::size_t top_k = 10;
    int max_tokens = 1024;           ///< of a generated answer
    prompt::AnswerForm answer_form;  ///< what ends one
    bool live = false;               ///< the base model never waits
};

class PairRun {
public:
    /// `base_prefix`, `aligned_prefix`: what most prompts of the side begin with; computed once.
    PairRun(const Side& base, const Side& aligned, const std::vector<Token>& base_prefix,
            const std::vector<Token>& aligned_prefix, const VocabularyComparison& vocabulary,
            const PairRunOptions& options);
    /// One model alone, as the aligned one: what it says of the positions stands on both sides of their statistics.
    PairRun(const Side& only, const std::vector<Token>& prefix, const VocabularyComparison& vocabulary,
            const PairRunOptions& options);
    ~PairRun();

    /// Queued in order. Throws Error{ContextFull} when it could never fit.
    void submit(PairTask task);
    /// One batch through the aligned model, and one through the base model when it is due. Where GPUs compute, the
    /// statistics of a batch are delivered by a later step. Returns false when nothing is left to do.
    bool step();

    std::uint64_t positions() const { return positions_; }
    double base_seconds() const { return base_ ? base_->lane.seconds() : 0; }
    double aligned_seconds() const { return aligned_.lane.seconds(); }
    /// Of copies, and of statistics that nothing else went on beside.
    double statistics_seconds() const { return statistics_seconds_; }

private:
    struct Slot;
    /// One of the two models.
    struct Half {
        std::shared_ptr<const engine::Model> model;
        std::unique_ptr<engine::Session> session;
        generate::Lane lane;
        std::vector<engine::Row> ahead;  // of prompts that have no room in the next batch
    };
    /// Positions whose statistics are computed on threads of their own.
    struct Scoring {
        std::vector<Slot*> owners;
        std::vector<PositionStats> stats;
        std::future<void> work;
    };
    /// A position that is not scored yet.
    struct Pending {
        Slot* slot;
        std::size_t position;
        std::size_t base_row;     // of the base model's next batch
        std::size_t aligned_row;  // of the aligned model's batch that it was planned for
        const float* aligned;     // that row's logits, once the batch has run; null: not to be scored
    };

    Half make_half(const Side& side, const std::vector<Token>& prefix, int context) const;
    void check_fits(const Half& half, const std::vector<Token>& prompt, const PairTask& task) const;
    bool admit();
    static void read_prompt(Half& half, int sequence, const generate::Lane::Claim& claim);
    void plan(Slot& slot);
    void read_aligned(std::size_t first);
    bool write(Slot& slot, Token token) const;
    bool base_is_due() const;
    void keep_aligned(std::size_t first);
    bool base_can_go_ahead() const;
    void keep_base();
    void score();
    bool deliver();
    const float* row_of(const Half& half, std::size_t row, std::vector<float>& copy) const;
    void finish(Slot& slot);

    const VocabularyComparison& vocabulary_;
    PairRunOptions options_;
    bool base_lags_;
    std::optional<Half> base_;  // nullopt: the aligned model is alone
    Half aligned_;
    bool is_elsewhere_;  // GPUs compute both models: these threads have nothing to do but the statistics
    std::deque<PairTask> queue_;
    std::vector<std::unique_ptr<Slot>> slots_;    // one per sequence; null where free
    std::vector<std::unique_ptr<Slot>> leaving_;  // all rows are computed, and not all statistics there
    std::vector<Pending> pending_;
    std::vector<std::vector<float>> aligned_copies_;  // by index in pending_: masked rows, and rows of earlier batches
    std::vector<std::vector<float>> base_copies_;     // likewise; masked rows, and those that are scored elsewhere
    std::vector<std::vector<float>> scored_aligned_;  // the rows of scoring_
    std::vector<std::vector<float>> scored_base_;
    std::uint64_t positions_ = 0;
    double statistics_seconds_ = 0;
    Scoring scoring_;  // last: its end waits for the threads, which read the rows
};

}  // namespace urial::shift
