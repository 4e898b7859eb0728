#pragma once

// What differs between the kinds of rubrics: what is judged, and how the reply about it is asked for, shown and read. A
// kind is one object without state in a file of its own (rubric_score.cpp and the like). A new one is such a file, its
// function below, and its line in the table of rubric_kind.cpp. Thread-safe.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "eval/record.h"

namespace urial::eval {

struct Rubric;
struct RubricAspect;

/// What the judge is shown and asked about.
enum class Subject { Answer, Pair, Instruction };

/// Each function gets a rubric of this kind and one of its aspects.
class RubricKind {
public:
    virtual ~RubricKind() = default;

    /// In a rubric's file.
    virtual std::string_view name() const = 0;
    virtual Subject subject() const = 0;
    /// The rubric's scale is part of the question.
    virtual bool has_scale() const { return false; }
    /// An aspect's entry is an object, which can be the whole reply where there is one aspect.
    virtual bool can_be_flat() const { return false; }
    /// What of an aspect cannot be in a rubric of this kind, for who wrote it.
    virtual std::optional<std::string> fault_of(const RubricAspect&) const { return std::nullopt; }

    /// One aspect's entry in the reply: its JSON schema, what of it a judge is shown, and what it says.
    virtual Json entry_schema(const Rubric& rubric, const RubricAspect& aspect) const = 0;
    virtual Json entry_form(const Rubric& rubric, const RubricAspect& aspect) const = 0;
    virtual Verdict read_entry(const Rubric& rubric, const RubricAspect& aspect, const Json& entry) const = 0;

    /// The reply around the object of entries: its schema, its form, and that object taken out of it again. Here the
    /// reply is that object.
    virtual Json reply_schema(Json entries) const;
    virtual Json reply_form(Json entries) const;
    virtual std::variant<Json, UnscoredReason> entries_of(Json reply) const;
};

const RubricKind& score_kind();             ///< {"aspect": {"reason": text, "score": number}, ...}
const RubricKind& pairwise_kind();          ///< {"aspect": {"reason": text, "preference": "A" | "B" | tie}, ...}
const RubricKind& pairwise_choices_kind();  ///< {"rationale": text, "choices": {"aspect": "A" | "B" | tie, ...}}
const RubricKind& tags_kind();              ///< {"aspect": ["label", ...]} or, where one label is asked, "label"

std::span<const RubricKind* const> rubric_kinds();

}  // namespace urial::eval
