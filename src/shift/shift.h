#pragma once

// The token-distribution-shift analysis: two models, instructions or given answers -> a run folder with every statistic
// of every position (docs/shift.md). The statistics of one position are in shift/kernel.h; what a whole run says is in
// shift/summary.h. A run belongs to the thread that calls it.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/engine.h"
#include "generate/item_file.h"
#include "generate/prompt_source.h"
#include "prompt/prompt.h"
#include "shift/kernel.h"

namespace urial::shift {

/// One side of the comparison: a model and the prompt in which it sees an instruction. Both sides may share one model.
struct Side {
    std::shared_ptr<const engine::Model> model;
    bool use_adapters = true;  ///< false: the model without its adapters
    std::shared_ptr<const generate::PromptSource> prompt;
    std::string weight_type;  ///< of the model file: "Q4_K - Medium", "F32"
};

/// What a reader must know of the quantised weights that a run's manifest names; empty where there are none.
std::string quantisation_warning(const nlohmann::ordered_json& manifest);

/// One thing to analyse. An answer that is not given is generated greedily by the aligned model.
struct ShiftItem {
    std::string id;
    prompt::Conversation conversation;  ///< the query is empty where both prompts are given as tokens
    std::optional<std::string> answer_text;
    std::vector<Token> answer_ids;  ///< empty: not given
    std::vector<Token> base_prompt_ids;
    std::vector<Token> aligned_prompt_ids;
    bool answer_ended = false;      ///< the end-of-answer token follows answer_text
    nlohmann::ordered_json fields;  ///< what else the input says: tags are carried over into the record
    std::size_t line = 0;           ///< line or position in the file, from 1
};

/// Throws Error{BadInput} naming the item for one of `ids` outside a vocabulary of `size` tokens; `name` of the ids.
void check_ids(const ShiftItem& item, const std::vector<Token>& ids, const char* name, std::size_t size);

struct GivenAnswers : generate::LeftOut {
    std::vector<ShiftItem> items;
};

/// JSON array or JSON lines of instructions with their answers: `answer_ids` (and
/// `base_prompt_ids`, `aligned_prompt_ids`), or text in `answer` or `output` (a list of one text counts), with
/// `instruction`, `pure_input` or `messages`. Throws Error{BadInput} naming file and line, among others for an empty
/// answer.
GivenAnswers read_answers(const std::filesystem::path& path);
/// The same for instructions alone (generate/instructions.h says which files).
std::vector<ShiftItem> read_questions(const std::filesystem::path& path);

struct ShiftOptions {
    std::filesystem::path folder;                 ///< the run folder: manifest.json and records.jsonl
    bool overwrite = false;                       ///< start anew instead of resuming
    std::size_t top_k = 10;                       ///< of both lists in the records
    int parallel = 16;                            ///< answers at the same time, where the aligned model writes them
    int max_tokens = 1024;                        ///< of such an answer
    std::size_t allowed_vocabulary_mismatch = 0;  ///< token ids that may differ; only the others are compared then
    engine::SessionOptions session;               ///< threads and flash attention; the rest is decided here
    nlohmann::ordered_json origin;                ///< what the caller adds to the manifest
    std::function<bool()> interrupted;            ///< looked at between steps; true stops the run, what is done stays
    std::function<void(const struct ShiftProgress&)> progress;
    std::function<void(std::string_view)> notice;  ///< a line for the user: resuming, torn tail repaired
};

/// Of this run alone.
struct ScoreProgress {
    std::uint64_t positions = 0;    ///< scored
    double seconds = 0;             ///< since the sessions were ready
    double statistics_seconds = 0;  ///< of these: the kernel
    double base_seconds = 0;        ///< of these: forward passes of the base model
    double aligned_seconds = 0;     ///< of these: forward passes of the aligned model
};

struct ShiftProgress : ScoreProgress {
    std::size_t done = 0;  ///< records in the folder that count, those of earlier runs included
    std::size_t total = 0;
    std::size_t failed = 0;
};

struct ShiftOutcome {
    ShiftProgress progress;
    std::size_t resumed = 0;  ///< records that an earlier run had left
    std::size_t missing = 0;  ///< items without a record, as what is needed for it is not there yet
    bool interrupted = false;
};

/// Analyses every item that the folder has no record of. Throws Error{BadInput} for two vocabularies that differ, for
/// ids outside the vocabulary and for a folder of another pair (where overwrite is off), Error{Unavailable} when
/// another run writes there. An item that fails (too long for the context) becomes a record with `error`, is counted,
/// and is tried again by the next run.
ShiftOutcome run_shift(const Side& base, const Side& aligned, const std::vector<ShiftItem>& items,
                       const ShiftOptions& options);

/// Those of the items that `folder` has no record of, where a run of this identity is there; all of them where nothing
/// is. Throws Error{BadInput} where an item's position stands for another item there.
std::vector<const ShiftItem*> open_items(const nlohmann::ordered_json& identity, const std::vector<ShiftItem>& items,
                                         const std::filesystem::path& folder);

/// The two files of a run folder.
std::filesystem::path manifest_file(const std::filesystem::path& folder);
std::filesystem::path records_file(const std::filesystem::path& folder);

/// One row per position of every record, with a header; lists are left out. Throws Error{BadInput|Io}.
void write_csv(const std::filesystem::path& folder, const std::filesystem::path& output);

}  // namespace urial::shift
