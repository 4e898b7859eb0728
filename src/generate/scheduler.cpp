// Continuous batching. Every sequence of the session is free, reading its prompt or writing its answer; one step is one
// decode with a row for each writer and as many prompt rows as the batch takes. The rows of a prompt need no logits but
// for its last, and so cost little more than a third of a writer's row: they ride along and no one waits for them.

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"
#include "generate/generate.h"
#include "generate/sampling.h"

namespace urial::generate {

using Clock = std::chrono::steady_clock;

struct Scheduler::Slot {
    Slot(Request&& from, int sequence_index, std::size_t vocabulary_size)
        : request(std::move(from)),
          sequence(sequence_index),
          sampler(request.sampling, request.id, request.tokens, vocabulary_size),
          scanner(request.answer_form, request.sampling.stop) {}

    double seconds() const { return std::chrono::duration<double>(Clock::now() - admitted).count(); }
    bool reading() const { return next_prompt_token < request.tokens.size(); }

    Request request;
    int sequence;
    std::size_t reserved = 0;
    std::size_t next_prompt_token = 0;  // index into request.tokens; beyond the end: writing
    Sampler sampler;
    prompt::AnswerScanner scanner;
    std::string undelivered;  // sure to belong to the answer, but ends inside a UTF-8 character
    Result result;
    Clock::time_point admitted = Clock::now();
};

Scheduler::Scheduler(const engine::Model& model, engine::Session& session)
    : session_(session), model_(model), slots_(static_cast<std::size_t>(session.sequence_count())) {}

Scheduler::~Scheduler() = default;

std::size_t Scheduler::running() const {
    return static_cast<std::size_t>(
        std::count_if(slots_.begin(), slots_.end(), [](const auto& s) { return s != nullptr; }));
}

std::size_t Scheduler::waiting() const { return queue_.size(); }

std::size_t Scheduler::cells(const Request& request) const {
    return request.tokens.size() - request.shared + static_cast<std::size_t>(request.sampling.max_tokens);
}

void Scheduler::submit(Request request) {
    check(request.sampling);
    if (request.tokens.empty()) throw Error(ErrorKind::BadInput, "the prompt is empty: there is nothing to continue");
    request.shared = session_.shareable(std::min(request.shared, request.tokens.size() - 1));
    const auto room = static_cast<std::size_t>(session_.context_tokens()) - session_.prefix_length();
    if (cells(request) > room) {
        throw error(
            ErrorKind::ContextFull,
            "the query has {} tokens and the answer may take {}: the context has room for {} beside the prompt's "
            "constant part; use a larger context or fewer new tokens",
            request.tokens.size() - request.shared, request.sampling.max_tokens, room);
    }
    queue_.push_back(std::move(request));
}

bool Scheduler::cancel(std::uint64_t id) {
    for (const auto& slot : slots_) {
        if (slot && slot->request.id == id) {
            finish(*slot, FinishReason::Cancelled);
            return true;
        }
    }
    const auto queued = std::find_if(queue_.begin(), queue_.end(), [&](const Request& r) { return r.id == id; });
    if (queued == queue_.end()) return false;
    const Request request = std::move(*queued);
    queue_.erase(queued);
    Result result;
    result.finish = FinishReason::Cancelled;
    result.prompt_tokens = request.tokens.size();
    if (request.on_done) request.on_done(std::move(result));
    return true;
}

bool Scheduler::step() {
    admit();
    fill_batch();
    if (rows_.empty()) return false;
    try {
        session_.decode(rows_);
    } catch (const engine::Cancelled&) {
        end_all();
        return false;
    }
    choose_tokens();
    return true;
}

void Scheduler::end_all() {
    for (const auto& slot : slots_) {
        if (slot) finish(*slot, FinishReason::Cancelled);
    }
    while (!queue_.empty()) cancel(queue_.front().id);
}

void Scheduler::admit() {
    const auto room = static_cast<std::size_t>(session_.context_tokens()) - session_.prefix_length();
    for (std::size_t i = 0; i < slots_.size() && !queue_.empty(); ++i) {
        if (slots_[i]) continue;
        const std::size_t needed = cells(queue_.front());
        if (reserved_tokens_ + needed > room) return;  // first come, first served: a long request is not starved
        const int sequence = static_cast<int>(i);
        slots_[i] = std::make_unique<Slot>(std::move(queue_.front()), sequence, model_.info().vocabulary_size);
        queue_.pop_front();
        Slot& slot = *slots_[i];
        slot.reserved = needed;
        reserved_tokens_ += needed;
        slot.next_prompt_token = session_.reset(sequence, slot.request.shared);
        slot.result.prompt_tokens = slot.request.tokens.size();
    }
}

void Scheduler::fill_batch() {
    rows_.clear();
    row_owner_.clear();
    const auto most_rows = static_cast<std::size_t>(session_.batch_rows());
    auto most_logits = static_cast<std::size_t>(session_.logit_rows());
    const auto add = [&](Slot& slot, Token token, bool wants_logits) {
        rows_.push_back({slot.sequence, token, wants_logits});
        row_owner_.push_back(wants_logits ? &slot : nullptr);
        if (wants_logits) --most_logits;
    };
    for (const auto& slot : slots_) {
        if (!slot || slot->reading() || rows_.size() == most_rows || most_logits == 0) continue;
        add(*slot, slot->result.token_ids.back(), true);
    }
    for (const auto& slot : slots_) {
        if (!slot || !slot->reading()) continue;
        const std::vector<Token>& tokens = slot->request.tokens;
        while (slot->reading() && rows_.size() < most_rows) {
            const bool last = slot->next_prompt_token + 1 == tokens.size();
            if (last && most_logits == 0) break;
            add(*slot, tokens[slot->next_prompt_token++], last);
        }
    }
}

void Scheduler::choose_tokens() {
    std::vector<std::size_t> wanted;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
        if (row_owner_[row] != nullptr) wanted.push_back(row);
    }
    std::vector<ArgMax> chosen(wanted.size());
    std::vector<std::span<const float>> logits(wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) logits[i] = session_.logits(wanted[i]);
    for_each_parallel(wanted.size(), 0, [&](std::size_t i) {
        Slot& slot = *row_owner_[wanted[i]];
        chosen[i] = slot.sampler.choose(logits[i], slot.request.constraint.get());
    });
    for (std::size_t i = 0; i < wanted.size(); ++i) accept(*row_owner_[wanted[i]], chosen[i]);
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
        finish(slot, FinishReason::Stop);
        return;
    }
    const bool wanted = deliver(slot, slot.scanner.push(model_.piece(chosen.token)));
    if (slot.scanner.end() != prompt::AnswerScanner::End::None) {
        result.stopped_by = slot.scanner.matched();
        finish(slot, FinishReason::Stop);
    } else if (!wanted) {
        finish(slot, FinishReason::Cancelled);
    } else if (result.token_ids.size() == static_cast<std::size_t>(slot.request.sampling.max_tokens)) {
        finish(slot, FinishReason::Length);
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

void Scheduler::finish(Slot& slot, FinishReason reason) {
    if (slot.scanner.end() == prompt::AnswerScanner::End::None) deliver(slot, slot.scanner.finish());
    if (!slot.undelivered.empty()) {
        const std::string rest = replace_invalid_utf8(std::exchange(slot.undelivered, {}));
        slot.result.text += rest;
        if (slot.request.on_text) slot.request.on_text(rest);
    }
    Result result = std::move(slot.result);
    result.finish = reason;
    result.completion_tokens = result.token_ids.size();
    result.seconds = slot.seconds();
    const auto on_done = std::move(slot.request.on_done);
    release(slot.sequence);
    if (on_done) on_done(std::move(result));
}

void Scheduler::release(int sequence) {
    std::unique_ptr<Slot>& slot = slots_[static_cast<std::size_t>(sequence)];
    reserved_tokens_ -= slot->reserved;
    slot.reset();
    session_.reset(sequence, 0);
}

}  // namespace urial::generate
