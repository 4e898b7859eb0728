#pragma once

// What an experiment's folder amounts to: one table of methods, differences that were stated beforehand, shift shares,
// and one page with every answer side by side. Reads files; prints nothing.

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "eval/eval.h"
#include "report/report.h"
#include "shift/summary.h"

namespace urial::experiment {

struct MethodResult {
    std::string label;
    std::size_t answers = 0;
    std::size_t failed = 0;
    double words = 0;  ///< mean an answer; NaN without one
    bool judged = false;
};

struct ShiftResult {
    std::string base;     ///< label of the method under whose prompt the base model reads
    std::string aligned;  ///< label of the method whose answers are read
    std::filesystem::path folder;
    shift::Summary summary;
};

struct Results {
    std::string title;
    std::vector<MethodResult> methods;
    std::vector<report::JudgedRun> runs;  ///< one a method that has answers; without verdicts where it is not judged
    std::vector<report::JudgedResult> judged;        ///< of the judged ones
    std::vector<report::RunDifference> differences;  ///< corrected by Holm's rule
    std::vector<ShiftResult> shift;
    std::vector<std::string> unfinished;  ///< "judging of urial (20 of 100)": what the tables lack
};

struct ResultOptions {
    eval::SummaryOptions summary;
    eval::Filter filter;  ///< of items
};
/// Throws Error{BadInput} for a folder without an answer yet.
Results load_results(const std::filesystem::path& folder, const ResultOptions& options);

/// The tables in one of the formats. Csv: the methods' scores alone (differences and shares are in Json).
report::Written results_tables(const Results& results, report::Format format, report::Detail detail);

/// The page; `title` empty: the experiment's own.
std::string results_page(const Results& results, const std::string& title);

}  // namespace urial::experiment
