#pragma once

// Who answers conversations, as a batch sees it: it hands questions over and gets texts back, and need not know whether
// a session in this process computes them. Belongs to one thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/engine.h"
#include "generate/generate.h"
#include "prompt/prompt.h"

namespace urial::generate {

struct Answer {
    Result result;
    std::size_t dropped_turns = 0;     ///< of the conversation, to make it fit (Overflow::DropOldest)
    nlohmann::ordered_json retrieved;  ///< PromptSource::retrieved()
    bool is_counted = true;            ///< false: whoever answered does not say how many tokens prompt and answer have
    bool is_timed = true;              ///< false: nor how long it took
};

struct Question {
    std::uint64_t id = 0;  ///< a part of the random seed
    prompt::Conversation conversation;
    SamplingOptions sampling;
    Overflow overflow = Overflow::Error;
    std::function<void(Answer&&)> on_done;  ///< called once, in step()
};

class Answerer {
public:
    virtual ~Answerer() = default;

    /// Who answers, in records: "gemma-3-270m+urial".
    virtual std::string generator() const = 0;
    /// What decides the answers beside question and sampling options: `model`, `adapters`, `prompt`.
    virtual nlohmann::ordered_json identity() const = 0;
    /// What may change their last digits: for manifests.
    virtual nlohmann::ordered_json circumstances() const = 0;
    /// What a run that goes on must say of the circumstances that an earlier manifest names, as a sentence; empty:
    /// nothing.
    virtual std::string change_since(const nlohmann::ordered_json& manifest) const = 0;

    /// Throws what would befall every question with these options: Error{BadInput|ContextFull}.
    virtual void check(const SamplingOptions& sampling) const = 0;
    /// Throws Error{BadInput|ContextFull} for a question that cannot be answered; it is not taken then.
    virtual void submit(Question question) = 0;
    /// After the submissions, before the first step(): makes ready what answers them, as large as they need it. Throws
    /// what makes all of them fail, and engine::Cancelled.
    virtual void prepare() = 0;
    /// Goes on for a moment; false when nothing is left to do.
    virtual bool step() = 0;
    /// New tokens so far.
    virtual std::uint64_t generated_tokens() const = 0;
};

struct LocalAnswererOptions {
    int parallel = 32;               ///< sequences at the same time
    int context_tokens = 0;          ///< the most tokens of one conversation, prompt and answer; 0: what the model was
                                     ///< trained for
    engine::SessionOptions session;  ///< threads, flash attention, snapshots; the rest is decided by the questions
};

/// A model in this process, under one prompt.
class LocalAnswerer final : public Answerer {
public:
    /// Throws Error{BadInput} for options out of range.
    LocalAnswerer(PreparedPrompt prompt, LocalAnswererOptions options);

    std::string generator() const override;
    nlohmann::ordered_json identity() const override;
    nlohmann::ordered_json circumstances() const override;
    std::string change_since(const nlohmann::ordered_json& manifest) const override;
    void check(const SamplingOptions& sampling) const override;
    void submit(Question question) override;
    void prepare() override;
    bool step() override;
    std::uint64_t generated_tokens() const override { return generated_tokens_; }

private:
    std::size_t room() const;
    engine::SessionOptions session_options() const;

    PreparedPrompt prompt_;
    LocalAnswererOptions options_;
    std::vector<Request> submitted_;  // until prepare()
    std::vector<std::size_t> needs_;  // of each, in cells beside the prefix
    std::unique_ptr<engine::Session> session_;
    std::optional<Scheduler> scheduler_;
    int sequences_ = 0;
    std::size_t cells_ = 0;
    std::uint64_t generated_tokens_ = 0;
};

}  // namespace urial::generate
