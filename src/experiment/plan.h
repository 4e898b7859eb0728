#pragma once

// The steps of an experiment and where each keeps what it made. A step's key is a hash of all that decides its results;
// it is a part of its place, so that a change of the experiment begins new places, and what was made before stays.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/models.h"
#include "eval/eval.h"
#include "experiment/spec.h"
#include "generate/instructions.h"

namespace urial::experiment {

inline constexpr std::string_view kFormat = "urial.experiment/1";  ///< the manifest's "format"

enum class StepKind { Answers, Judging, Shift };

struct Step {
    StepKind kind = StepKind::Answers;
    std::size_t index = 0;          ///< of Spec::methods, or of Spec::pairs
    std::string name;               ///< "urial", "urial-aligned"
    std::string key;                ///< 8 hexadecimal digits
    std::string place;              ///< in the folder: "answers/urial-1a2b3c4d.jsonl"
    nlohmann::ordered_json inputs;  ///< what the key is of
    std::vector<std::string>
        changed;              ///< inputs that an earlier plan had otherwise; empty: none, or it had no such step
    std::string before;       ///< the place of that step; empty: there was none
    std::size_t total = 0;    ///< answers, judgements of one judge, or answers of a pair
    std::size_t done = 0;     ///< of them
    bool finished = false;    ///< there is nothing to do
    double seconds = 0;       ///< that it took, all runs together
    std::uint64_t units = 0;  ///< new tokens, requests or positions in that time
};
/// "answers", "judging", "shift"
std::string_view name(StepKind kind);

struct Plan {
    std::filesystem::path folder;
    std::vector<generate::Instruction> questions;
    std::string questions_hash;
    std::vector<Step> steps;         ///< in the order in which they are done
    nlohmann::ordered_json earlier;  ///< steps of earlier plans that are in none of `steps`
};

/// Reads the questions, and from the folder what is done. Throws Error{BadInput} for a folder that is something else,
/// and for a selection that leaves no question. Changes nothing.
Plan make_plan(const Spec& spec, const std::filesystem::path& folder);

/// The manifest of an experiment's folder, its fields of the types that write_plan() gives them. Throws
/// Error{BadInput|NotFound|Io}.
nlohmann::ordered_json read_manifest(const std::filesystem::path& folder);

/// Writes the manifest, with the experiment's own text beside it. Makes the folder where there is none.
void write_plan(const Spec& spec, const Plan& plan);

/// What the unfinished steps would take. What is not known is nullopt.
struct Estimate {
    std::optional<double> seconds;
    std::optional<std::uint64_t> most_tokens;  ///< new tokens of answers and of judges' replies, or positions
};
/// By the speed of steps of the same kind and model that this folder has finished, or begun.
Estimate estimate(const Spec& spec, const Plan& plan, const Step& step);

}  // namespace urial::experiment
