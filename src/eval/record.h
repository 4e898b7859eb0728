#pragma once

// The values of an evaluation: what was asked, what was answered, what the judge said about it. Plain data; a run is a
// folder of two files that one process writes and any number read. docs/judging.md describes the files.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "eval/json.h"

namespace urial::eval {

struct Item {
    std::string id;  ///< numbers are kept as their decimal text
    std::string instruction;
    std::vector<std::string> follow_ups;  ///< the user's later turns (MT-bench: one)
    std::vector<std::string> references;  ///< reference answers, one per turn, where the data set has them
    std::string source_id;                ///< "lima-80"
    std::string dataset;                  ///< "koala"
    std::string category;                 ///< "regular", "safety", or MT-bench's category
    std::vector<std::string> task;
    std::vector<std::string> topic;
    std::string difficulty;
};

struct Answer {
    std::string output;
    std::vector<std::string> follow_ups;  ///< answers to the item's later turns
    std::string generator;
};

struct Score {
    double value = 0;  ///< on the aspect's scale
    std::string reason;
};

enum class Choice { A, B, Tie };
struct Preference {
    Choice choice = Choice::Tie;  ///< A is EvalRecord::answer, B is EvalRecord::other
    std::string reason;
};

struct Labels {
    std::vector<std::string> values;
};

/// The judge said "N/A" where the rubric allows it: read, but not a number.
struct NotApplicable {
    std::string reason;
};

/// Why a reply, or one value of it, is not a verdict. docs/judging.md lists what leads to which.
enum class UnscoredReason {
    Empty,
    NotText,
    Refusal,
    NoObject,
    SeveralObjects,
    NotAnObject,
    Truncated,
    InvalidJson,
    WrongKeys,
    WrongType,
    NotANumber,
    OutOfRange,
    NotApplicable,
    UnknownLabel,
    RequestFailed,
};
std::string_view name(UnscoredReason reason);  ///< "out of range"
/// Throws Error{BadInput} for a name that is none.
UnscoredReason parse_unscored_reason(std::string_view name);

struct Unscored {
    UnscoredReason reason = UnscoredReason::Empty;
    std::string raw;  ///< what could not be read; the record keeps the whole reply
};

using Verdict = std::variant<Score, Preference, Labels, NotApplicable, Unscored>;

struct AspectVerdict {
    std::string aspect;
    Verdict verdict;
};

/// One reply of one judge about one answer (or two).
struct EvalRecord {
    Item item;
    Answer answer;
    std::optional<Answer> other;  ///< pairwise only
    std::string rubric;
    std::string rubric_version;
    std::string judge;
    int turn = 1;                         ///< which turn of the conversation was judged, from 1
    std::vector<AspectVerdict> verdicts;  ///< one per aspect of the rubric, in its order
    std::string reply;                    ///< as received
    int attempts = 1;                     ///< requests sent for it
    std::vector<std::string> steering;    ///< rules of find_steering() that the answer fulfils

    /// nullptr where the record has no such aspect.
    const Verdict* find(std::string_view aspect) const;
};

Json to_json(const EvalRecord& record);
/// Throws Error{BadInput} naming the field.
EvalRecord record_from_json(const Json& json);

/// A run folder: manifest.json (what made it) and records.jsonl.
struct EvalRun {
    Json manifest;
    std::vector<EvalRecord> records;
    std::size_t repeated = 0;  ///< records that stand in the file again (by their `key`), left out
};
inline constexpr std::string_view kRunFormat = "urial.eval/1";  ///< the manifest's "format"
inline constexpr std::string_view kManifestFile = "manifest.json";
inline constexpr std::string_view kRecordsFile = "records.jsonl";
inline constexpr std::string_view kRawFile = "raw.jsonl";
inline constexpr std::string_view kLedgerFile = "ledger.jsonl";

/// Throws Error{NotFound|BadInput} when the folder is not a finished evaluation run.
EvalRun load_run(const std::filesystem::path& folder);
/// Throws Error{BadInput} when the folder holds a run already.
void save_run(const std::filesystem::path& folder, const EvalRun& run);

/// For who writes a whole run at once. Throws Error{BadInput} when the folder holds a run already, or records that no
/// manifest explains; what a killed write of the same `origin` left is no run.
void check_new_run(const std::filesystem::path& folder, const Json& origin);
/// `records` are whole JSON lines. Until all is on the disk the manifest says that the run is not finished; where that
/// fails nothing is left behind in a new folder.
void write_new_run(const std::filesystem::path& folder, Json manifest, std::string_view records);

/// Words between white space, as the original counts lengths (Unicode white space, like Python's split()).
std::size_t count_words(std::string_view text);

}  // namespace urial::eval
