#pragma once

// A batch run: instructions in, one JSON record an answer out, resumable at any byte. See docs/generation.md and
// docs/file-formats.md. The records file is locked while the run lasts; a manifest beside it says what made it.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "generate/answerer.h"
#include "generate/instructions.h"

namespace urial::generate {

struct BatchOptions {
    std::filesystem::path output;  ///< the records, JSON lines
    bool overwrite = false;        ///< start anew instead of resuming
    int samples = 1;               ///< answers an instruction
    bool token_ids = false;        ///< records carry the generated ids
    std::string generator;         ///< who answers, in the records; empty: as the answerer names itself
    Overflow overflow = Overflow::Error;
    SamplingOptions sampling;
    nlohmann::ordered_json origin;      ///< what the caller adds to the manifest: input path, shard, command
    std::function<bool()> interrupted;  ///< looked at between steps; true stops the run, what is done stays
    std::function<void(const struct BatchProgress&)> progress;
    std::function<void(const nlohmann::ordered_json&)> recorded;  ///< every record, once it is in the output
    std::function<void(std::string_view)> notice;  ///< a line for the user: resuming, torn tail repaired, turns dropped
};

struct BatchProgress {
    std::size_t done = 0;  ///< records in the file that count, those of earlier runs included
    std::size_t total = 0;
    std::size_t failed = 0;
    std::uint64_t tokens = 0;  ///< generated in this run
    double seconds = 0;        ///< of this run, since the session was ready
};

struct BatchSummary {
    BatchProgress progress;
    std::size_t resumed = 0;  ///< records that an earlier run had left
    bool interrupted = false;
    std::vector<std::string> keys;  ///< of the records that the run is about, in the order of the instructions
};

/// Answers every instruction `samples` times. Throws Error{BadInput} when the output was made by other settings, or has
/// another question under the id of an item whose id is only its position (and overwrite is off), Error{Unavailable}
/// when another run writes it. An instruction that fails (too long for the context) becomes a record with `error`, is
/// counted, and is tried again by the next run.
BatchSummary run_batch(Answerer& answerer, const std::vector<Instruction>& instructions, const BatchOptions& options);

/// The questions that run_batch() would put to an answerer of this identity and that `options.output` has no answer to
/// yet, without on_done; nothing is written. Throws as run_batch().
std::vector<Question> open_questions(const nlohmann::ordered_json& answerer_identity,
                                     const std::vector<Instruction>& instructions, const BatchOptions& options);

/// What run_batch() takes for what decides the answers: what the answerer says of itself, and the options.
nlohmann::ordered_json run_identity(nlohmann::ordered_json answerer_identity, const BatchOptions& options);

/// Where the manifest of a records file lies: "answers.jsonl" -> "answers.manifest.json".
std::filesystem::path manifest_path(const std::filesystem::path& output);

enum class ArrayFormat { AlpacaEval, JustEval };
/// Writes the answers with these keys as one JSON array in this order, in the form that the named evaluation reads.
void write_array(ArrayFormat format, const std::filesystem::path& records, const std::vector<std::string>& keys,
                 const std::filesystem::path& output);

}  // namespace urial::generate
