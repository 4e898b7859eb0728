// Two sessions over the same answers. An answer of n tokens needs n rows of logits from each model: row 0 follows the
// prompt, row i follows token i - 1. A *slot* holds one answer; each step takes the next rows of the slots into a batch
// for each model (the prompts differ between the two, the answer rows are the same).
//
// How many rows a slot can give is the only difference between the two ways to run. Of a given answer all rows are
// known at once (*forced*): the batch is filled with kLogitRows of them, from several answers where one does not
// suffice. Of an answer that the aligned model writes, only the row behind its newest token is (*lockstep*): every slot
// gives one row a step, and the arg-max of the aligned row is the answer's next token. Both ways may be under way
// together.
//
// The aligned model runs at every step. The base model waits until the rows of the next step would not fit into its
// batch of kLogitRows: a row costs less in a wide batch. Until then the row pairs are *pending*, and the aligned halves
// are copied out of the session, which forgets them at its next batch. It does not wait where an answer's end would
// make room for the next one, nor where somebody watches the answer (PairRunOptions::live), nor where both sides are
// the same model: rows of batches of one width are equal to the last bit, and such a pair must show no shift at all.
//
// Where GPUs compute both models, this machine's cores do the statistics meanwhile: the rows of a batch are copied, a
// thread scores them, and what it finds is delivered when the next batch is to be scored (*scoring_*). A slot whose
// rows are all computed makes room for the next answer at once and waits among the *leaving*. Of given answers the base
// model's batch does not depend on what the aligned model says, so that one is computed beside the other; the seconds
// of the two then overlap.
//
// A model may be alone here, when the other side is somewhere else: it runs as the aligned one does, and its rows are
// scored at every step.
//
// Logits are what costs memory, so a batch has at most kLogitRows of them: enough for the head's matrix product to be
// worth its while. Prompt rows want no logits; they ride along where the batch has room and go ahead of it in batches
// of their own where not.
//
// The sessions are asked to be precise, which costs more than it does for answers: docs/shift.md has the figures, under
// "How exact is it" and "How it runs".

#include "shift/pair_run.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"

namespace urial::shift {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLogitRows = kMostSequences;
constexpr std::size_t kBatchRows = 256;
/// Cells beyond this are not taken, for each session.
constexpr std::size_t kMostContextTokens = 65536;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// The aligned model's own choice, of all tokens that it knows.
Token choose(std::span<const float> logits, std::size_t position) {
    try {
        return generate::arg_max(logits).token;
    } catch (const Error& problem) {
        throw error(problem.kind(), "position {}, aligned model: {}", position, problem.what());
    }
}

}  // namespace

int session_cells(std::vector<std::size_t> needs, std::size_t prefix, std::size_t at_once) {
    std::sort(needs.rbegin(), needs.rend());
    std::size_t sum = prefix;
    for (std::size_t i = 0; i < std::min(at_once, needs.size()); ++i) sum += needs[i];
    return static_cast<int>(std::max(prefix + needs.front(), std::min(sum, kMostContextTokens)));
}

void check_room(const engine::Model& model, std::size_t prompt, std::size_t answer) {
    const auto room = static_cast<std::size_t>(model.info().training_context);
    if (prompt + answer <= room) return;
    throw error(ErrorKind::ContextFull,
                "the prompt has {} tokens and the answer {}, together more than the context of {} of {}", prompt,
                answer, room, model.info().name);
}

struct PairRun::Slot {
    Slot(PairTask&& from, int sequence_index, const prompt::AnswerForm& answer_form)
        : task(std::move(from)), sequence(sequence_index), scanner(answer_form) {
        result.answer = std::move(task.answer);
        if (!result.answer.empty()) result.finish = "given";
    }
    /// Whether all tokens of the answer are known.
    bool complete() const { return !result.finish.empty(); }
    /// Positions that could join the next batch.
    std::size_t available() const { return result.answer.size() - planned + (complete() ? 0 : 1); }

    PairTask task;
    int sequence;
    std::size_t planned = 0;  // positions that are scored or pending
    prompt::AnswerScanner scanner;
    ScoredAnswer result;
};

PairRun::PairRun(const Side& base, const Side& aligned, const std::vector<Token>& base_prefix,
                 const std::vector<Token>& aligned_prefix, const VocabularyComparison& vocabulary,
                 const PairRunOptions& options)
    : vocabulary_(vocabulary),
      options_(options),
      base_lags_(!options.live && (base.model != aligned.model || base.use_adapters != aligned.use_adapters)),
      base_(make_half(base, base_prefix, options.base_context)),
      aligned_(make_half(aligned, aligned_prefix, options.aligned_context)),
      is_elsewhere_(!options.live && base_->session->computes_elsewhere() && aligned_.session->computes_elsewhere()),
      slots_(static_cast<std::size_t>(options.sequences)),
      aligned_copies_(kLogitRows),
      base_copies_(kLogitRows),
      scored_aligned_(kLogitRows),
      scored_base_(kLogitRows) {}

PairRun::PairRun(const Side& only, const std::vector<Token>& prefix, const VocabularyComparison& vocabulary,
                 const PairRunOptions& options)
    : vocabulary_(vocabulary),
      options_(options),
      base_lags_(false),
      aligned_(make_half(only, prefix, options.aligned_context)),
      is_elsewhere_(false),
      slots_(static_cast<std::size_t>(options.sequences)),
      aligned_copies_(kLogitRows) {}

PairRun::~PairRun() = default;

PairRun::Half PairRun::make_half(const Side& side, const std::vector<Token>& prefix, int context) const {
    engine::SessionOptions session = options_.session;
    session.sequences = options_.sequences;
    session.context_tokens = context;
    session.batch_rows = static_cast<int>(kBatchRows);
    session.logit_rows = static_cast<int>(kLogitRows);
    session.use_adapters = side.use_adapters;
    session.purpose = engine::Purpose::Precise;
    std::unique_ptr<engine::Session> made = side.model->new_session(session);
    made->pin(prefix);
    engine::Session& its = *made;
    return {side.model, std::move(made), generate::Lane(its), {}};
}

void PairRun::check_fits(const Half& half, const std::vector<Token>& prompt, const PairTask& task) const {
    if (prompt.empty())
        throw Error(ErrorKind::BadInput, "the prompt is empty: there is nothing that the answer follows");
    if (half.lane.needed({.tokens = prompt, .answer = task.answer_cells(options_.max_tokens)}) <= half.lane.room())
        return;
    throw error(ErrorKind::ContextFull,
                "the prompt has {} tokens and the answer {}: more than the context of {} has room for", prompt.size(),
                task.answer.empty() ? fmt::format("up to {}", options_.max_tokens) : std::to_string(task.answer.size()),
                half.session->context_tokens());
}

void PairRun::submit(PairTask task) {
    if (base_) check_fits(*base_, task.base_prompt, task);
    check_fits(aligned_, task.aligned_prompt, task);
    queue_.push_back(std::move(task));
}

bool PairRun::step() {
    const std::size_t first = pending_.size();
    aligned_.lane.clear();
    for (const auto& slot : slots_) {
        if (slot) plan(*slot);
    }
    while (pending_.size() < kLogitRows && admit()) {
    }
    if (pending_.empty()) return deliver();
    if (base_) base_->lane.run_ahead(base_->ahead);
    aligned_.lane.run_ahead(aligned_.ahead);
    std::future<void> ahead;
    if (base_can_go_ahead()) ahead = std::async(std::launch::async, [this] { base_->lane.run(); });
    aligned_.lane.run();
    read_aligned(first);
    if (ahead.valid()) {
        ahead.get();
        score();
    } else if (base_is_due()) {
        if (base_) base_->lane.run();
        score();
    } else {
        keep_aligned(first);
    }
    return true;
}

/// Where both compute elsewhere, and what the aligned model says now makes no difference to the base model's batch.
bool PairRun::base_can_go_ahead() const {
    const bool is_given = std::ranges::all_of(pending_, [](const Pending& pair) { return pair.slot->complete(); });
    return is_elsewhere_ && is_given && base_is_due();
}

bool PairRun::admit() {
    if (queue_.empty()) return false;
    const auto free = std::find(slots_.begin(), slots_.end(), nullptr);
    if (free == slots_.end()) return false;
    PairTask& next = queue_.front();
    const std::size_t answer = next.answer_cells(options_.max_tokens);
    if (base_ && !base_->lane.fits({.tokens = next.base_prompt, .answer = answer})) return false;
    if (!aligned_.lane.fits({.tokens = next.aligned_prompt, .answer = answer})) return false;
    *free = std::make_unique<Slot>(std::move(next), static_cast<int>(free - slots_.begin()), options_.answer_form);
    queue_.pop_front();
    Slot& slot = **free;
    if (base_) read_prompt(*base_, slot.sequence, {.tokens = slot.task.base_prompt, .answer = answer});
    read_prompt(aligned_, slot.sequence, {.tokens = slot.task.aligned_prompt, .answer = answer});
    plan(slot);
    return true;
}

/// All of the prompt but its last token, whose row is the answer's first.
void PairRun::read_prompt(Half& half, int sequence, const generate::Lane::Claim& claim) {
    const std::size_t last = claim.tokens.size() - 1;
    const std::size_t known = half.lane.begin(sequence, claim).value();
    const bool rides = half.lane.rows() + (last - known) <= kBatchRows - kLogitRows;
    for (std::size_t i = known; i < last; ++i) {
        if (rides) {
            half.lane.add(sequence, claim.tokens[i], false);
        } else {
            half.ahead.push_back({sequence, claim.tokens[i], false});
        }
    }
}

void PairRun::plan(Slot& slot) {
    const std::size_t count = std::min(slot.available(), kLogitRows - pending_.size());
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t position = slot.planned++;
        const auto last_of = [&](const std::vector<Token>& prompt) {
            return position == 0 ? prompt.back() : slot.result.answer[position - 1];
        };
        const std::size_t base_row = base_ ? base_->lane.add(slot.sequence, last_of(slot.task.base_prompt), true) : 0;
        const std::size_t aligned_row = aligned_.lane.add(slot.sequence, last_of(slot.task.aligned_prompt), true);
        pending_.push_back({&slot, position, base_row, aligned_row, nullptr});
    }
}

/// The row's logits of the shared ids; ids that mean different tokens get no probability.
const float* PairRun::row_of(const Half& half, std::size_t row, std::vector<float>& copy) const {
    const std::span<const float> logits = half.session->logits(row);
    if (vocabulary_.different.empty()) return logits.data();
    copy.assign(logits.begin(), logits.begin() + static_cast<std::ptrdiff_t>(vocabulary_.shared_size));
    for (const Token token : vocabulary_.different) {
        copy[static_cast<std::size_t>(token)] = -std::numeric_limits<float>::infinity();
    }
    return copy.data();
}

/// Gives the rows that the aligned model has just computed to the pending pairs from `first` on, and writes the next
/// token of the answers that it writes.
void PairRun::read_aligned(std::size_t first) {
    const Clock::time_point start = Clock::now();
    std::vector<std::span<const float>> rows;
    for (std::size_t i = first; i < pending_.size(); ++i)
        rows.push_back(aligned_.session->logits(pending_[i].aligned_row));
    std::vector<Token> chosen(rows.size());
    for_each_parallel(rows.size(), options_.session.threads, [&](std::size_t i) {
        const Pending& pair = pending_[first + i];
        if (!pair.slot->complete()) chosen[i] = choose(rows[i], pair.position);
    });
    for (std::size_t i = first; i < pending_.size(); ++i) {
        Pending& pair = pending_[i];
        pair.aligned = row_of(aligned_, pair.aligned_row, aligned_copies_[i]);
        if (pair.slot->complete() || write(*pair.slot, chosen[i - first])) continue;
        pair.aligned = nullptr;
        --pair.slot->planned;
    }
    statistics_seconds_ += seconds_since(start);
}

/// False for a token that the base model does not know: it ends the answer and is no part of it.
bool PairRun::write(Slot& slot, Token token) const {
    ScoredAnswer& result = slot.result;
    const bool ends = aligned_.model->ends_generation(token);
    if (!vocabulary_.shares(token)) {
        result.finish = "stop";
        if (!ends || result.answer.empty()) {
            result.failure = fmt::format(
                "the aligned model chose token {} (\"{}\") at position {}, which the two vocabularies do not share",
                token, aligned_.model->piece(token, true), result.answer.size());
        }
        return false;
    }
    result.answer.push_back(token);
    if (ends) {
        result.finish = "stop";
        return true;
    }
    result.text += slot.scanner.push(aligned_.model->piece(token));
    if (slot.scanner.end() != prompt::AnswerScanner::End::None) {
        result.finish = "stop";
    } else if (result.answer.size() == static_cast<std::size_t>(options_.max_tokens)) {
        result.finish = "length";
    }
    return true;
}

/// Whether to wait for the next step's rows is no use: they would be too many, or there are none, or an answer that is
/// complete takes another one's place.
bool PairRun::base_is_due() const {
    if (!base_lags_) return true;
    std::size_t next = 0;
    for (const auto& slot : slots_) {
        if (!slot) continue;
        if (slot->complete() && slot->available() == 0 && !queue_.empty()) return true;
        next += slot->available();
    }
    return next == 0 || pending_.size() + next > kLogitRows;
}

/// Copies the rows of the pending pairs from `first` on, as the next batch of the aligned model takes their place.
void PairRun::keep_aligned(std::size_t first) {
    const Clock::time_point start = Clock::now();
    for_each_parallel(pending_.size() - first, options_.session.threads, [&](std::size_t i) {
        Pending& pair = pending_[first + i];
        std::vector<float>& copy = aligned_copies_[first + i];
        if (pair.aligned == nullptr || pair.aligned == copy.data()) return;
        copy.assign(pair.aligned, pair.aligned + vocabulary_.shared_size);
        pair.aligned = copy.data();
    });
    statistics_seconds_ += seconds_since(start);
}

/// Copies the rows of every pending pair, for threads that read them while the next batches are computed.
void PairRun::keep_base() {
    keep_aligned(0);
    const Clock::time_point start = Clock::now();
    std::vector<const float*> rows(pending_.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {  // one thread has the session
        if (pending_[i].aligned != nullptr) rows[i] = row_of(*base_, pending_[i].base_row, base_copies_[i]);
    }
    for_each_parallel(rows.size(), options_.session.threads, [&](std::size_t i) {
        std::vector<float>& copy = base_copies_[i];
        if (rows[i] != nullptr && rows[i] != copy.data()) copy.assign(rows[i], rows[i] + vocabulary_.shared_size);
    });
    statistics_seconds_ += seconds_since(start);
}

/// Scores every pending pair: at once, or, where GPUs compute, beside the next steps.
void PairRun::score() {
    deliver();
    if (is_elsewhere_) keep_base();
    const Clock::time_point start = Clock::now();
    std::vector<RowPair> pairs;
    for (std::size_t i = 0; i < pending_.size(); ++i) {
        const Pending& pending = pending_[i];
        if (pending.aligned == nullptr) continue;
        const float* base = pending.aligned;
        if (is_elsewhere_)
            base = base_copies_[i].data();
        else if (base_)
            base = row_of(*base_, pending.base_row, base_copies_[i]);
        scoring_.owners.push_back(pending.slot);
        pairs.push_back({.aligned = pending.aligned,
                         .base = base,
                         .token = pending.slot->result.answer[pending.position],
                         .position = pending.position});
    }
    scoring_.stats.resize(pairs.size());
    const KernelOptions kernel{
        .vocabulary_size = vocabulary_.shared_size, .top_k = options_.top_k, .threads = options_.session.threads};
    if (base_) base_->lane.clear();
    pending_.clear();
    for (auto& slot : slots_) {
        if (!slot || !slot->complete() || slot->planned < slot->result.answer.size()) continue;
        if (base_) base_->lane.end(slot->sequence, engine::Afterwards::Forget);
        aligned_.lane.end(slot->sequence, engine::Afterwards::Forget);
        leaving_.push_back(std::move(slot));
    }
    if (is_elsewhere_) {
        aligned_copies_.swap(scored_aligned_);
        base_copies_.swap(scored_base_);
        scoring_.work = std::async(std::launch::async, [this, kernel, pairs = std::move(pairs)] {
            score_positions(pairs, kernel, scoring_.stats);
        });
        return;
    }
    score_positions(pairs, kernel, scoring_.stats);
    statistics_seconds_ += seconds_since(start);
    deliver();
}

/// Waits for the statistics that are being computed and gives them to their answers. False where there were none.
bool PairRun::deliver() {
    if (scoring_.owners.empty() && leaving_.empty()) return false;
    const std::vector<Slot*> owners = std::exchange(scoring_.owners, {});
    if (scoring_.work.valid()) {
        const Clock::time_point start = Clock::now();
        scoring_.work.get();
        statistics_seconds_ += seconds_since(start);
    }
    std::vector<PositionStats> stats = std::exchange(scoring_.stats, {});
    positions_ += stats.size();
    for (std::size_t i = 0; i < stats.size(); ++i) {
        if (owners[i]->task.on_position) owners[i]->task.on_position(stats[i]);
        owners[i]->result.stats.push_back(std::move(stats[i]));
    }
    for (const auto& slot : std::exchange(leaving_, {})) finish(*slot);
    return true;
}

void PairRun::finish(Slot& slot) {
    ScoredAnswer result = std::move(slot.result);
    if (result.finish != "given") result.text += slot.scanner.finish();
    result.text = replace_invalid_utf8(result.text);
    if (const auto on_done = std::move(slot.task.on_done)) on_done(std::move(result));
}

}  // namespace urial::shift
