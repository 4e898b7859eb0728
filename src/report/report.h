#pragma once

// A run folder -> one self-contained HTML page (docs/report.md). Pure functions over files: nothing is printed, and no
// state is kept.

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace urial::report {

/// The "format" of the folder's manifest.json, such as "urial.shift/1"; it chooses the report. Error{NotFound} where
/// there is no manifest, Error{BadInput} where it names no format.
std::string run_format(const std::filesystem::path& run);

struct ShiftPageOptions {
    std::string title = "What alignment changed";
    /// One name a run for legends and columns; empty: the folders' names, made different from one another.
    std::vector<std::string> labels;
};

struct ShiftPage {
    std::string html;
    std::size_t answers = 0;    ///< of all runs together
    std::size_t positions = 0;  ///< analysed tokens, likewise
};

/// The page of one or more shift runs side by side. Answers of several runs belong together when their ids are equal.
/// Throws Error{BadInput} naming the file and line of a record that is not one.
ShiftPage shift_page(const std::vector<std::filesystem::path>& runs, const ShiftPageOptions& options);

}  // namespace urial::report
