#pragma once

// The report of judged runs in each of its formats, and what a reader has to be told beside it. Pure functions.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/judged.h"
#include "report/table.h"

namespace urial::report {

enum class Format { Text, Markdown, Csv, Latex, Json };
/// "text", "markdown", "csv", "latex" or "json"; throws Error{BadInput}.
Format parse_format(std::string_view name);

struct Written {
    std::string text;
    std::vector<std::string> left_out;  ///< titles of tables that Detail::Full adds
};
/// Csv and Json have everything whatever `detail` says.
Written judged_tables(std::span<const JudgedResult> results, Format format, Detail detail);
std::string difference_tables(std::span<const RunDifference> differences, Format format);

/// Why the numbers of a run should not be taken as they are: too much is unscored, several generators are one row.
std::vector<std::string> warnings_of(const JudgedRun& run, const JudgedResult& result);

/// Every run minus the last one. Throws Error{BadInput} for runs of pairs and for runs that have no scored item in
/// common.
std::vector<RunDifference> differences_to_last(std::span<const JudgedRun> runs, bool allow_unscored);
/// Every run minus every one before it; of more than a few runs each minus the first only, for every pair costs a
/// second.
std::vector<RunDifference> differences_of_pairs(std::span<const JudgedRun> runs, bool allow_unscored);

}  // namespace urial::report
