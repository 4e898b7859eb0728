// Continuous batching. Every sequence of the session is free, reading its prompt or writing its answer; one step is one
// decode with a row for each writer and as many prompt rows as the batch takes. The rows of a prompt need no logits but
// for its last, and so cost little more than a third of a writer's row: they ride along and no one waits for them.

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"
#include "generate/generate.h"
#include "generate/sampling.h"

namespace urial::generate {

using Clock = std::chrono::steady_clock;

struct Scheduler::Slot {
    Slot(Waiting&& from, int sequence_index, std::size_t vocabulary_size)
        : ticket(from.ticket),
          request(std::move(from.request)),
          sequence(sequence_index),
          sampler(request.sampling, request.id, request.tokens, vocabulary_size),
          scanner(request.answer_form, request.sampling.stop) {}

    double seconds() const { return std::chrono::duration<double>(Clock::now() - admitted).count(); }
    bool reading() const { return next_prompt_token < request.tokens.size(); }

    Ticket ticket;
    Request request;
    int sequence;
    std::size_t next_prompt_token = 0;  // index into request.tokens; beyond the end: writing
    Sampler sampler;
    prompt::AnswerScanner scanner;
    std::string undelivered;  // sure to belong to the answer, but ends inside a UTF-8 character
    Result result;
    bool has_ended = false;  // as result.finish says; on_done is not called yet
    Clock::time_point admitted = Clock::now();
};

namespace {

Lane::Claim claim_of(const Request& request) {
    return {request.tokens, request.constant, static_cast<std::size_t>(request.sampling.max_tokens)};
}

/// Ends a request that was never admitted.
void end_waiting(Request request, FinishReason reason, std::optional<Error> failure = std::nullopt) {
    Result result;
    result.finish = reason;
    result.prompt_tokens = request.tokens.size();
    result.failure = std::move(failure);
    if (request.on_done) request.on_done(std::move(result));
}

}  // namespace

Scheduler::Scheduler(const engine::Model& model, engine::Session& session)
    : lane_(session), model_(model), slots_(lane_.sequence_count()) {}

Scheduler::~Scheduler() = default;

std::size_t Scheduler::running() const {
    return static_cast<std::size_t>(
        std::count_if(slots_.begin(), slots_.end(), [](const auto& s) { return s != nullptr; }));
}

std::size_t Scheduler::waiting() const { return queue_.size(); }

Ticket Scheduler::submit(Request request) {
    check(request.sampling);
    if (request.tokens.empty()) throw Error(ErrorKind::BadInput, "the prompt is empty: there is nothing to continue");
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
    choose_tokens();
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

void Scheduler::admit() {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        while (!slots_[i] && !queue_.empty()) {
            if (!begin(static_cast<int>(i))) return;  // first come, first served: a long request is not starved
        }
    }
}

/// Takes the first request that waits; false, if it has to wait longer.
bool Scheduler::begin(int sequence) {
    std::optional<std::size_t> known;
    std::optional<Error> failure;
    FinishReason reason = FinishReason::Failed;
    try {
        known = lane_.begin(sequence, claim_of(queue_.front().request));
        if (!known) return false;
    } catch (const engine::Cancelled&) {
        reason = FinishReason::Cancelled;
    } catch (const Error& problem) {
        failure = problem;
    }
    Waiting first = std::move(queue_.front());
    queue_.pop_front();
    if (!known) {
        end_waiting(std::move(first.request), reason, std::move(failure));
        return true;
    }
    auto slot = std::make_unique<Slot>(std::move(first), sequence, model_.info().vocabulary_size);
    slot->next_prompt_token = *known;
    slot->result.prompt_tokens = slot->request.tokens.size();
    slots_[static_cast<std::size_t>(sequence)] = std::move(slot);
    return true;
}

void Scheduler::fill_batch() {
    row_owner_.clear();
    const auto add = [&](Slot& slot, Token token, bool wants_logits) {
        lane_.add(slot.sequence, token, wants_logits);
        row_owner_.push_back(wants_logits ? &slot : nullptr);
    };
    for (const auto& slot : slots_) {
        if (!slot || slot->reading() || lane_.free_rows() == 0 || lane_.free_logit_rows() == 0) continue;
        add(*slot, slot->result.token_ids.back(), true);
    }
    for (const auto& slot : slots_) {
        if (!slot || !slot->reading()) continue;
        const std::vector<Token>& tokens = slot->request.tokens;
        while (slot->reading() && lane_.free_rows() > 0) {
            const bool last = slot->next_prompt_token + 1 == tokens.size();
            if (last && lane_.free_logit_rows() == 0) break;
            add(*slot, tokens[slot->next_prompt_token++], last);
        }
    }
}

void Scheduler::choose_tokens() {
    struct Choice {
        Slot* slot;
        std::span<const float> logits;
        ArgMax chosen;
        std::optional<Error> failure;
    };
    std::vector<Choice> choices;
    for (std::size_t row = 0; row < row_owner_.size(); ++row) {
        if (row_owner_[row] != nullptr) choices.push_back({row_owner_[row], lane_.session().logits(row), {}, {}});
    }
    for_each_parallel(choices.size(), lane_.session().threads(), [&](std::size_t i) {
        Choice& choice = choices[i];
        try {
            choice.chosen = choice.slot->sampler.choose(choice.logits, choice.slot->request.constraint.get());
        } catch (const Error& failure) {
            choice.failure = failure;
        }
    });
    for (const Choice& choice : choices) {
        if (choice.slot->has_ended) continue;  // another one's callback has cancelled it
        if (choice.failure) {
            fail(*choice.slot, *choice.failure);
        } else {
            accept(*choice.slot, choice.chosen);
        }
    }
}

void Scheduler::accept(Slot& slot, const ArgMax& chosen) {
    Result& result = slot.result;
    if (result.token_ids.empty()) result.first_token_seconds = slot.seconds();
    if (chosen.gap < kNearTieGap) result.near_ties.push_back({result.token_ids.size(), chosen.gap});
    result.token_ids.push_back(chosen.token);
    if (slot.request.constraint) slot.request.constraint->accept(chosen.token);
    ++generated_tokens_;
    if (model_.ends_generation(chosen.token)) {
        result.stopped_by = model_.piece(chosen.token, /*special=*/true);
        end(slot, FinishReason::Stop);
        return;
    }
    const bool wanted = deliver(slot, slot.scanner.push(model_.piece(chosen.token)));
    if (slot.scanner.end() != prompt::AnswerScanner::End::None) {
        result.stopped_by = slot.scanner.matched();
        end(slot, FinishReason::Stop);
    } else if (!wanted) {
        end(slot, FinishReason::Cancelled);
    } else if (result.token_ids.size() == static_cast<std::size_t>(slot.request.sampling.max_tokens)) {
        end(slot, FinishReason::Length);
    }
}

bool Scheduler::deliver(Slot& slot, std::string_view text) {
    slot.undelivered += text;
    const std::size_t complete = complete_utf8_length(slot.undelivered);
    const std::string ready = replace_invalid_utf8(std::string_view(slot.undelivered).substr(0, complete));
    slot.undelivered.erase(0, complete);
    slot.result.text += ready;
    return !slot.request.on_text || slot.request.on_text(ready);
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
    if (slot->scanner.end() == prompt::AnswerScanner::End::None) deliver(*slot, slot->scanner.finish());
    if (!slot->undelivered.empty()) {
        const std::string rest = replace_invalid_utf8(std::exchange(slot->undelivered, {}));
        slot->result.text += rest;
        if (slot->request.on_text) slot->request.on_text(rest);
    }
    slot->result.completion_tokens = slot->result.token_ids.size();
    slot->result.seconds = slot->seconds();
    if (slot->request.on_done) slot->request.on_done(std::move(slot->result));
}

}  // namespace urial::generate
