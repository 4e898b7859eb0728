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
    check(request, model_.info().vocabulary_size);
    if (request.scores || request.prompt_scores) throw Error(ErrorKind::BadInput, "scores cannot be given yet");
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
    choose_tokens();
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
    std::vector<Token> ends;
    if (first.request.steering.min_tokens > 0) {
        ends = first.request.steering.stop_tokens;
        ends.insert(ends.end(), end_tokens().begin(), end_tokens().end());
    }
    auto slot = std::make_unique<Slot>(std::move(first), sequence, model_.info().vocabulary_size, std::move(ends));
    slot->next_prompt_token = *known;
    slot->result.prompt_tokens = slot->request.tokens.size();
    slots_[static_cast<std::size_t>(sequence)] = std::move(slot);
    return true;
}

const std::vector<Token>& Scheduler::end_tokens() {
    if (!end_tokens_.empty()) return end_tokens_;
    const auto count = static_cast<Token>(model_.info().vocabulary_size);
    for (Token token = 0; token < count; ++token) {
        if (model_.ends_generation(token)) end_tokens_.push_back(token);
    }
    return end_tokens_;
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
            const bool chooses = slot->next_prompt_token + 1 == tokens.size() && slot->writes();
            if (chooses && lane_.free_logit_rows() == 0) break;
            add(*slot, tokens[slot->next_prompt_token++], chooses);
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
    const Steering& steering = slot.request.steering;
    const bool ends = model_.ends_generation(chosen.token) && !steering.ignore_end;
    if (ends || std::ranges::find(steering.stop_tokens, chosen.token) != steering.stop_tokens.end()) {
        result.stopped_by = model_.piece(chosen.token, /*special=*/true);
        result.stop_token = chosen.token;
        end(slot, FinishReason::Stop);
        return;
    }
    const bool wanted = take_text(slot, chosen.token);
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
bool Scheduler::take_text(Slot& slot, Token token) {
    const Steering& steering = slot.request.steering;
    std::string bytes = model_.piece(token, steering.special_text);
    const bool may_end = slot.result.token_ids.size() > static_cast<std::size_t>(steering.min_tokens);
    std::string sure = may_end ? slot.scanner.push(bytes) : slot.scanner.pass(bytes);
    slot.held.push_back({slot.pushed, {token, bytes, {}}});
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
