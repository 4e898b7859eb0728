#pragma once

// Conversations of several turns (MT-bench), answered one turn after the other under any prompt.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "eval/eval.h"
#include "generate/batch_run.h"

namespace urial::app {

/// True when the first object of the file has `turns` and neither `instruction` nor `messages`. Whoever reads the file
/// says what is wrong with it.
bool is_mt_bench(const std::filesystem::path& path);

/// The questions of an MT-bench file (docs/judging.md) that a run answers: the first `limit` (0: all), of these the
/// shard's. Throws Error{BadInput} for a file without questions.
std::vector<eval::Item> read_mt_bench(const std::filesystem::path& path, std::size_t limit,
                                      const generate::Shard& shard);

/// Where the answers to one turn (from 1) lie: "answers.jsonl" -> "answers.turn-1.jsonl".
std::filesystem::path turn_path(const std::filesystem::path& output, std::size_t turn);

/// Over all turns; `progress.total` counts the answers of all questions and turns.
struct MtBenchSummary : generate::BatchSummary {
    std::filesystem::path failures;  ///< the first turn's records that tell of a failure; empty where there is none
};

/// Every turn is a batch run of its own with its own records and manifest, which sees the answers to the turns before
/// it, so it is resumed like any other. At the end `options.output` gets one line per question whose turns all have an
/// answer: question_id, category, turns, reference, outputs, generator. A question whose turn failed is asked no
/// further and counts as failed with all that it lacks. Throws what run_batch() throws, and Error{BadInput} for an
/// output that is there and was not written by such a run (and overwrite is off).
MtBenchSummary run_mt_bench(generate::Answerer& answerer, const std::vector<eval::Item>& questions,
                            const generate::BatchOptions& options);

}  // namespace urial::app
