// Continuous batching. Every sequence of the session is free, reading its prompt or writing its answer; one step is one
// decode with a row for each writer and as many prompt rows as the batch takes. The rows of a prompt need no logits but
// for its last, and so cost little more than a third of a writer's row: they ride along and no one waits for them.

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"
#include "generate/generate.h"
#include "generate/sampling.h"

namespace urial::generate {

using Clock = std::chrono::steady_clock;

struct Scheduler::Slot {
    Slot(Waiting&& from, int sequence_index, std::size_t vocabulary_size, std::vector<Token> ends)
        : ticket(from.ticket),
          request(std::move(from.request)),
          sequence(sequence_index),
          sampler(request.sampling, request.id, request.tokens, vocabulary_size, request.steering, std::move(ends)),
          scanner(request.answer_form, request.sampling.stop) {}

    double seconds() const { return std::chrono::duration<double>(Clock::now() - admitted).count(); }
    /// Bytes of those that the scanner has seen that are the answer's.
    std::size_t sure_size() const {
        return scanner.released() + (request.steering.include_stop ? scanner.matched_stop().size() : 0);
    }
    bool writes() const { return request.sampling.max_tokens > 0; }
    bool reading() const { return next_prompt_token < request.tokens.size(); }

    Ticket ticket;
    Request request;
    int sequence;
    std::size_t next_prompt_token = 0;  // index into request.tokens; beyond the end: writing
    std::size_t shared = 0;             // tokens that it had not to read
    std::size_t scored = 1;             // with prompt_scores: so many of the first tokens have theirs, and are kept
    Sampler sampler;
    prompt::AnswerScanner scanner;
    std::string undelivered;  // sure to belong to the answer, but ends inside a UTF-8 character
    std::size_t pushed = 0;   // bytes that the scanner has seen
    struct HeldToken {
        std::size_t begin;  // of its bytes, among those that the scanner has seen
        AnswerToken token;
    };
    std::deque<HeldToken> held;  // tokens whose first byte may yet not belong to the answer
    Result result;
    bool has_ended = false;  // as result.finish says; on_done is not called yet
    Clock::time_point admitted = Clock::now();
};

namespace {

/// Ends a request that was never admitted.
void end_waiting(Request request, FinishReason reason, std::optional<Error> failure = std::nullopt) {
    Result result;
    result.finish = reason;
    result.prompt_tokens = request.tokens.size();
    result.failure = std::move(failure);
    if (request.on_done) request.on_done(std::move(result));
}

}  // namespace

Scheduler::Scheduler(const engine::Model& model, engine::Session& session, std::size_t score_bytes)
    : lane_(session), model_(model), slots_(lane_.sequence_count()), score_cache_(score_bytes) {}

Scheduler::~Scheduler() = default;

std::size_t Scheduler::running() const {
    return static_cast<std::size_t>(
        std::count_if(slots_.begin(), slots_.end(), [](const auto& s) { return s != nullptr; }));
}

std::size_t Scheduler::waiting() const { return queue_.size(); }

Ticket Scheduler::submit(Request request) {
    check(request, model_.info().vocabulary_size);
    request.constant = std::min(request.constant, request.tokens.size() - 1);
    const Lane::Claim claim = claim_of(request);
    if (lane_.needed(claim) > lane_.room()) {
        throw error(
            ErrorKind::ContextFull,
            "the query has {} tokens and the answer may take {}: the context has room for {} beside the prompt's "
            "constant part; use a larger context or fewer new tokens",
            lane_.needed(claim) - claim.answer, claim.answer, lane_.room());
    }
    queue_.push_back({++last_ticket_, std::move(request)});
    return last_ticket_;
}

bool Scheduler::cancel(Ticket ticket) {
    for (const auto& slot : slots_) {
        if (!slot || slot->ticket != ticket || slot->has_ended) continue;
        end(*slot, FinishReason::Cancelled);
        if (!is_stepping_) clear_ended();
        return true;
    }
    const auto queued =
        std::find_if(queue_.begin(), queue_.end(), [&](const Waiting& waiting) { return waiting.ticket == ticket; });
    if (queued == queue_.end()) return false;
    Request request = std::move(queued->request);
    queue_.erase(queued);
    end_waiting(std::move(request), FinishReason::Cancelled);
    return true;
}

void Scheduler::pin(std::span<const Token> tokens) { lane_.pin(tokens); }

bool Scheduler::step() {
    admit();
    lane_.clear();
    fill_batch();
    if (lane_.rows() == 0) return false;
    is_stepping_ = true;
    try {
        compute();
    } catch (const engine::Cancelled&) {
        is_stepping_ = false;
        end_all();
        return false;
    }
    is_stepping_ = false;
    clear_ended();
    return true;
}

void Scheduler::compute() {
    try {
        lane_.run();
    } catch (const engine::Cancelled&) {
        throw;
    } catch (const Error& failure) {
        fail_batch(failure);
        return;
    }
    use_logits();
    keep_scores();
    for (const auto& slot : slots_) {
        if (slot && !slot->writes() && !slot->reading()) end(*slot, FinishReason::Length);
    }
}

/// The engine does not say which of the rows was to blame.
void Scheduler::fail_batch(const Error& failure) {
    for (const auto& slot : slots_) {
        if (slot) fail(*slot, failure);
    }
}

void Scheduler::end_all() {
    for (const auto& slot : slots_) {
        if (slot) end(*slot, FinishReason::Cancelled);
    }
    clear_ended();
    while (!queue_.empty()) cancel(queue_.front().ticket);
}

/// First come, first served: what has to wait for cells is not overtaken. What waits for another one's beginning has
/// its sequence, and so loses nothing to those that begin meanwhile.
void Scheduler::admit() {
    std::size_t waiting = 0;  // for the beginnings of others
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        while (!slots_[i] && waiting < queue_.size()) {
            if (awaits_beginning(queue_[waiting].request)) {
                ++waiting;
                break;
            }
            const Beginning beginning = begin(static_cast<int>(i), waiting);
            if (beginning == Beginning::Waits) return;
            if (beginning == Beginning::Ended) waiting = 0;  // its callback may have changed the queue
        }
    }
}

Lane::Claim Scheduler::claim_of(const Request& request) const {
    Lane::Claim claim{request.tokens, request.constant, static_cast<std::size_t>(request.sampling.max_tokens)};
    // The logits behind a shared token are not computed: the next token's score must be known.
    if (request.prompt_scores) claim.most = score_cache_.known(request.tokens, *request.prompt_scores) - 1;
    return claim;
}

/// Whether another request is reading what this one would have to read too.
bool Scheduler::awaits_beginning(const Request& request) const {
    if (!lane_.session().shares_running()) return false;
    std::optional<std::size_t> shareable;
    for (const auto& slot : slots_) {
        if (!slot || slot->has_ended || !slot->reading()) continue;
        const Request& other = slot->request;
        if (request.prompt_scores && other.prompt_scores.value_or(-1) < *request.prompt_scores) continue;
        std::size_t common =
            engine::common_length(std::span(request.tokens).first(request.tokens.size() - 1), other.tokens);
        if (request.prompt_scores && common > 0) --common;  // the row before the first other token has to be scored
        if (common < slot->shared + engine::kLeastFromRunning || common <= slot->next_prompt_token) continue;
        if (!shareable) shareable = lane_.session().shareable(request.tokens, claim_of(request).most).tokens;
        if (common > *shareable) return true;
    }
    return false;
}

/// Of the request at this place of the queue.
Scheduler::Beginning Scheduler::begin(int sequence, std::size_t place) {
    std::optional<std::size_t> known;
    std::optional<Error> failure;
    FinishReason reason = FinishReason::Failed;
    try {
        known = lane_.begin(sequence, claim_of(queue_[place].request));
        if (!known) return Beginning::Waits;
    } catch (const engine::Cancelled&) {
        reason = FinishReason::Cancelled;
    } catch (const Error& problem) {
        failure = problem;
    }
    Waiting first = std::move(queue_[place]);
    queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(place));
    if (!known) {
        end_waiting(std::move(first.request), reason, std::move(failure));
        return Beginning::Ended;
    }
    std::vector<Token> ends;
    if (first.request.steering.min_tokens > 0) {
        ends = first.request.steering.stop_tokens;
        ends.insert(ends.end(), end_tokens().begin(), end_tokens().end());
    }
    auto slot = std::make_unique<Slot>(std::move(first), sequence, model_.info().vocabulary_size, std::move(ends));
    slot->next_prompt_token = slot->shared = *known;
    slot->result.prompt_tokens = slot->request.tokens.size();
    if (const std::optional<int> top = slot->request.prompt_scores) {
        slot->result.prompt_scores.resize(slot->request.tokens.size());
        slot->scored = score_cache_.read(slot->request.tokens, *top, slot->result.prompt_scores);
    }
    slots_[static_cast<std::size_t>(sequence)] = std::move(slot);
    return Beginning::Begun;
}

const std::vector<Token>& Scheduler::end_tokens() {
    if (!end_tokens_.empty()) return end_tokens_;
    const auto count = static_cast<Token>(model_.info().vocabulary_size);
    for (Token token = 0; token < count; ++token) {
        if (model_.ends_generation(token)) end_tokens_.push_back(token);
    }
    return end_tokens_;
}

void Scheduler::add_row(Slot& slot, Token token, std::optional<std::size_t> scored, bool chooses) {
    const bool wants_logits = scored || chooses;
    lane_.add(slot.sequence, token, wants_logits);
    row_uses_.push_back({wants_logits ? &slot : nullptr, scored.value_or(0)});
}

/// Rows of answers, then of prompts: those that came first.
void Scheduler::fill_batch() {
    row_uses_.clear();
    std::vector<Slot*> readers;
    for (const auto& slot : slots_) {
        if (!slot) continue;
        if (slot->reading()) {
            readers.push_back(slot.get());
        } else if (lane_.free_rows() > 0 && lane_.free_logit_rows() > 0) {
            add_row(*slot, slot->result.token_ids.back(), {}, /*chooses=*/true);
        }
    }
    std::ranges::sort(readers, {}, &Slot::ticket);
    for (std::size_t i = 0; i < readers.size(); ++i) read_on(*readers[i], readers.size() - i - 1);
}

/// A prompt that is scored leaves a row with logits to each reader behind it, where there are so many.
void Scheduler::read_on(Slot& slot, std::size_t readers_behind) {
    const std::vector<Token>& tokens = slot.request.tokens;
    const std::size_t most = lane_.free_logit_rows();
    std::size_t left = most > readers_behind ? most - readers_behind : std::min<std::size_t>(most, 1);
    while (slot.reading() && lane_.free_rows() > 0) {
        const std::size_t next = slot.next_prompt_token + 1;
        const bool is_last = next == tokens.size();
        const bool scores = !is_last && slot.request.prompt_scores && !slot.result.prompt_scores[next];
        const bool chooses = is_last && slot.writes();
        if ((scores || chooses) && left-- == 0) break;
        add_row(slot, tokens[slot.next_prompt_token++], scores ? std::optional(next) : std::nullopt, chooses);
    }
}

/// Scores and next tokens, side by side.
void Scheduler::use_logits() {
    struct Reading {
        RowUse use;
        std::span<const float> logits;
        ArgMax chosen;
        std::optional<TokenScore> score;
        std::optional<Error> failure;
    };
    const bool gives_best = lane_.session().gives_best();
    std::vector<Reading> readings;
    for (std::size_t row = 0; row < row_uses_.size(); ++row) {
        if (row_uses_[row].slot == nullptr) continue;
        Reading& reading = readings.emplace_back();
        reading.use = row_uses_[row];
        if (gives_best) {
            try {
                const engine::Best best = lane_.session().best(row);
                reading.chosen = {.token = best.token, .gap = best.gap};
            } catch (const Error& failure) {
                reading.failure = failure;
            }
        } else {
            reading.logits = lane_.session().logits(row);
        }
    }
    // A session that gives no logits is one for requests that need none.
    const std::size_t to_read = gives_best ? 0 : readings.size();
    for_each_parallel(to_read, lane_.session().threads(), [&](std::size_t i) {
        Reading& reading = readings[i];
        const Request& request = reading.use.slot->request;
        try {
            const bool chooses = reading.use.scored == 0;
            if (chooses) {
                reading.chosen = reading.use.slot->sampler.choose(reading.logits, request.constraint.get());
            }
            const Token token = chooses ? reading.chosen.token : request.tokens[reading.use.scored];
            if (const std::optional<int> top = chooses ? request.scores : request.prompt_scores) {
                reading.score = logits::score_row(reading.logits, token, static_cast<std::size_t>(*top));
            }
        } catch (const Error& failure) {
            reading.failure = failure;
        }
    });
    for (Reading& reading : readings) {
        Slot& slot = *reading.use.slot;
        if (slot.has_ended) continue;  // another one's callback has cancelled it
        if (reading.failure) {
            fail(slot, *reading.failure);
        } else if (reading.use.scored > 0) {
            slot.result.prompt_scores[reading.use.scored] = std::move(reading.score);
        } else {
            accept(slot, reading.chosen, std::move(reading.score));
        }
    }
}

/// For those who wait for them, and for later prompts. Not where neither may have anything of this request.
void Scheduler::keep_scores() {
    for (const auto& slot : slots_) {
        if (!slot || !slot->request.prompt_scores) continue;
        if (!slot->request.keep && !lane_.session().shares_running()) continue;
        const std::vector<std::optional<TokenScore>>& scores = slot->result.prompt_scores;
        const std::size_t before = slot->scored;
        while (slot->scored < scores.size() && scores[slot->scored]) ++slot->scored;
        if (slot->scored == before) continue;
        score_cache_.write(std::span(slot->request.tokens).first(slot->scored), *slot->request.prompt_scores,
                           std::span(scores).first(slot->scored));
    }
}

void Scheduler::accept(Slot& slot, const ArgMax& chosen, std::optional<TokenScore> score) {
    Result& result = slot.result;
    if (result.token_ids.empty()) result.first_token_seconds = slot.seconds();
    if (chosen.gap < kNearTieGap) result.near_ties.push_back({result.token_ids.size(), chosen.gap});
    result.token_ids.push_back(chosen.token);
    if (slot.request.constraint) slot.request.constraint->accept(chosen.token);
    ++generated_tokens_;
    const Steering& steering = slot.request.steering;
    const bool ends = model_.ends_generation(chosen.token) && !steering.ignore_end;
    if (ends || std::ranges::find(steering.stop_tokens, chosen.token) != steering.stop_tokens.end()) {
        result.stopped_by = model_.piece(chosen.token, /*special=*/true);
        result.stop_token = chosen.token;
        result.stop_score = std::move(score);
        end(slot, FinishReason::Stop);
        return;
    }
    const bool wanted = take_text(slot, chosen.token, std::move(score));
    if (slot.scanner.end() != prompt::AnswerScanner::End::None) {
        result.stopped_by = slot.scanner.matched();
        end(slot, FinishReason::Stop);
    } else if (!wanted) {
        end(slot, FinishReason::Cancelled);
    } else if (result.token_ids.size() == static_cast<std::size_t>(slot.request.sampling.max_tokens)) {
        end(slot, FinishReason::Length);
    }
}

/// The text of the newest token goes through the scanner; false, where the caller wants no more.
bool Scheduler::take_text(Slot& slot, Token token, std::optional<TokenScore> score) {
    const Steering& steering = slot.request.steering;
    std::string bytes = model_.piece(token, steering.special_text);
    const bool may_end = slot.result.token_ids.size() > static_cast<std::size_t>(steering.min_tokens);
    std::string sure = may_end ? slot.scanner.push(bytes) : slot.scanner.pass(bytes);
    slot.held.push_back({slot.pushed, {token, bytes, std::move(score)}});
    slot.pushed += bytes.size();
    if (steering.include_stop) sure += slot.scanner.matched_stop();
    return deliver(slot, sure, /*is_all=*/false);
}

/// Hands out text, and the tokens that begin in what the scanner has released. `is_all`: nothing more will come.
bool Scheduler::deliver(Slot& slot, std::string_view text, bool is_all) {
    slot.undelivered += text;
    const std::size_t complete = is_all ? slot.undelivered.size() : complete_utf8_length(slot.undelivered);
    Piece piece;
    piece.text = replace_invalid_utf8(std::string_view(slot.undelivered).substr(0, complete));
    slot.undelivered.erase(0, complete);
    const std::size_t sure = slot.sure_size();
    while (!slot.held.empty()) {
        Slot::HeldToken& first = slot.held.front();
        if (first.token.bytes.empty() ? first.begin > sure : first.begin >= sure) break;
        piece.tokens.push_back(std::move(first.token));
        slot.held.pop_front();
    }
    slot.result.text += piece.text;
    const bool wanted = !slot.request.on_piece || slot.request.on_piece(piece);
    std::ranges::move(piece.tokens, std::back_inserter(slot.result.tokens));
    return wanted;
}

void Scheduler::fail(Slot& slot, const Error& failure) {
    if (slot.has_ended) return;
    slot.result.failure = failure;
    end(slot, FinishReason::Failed);
}

/// No more tokens for this one; the rest when the step is over.
void Scheduler::end(Slot& slot, FinishReason reason) {
    if (slot.has_ended) return;
    slot.has_ended = true;
    slot.result.finish = reason;
}

void Scheduler::clear_ended() {
    for (auto& slot : slots_) {
        if (slot && slot->has_ended) finish(std::move(slot));
    }
}

void Scheduler::finish(std::unique_ptr<Slot> slot) {
    const bool keeps = slot->request.keep && slot->result.finish != FinishReason::Failed;
    lane_.end(slot->sequence, keeps ? engine::Afterwards::Keep : engine::Afterwards::Forget);
    const bool is_open = slot->scanner.end() == prompt::AnswerScanner::End::None;
    const std::string rest = is_open ? slot->scanner.finish() : std::string();
    if (is_open || !slot->undelivered.empty()) deliver(*slot, rest, /*is_all=*/true);
    slot->result.completion_tokens = slot->result.token_ids.size();
    slot->result.seconds = slot->seconds();
    if (slot->request.on_done) slot->request.on_done(std::move(slot->result));
}

}  // namespace urial::generate
