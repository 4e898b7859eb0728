#pragma once

// MT-bench's own way of counting, over records whose one aspect is "overall". docs/metrics.md. Pure functions.

#include <cstddef>
#include <span>
#include <string>

#include "eval/record.h"
#include "eval/summary.h"

namespace urial::eval {

/// Intervals: questions are drawn, with both turns where both count.
struct MtBenchTable {
    Aggregate turn_1;
    Aggregate turn_2;
    Aggregate overall;            ///< mean over all scores, not of the two turns' means
    std::size_t unscored = 0;     ///< question and turn pairs without a score
    Named<Aggregate> categories;  ///< over both turns, sorted by name
};

/// The last record of a question, turn, generator and judge counts; one without a score (the original's -1) is dropped
/// and counted. `generator` empty: all records, which must then come from one generator; Error{BadInput} otherwise.
MtBenchTable mt_bench_table(std::span<const EvalRecord> records, std::string_view generator = {},
                            const Resampling& resampling = {});

/// Categories whose answers are judged against a reference: math, reasoning, coding.
bool needs_reference(std::string_view category);

/// The built-in rubric for an item and turn: mt-bench, mt-bench-turn-2, mt-bench-reference, mt-bench-reference-turn-2.
std::string mt_bench_rubric(const Item& item, int turn);

}  // namespace urial::eval
