#pragma once

// What a run folder needs of whoever scores its answers: two models in this process, or such that are known by their
// most likely tokens alone. Internal to this part. Belongs to one thread.

#include <functional>
#include <memory>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include "shift/listed_side.h"
#include "shift/score.h"
#include "shift/shift.h"

namespace urial::shift {

class AnswerScorer {
public:
    virtual ~AnswerScorer() = default;

    /// Throws Error{BadInput} for ids that a model does not have.
    virtual void check(const ShiftItem& item) const = 0;
    /// What decides the numbers beside items, top_k and max_tokens.
    virtual nlohmann::ordered_json identity() const = 0;
    /// What the manifest says beside that; what is computed here, and where else.
    virtual nlohmann::ordered_json circumstances() const = 0;
    /// What a run that goes on must say of the circumstances that an earlier manifest names, as a sentence; empty:
    /// nothing.
    virtual std::string change_since(const nlohmann::ordered_json& manifest) const = 0;
    /// Does anything of it run here, so that the number of threads means something?
    virtual bool computes_here() const = 0;
    /// Who answers, in records.
    virtual std::string generator() const = 0;
    /// The text of a token of an answer or a list; a control token by its name where `special`, else nothing.
    virtual std::string piece(Token token, bool special) const = 0;

    virtual int sequences(std::span<const ShiftItem* const> items, const ScoreOptions& options) const = 0;
    /// As Scorer::score().
    virtual void score(std::span<const ShiftItem* const> items, const ScoreOptions& options,
                       const std::function<void()>& ready, const Scorer::Done& done) = 0;
};

/// `options` are those of the run; all of them outlive the scorer.
std::unique_ptr<AnswerScorer> pair_scorer(const Side& base, const Side& aligned, const ShiftOptions& options);
std::unique_ptr<AnswerScorer> listed_scorer(ListedSide& base, ListedSide& aligned, const ShiftOptions& options);

/// `model`, `adapters` and `prompt` of a side, as manifests have them.
nlohmann::ordered_json describe(const Side& side, const generate::PreparedPrompt& prompt);
/// The engine's part of a run's identity, and of its circumstances.
void add_engine_identity(nlohmann::ordered_json& identity, const ShiftOptions& options);
nlohmann::ordered_json engine_circumstances(std::span<const Side* const> sides);

}  // namespace urial::shift
