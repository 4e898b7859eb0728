#pragma once

// What a run of `shift` needs beside its numbers: the two sides opened from plain options, in this process or on
// servers, what a file of answers holds, and the summary files of the run's folder.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/prompts.h"
#include "shift/listed_side.h"
#include "shift/shift.h"

namespace urial::app {

struct SideChoice {
    std::string model;                  ///< a model spec, or servers (app/answerers.h)
    std::vector<std::string> adapters;  ///< FILE[:SCALE]
    std::string prompt;                 ///< as PromptChoice::prompt
};

struct PairChoice {
    SideChoice base{{}, {}, "zero-shot"};
    SideChoice aligned{{}, {}, std::string(kChatPrompt)};
    std::string chat_template;  ///< of sides whose prompt is kChatPrompt; empty: their models' own
    RetrievalChoice retrieval;  ///< of sides whose prompt is kRetrievalPrompt
    ModelChoice loading;        ///< of both, but for model and adapters
};

struct Pair {
    shift::Side base;
    shift::Side aligned;
};

/// Prompts and templates are read before a model is loaded. One model with different or no adapters on one side is
/// loaded once where that is possible. A form that the aligned model was hardly trained with is a warning. Throws
/// Error{BadInput|NotFound|Io|Model|Unavailable} and engine::Cancelled.
Pair open_pair(const PairChoice& choice, const Callbacks& callbacks);

/// The same where one side at least is on servers, which are asked what they are.
struct ListedPair {
    std::unique_ptr<shift::ListedSide> base;
    std::unique_ptr<shift::ListedSide> aligned;
};
ListedPair open_listed_pair(const PairChoice& choice, int parallel, const Callbacks& callbacks);

/// Opens the pair, in this process or on servers, and analyses the items.
shift::ShiftOutcome run_shift(const PairChoice& choice, const std::vector<shift::ShiftItem>& items,
                              const shift::ShiftOptions& options, const Callbacks& callbacks);

/// The answers of a file; what is left out of it is a warning.
std::vector<shift::ShiftItem> read_shift_answers(const std::filesystem::path& file, const Callbacks& callbacks);

/// What was found, in three sizes.
struct ShiftSummary {
    std::string headline;               ///< for a person
    nlohmann::ordered_json json;        ///< everything, docs/shift.md
    std::vector<std::string> warnings;  ///< which the headline has too
    std::filesystem::path details;      ///< summary.md, which has everything for a person
};
/// Reads the records of a finished run and writes summary.md and summary.json into its folder.
ShiftSummary summarize_shift_run(const std::filesystem::path& folder);

}  // namespace urial::app
