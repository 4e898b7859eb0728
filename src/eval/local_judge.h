#pragma once

// A judge in this process: a chat model from a GGUF, greedy, held to the reply's form by a grammar, so that every reply
// that ends can be read. Requests that are asked at the same time decode together; the constant beginning of a rubric's
// requests is decoded once (JudgeRequest::constant_bytes). docs/judging.md describes it.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "engine/chat_template.h"
#include "engine/engine.h"
#include "eval/judge.h"
#include "eval/reply_grammar.h"

namespace urial::eval {

struct LocalJudgeOptions {
    std::string name;                                   ///< what the records say; empty: the model's own name
    std::optional<engine::ChatTemplate> chat_template;  ///< nullopt: find_chat_template()
    int parallel = 8;                                   ///< requests that decode together; more wait for their turn
    int context_tokens = 16'384;  ///< cells for the constant part and all requests under way, replies included
    ReplyGrammarOptions grammar;
    engine::SessionOptions session;  ///< threads, flash attention, snapshots; the rest is decided here
};

/// Throws Error{BadInput} for a model without a chat template (a base model cannot judge), Error{Model} when the engine
/// has no room for the context. The judge owns a thread that computes; ask() blocks its caller, and must have
/// returned everywhere before the judge is destroyed. A request that is too long is a failure that no retry changes.
std::unique_ptr<Judge> open_local_judge(std::shared_ptr<const engine::Model> model, LocalJudgeOptions options = {});

}  // namespace urial::eval
