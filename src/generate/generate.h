#pragma once

// Answers from a model: sampling, the end of an answer, continuous batching of many requests over one shared prefix.
// A Scheduler belongs to the thread that owns its session. Nothing here prints.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/grammar.h"
#include "generate/lane.h"
#include "generate/prompt_source.h"
#include "generate/request.h"
#include "generate/score_cache.h"
#include "prompt/prompt.h"

namespace urial::generate {

/// The index of the largest value (the smallest index of equals) and its lead over the second largest.
/// NaN anywhere throws Error{Model}. Vectorised for AVX2 and AVX-512, chosen at run time.
struct ArgMax {
    Token token = 0;
    float value = 0;
    float gap = 0;
};
ArgMax arg_max(std::span<const float> logits);

/// A prompt made ready for one model: its constant prefix in tokens, cut where the tokenizer's boundary is stable.
class PreparedPrompt {
public:
    PreparedPrompt(std::shared_ptr<const engine::Model> model, std::shared_ptr<const PromptSource> source);
    PreparedPrompt(std::shared_ptr<const engine::Model> model, prompt::PromptSpec spec);

    const PromptSource& source() const { return *source_; }
    const engine::Model& model() const { return *model_; }
    /// Tokens that every rendered conversation begins with (BOS included where the model wants one); empty where the
    /// source has no prefix worth it.
    const std::vector<Token>& prefix() const { return prefix_; }
    /// The whole conversation in tokens, prompt and query tokenised together.
    std::vector<Token> tokenize(const prompt::Conversation& conversation) const {
        return source_->tokenize(*model_, conversation);
    }
    /// The tokens of a given answer behind `prompt` (which is tokenize(conversation)): as the end of the whole text's
    /// tokens where these begin with the prompt's, else tokenised on its own.
    std::vector<Token> answer_tokens(const prompt::Conversation& conversation, const std::vector<Token>& prompt,
                                     std::string_view answer) const;
    /// How many tokens of `tokens` the prefix covers (all of it, but for a query that changes the tokens at the
    /// boundary).
    std::size_t shared_length(const std::vector<Token>& tokens) const;

private:
    std::shared_ptr<const engine::Model> model_;
    std::shared_ptr<const PromptSource> source_;
    std::vector<Token> prefix_;
};

enum class Overflow { Error, DropOldest };

/// Fits a conversation into `room` tokens, prompt and `reserve` new tokens included. DropOldest drops whole turns,
/// oldest first, never the prefix nor the query. Returns how many went; throws Error{ContextFull} with the numbers.
struct FittedConversation {
    std::vector<Token> tokens;
    std::size_t dropped_turns = 0;
};
FittedConversation fit(const PreparedPrompt& prompt, prompt::Conversation conversation, std::size_t room,
                       std::size_t reserve, Overflow overflow);

/// A request that a Scheduler has taken.
using Ticket = std::uint64_t;

/// Runs requests over the sequences of one session. Each step() is one decode: one row for every answer that is under
/// way and the next rows of prompts that wait, so that prefill rides along with decoding. A request is admitted when a
/// sequence is free and the cells for its whole answer are, so that no answer runs out of context on the way. A request
/// whose tokens begin as those of one that is reading its prompt waits with a sequence of its own until these are read,
/// and shares them; others may begin meanwhile, if there are sequences left. What goes wrong with one request ends that
/// one, as FinishReason::Failed.
class Scheduler {
public:
    /// Where scores of prompts are kept, in bytes.
    static constexpr std::size_t kScoreBytes = 64'000'000;

    /// `model` must be the session's, which has no other user that starts sequences.
    Scheduler(const engine::Model& model, engine::Session& session, std::size_t score_bytes = kScoreBytes);
    ~Scheduler();

    /// Queued in order. Throws Error{ContextFull} when it could never fit, Error{BadInput} for an empty prompt.
    Ticket submit(Request request);
    /// Takes a request out, queued or running; its on_done gets FinishReason::Cancelled, at once or, during a step(),
    /// at its end. False: it has ended.
    bool cancel(Ticket ticket);
    /// Makes sure that the session has the tokens as a prefix that stays. Throws what Session::pin() throws, and
    /// Error{ContextFull} where the running requests leave no room.
    void pin(std::span<const Token> tokens);
    /// One batch. Returns false when nothing is left to do, and when the session's Watch ended it: every request,
    /// queued or running, has then ended with FinishReason::Cancelled.
    bool step();
    void run() {
        while (step()) {
        }
    }

    std::size_t running() const;
    std::size_t waiting() const;
    /// Tokens chosen since the scheduler was made.
    std::uint64_t generated_tokens() const { return generated_tokens_; }

private:
    struct Slot;
    struct Waiting {
        Ticket ticket;
        Request request;
    };
    Lane lane_;
    const engine::Model& model_;
    std::deque<Waiting> queue_;
    std::vector<std::unique_ptr<Slot>> slots_;  // one per sequence; null where free
    Ticket last_ticket_ = 0;
    std::uint64_t generated_tokens_ = 0;
    std::vector<Token> end_tokens_;  // found when they are asked for
    ScoreCache score_cache_;
    struct RowUse {
        Slot* slot = nullptr;    // null: the row wants no logits
        std::size_t scored = 0;  // the token of the prompt whose score the logits are; 0: they choose the next token
    };
    std::vector<RowUse> row_uses_;  // of the batch
    bool is_stepping_ = false;      // slots stay until the end of the step

    void compute();
    void admit();
    const std::vector<Token>& end_tokens();
    Lane::Claim claim_of(const Request& request) const;
    bool awaits_beginning(const Request& request) const;
    enum class Beginning { Begun, Ended, Waits };
    Beginning begin(int sequence, std::size_t place);
    void add_row(Slot& slot, Token token, std::optional<std::size_t> scored, bool chooses);
    void fill_batch();
    void read_on(Slot& slot, std::size_t readers_behind);
    void use_logits();
    void keep_scores();
    void accept(Slot& slot, const ArgMax& chosen, std::optional<TokenScore> score);
    bool take_text(Slot& slot, Token token, std::optional<TokenScore> score);
    bool deliver(Slot& slot, std::string_view text, bool is_all);
    void end(Slot& slot, FinishReason reason);
    void fail(Slot& slot, const Error& failure);
    void clear_ended();
    void finish(std::unique_ptr<Slot> slot);
    void fail_batch(const Error& failure);
    void end_all();
};

}  // namespace urial::generate
