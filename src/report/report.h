#pragma once

// Run folders -> tables and self-contained HTML pages (docs/report.md). Functions over files and values: nothing is
// printed, and no state is kept.
//
//   judged.h           what is computed from judged runs; their tables and JSON
//   judged_report.h    these in one of the formats, and what a reader has to be told beside them
//   label_table.h      runs of tags
//   agreement_text.h   agreement of raters
//   estimate.h         what a judging run would take
//   table.h            tables as text, Markdown, LaTeX, CSV

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "report/agreement_text.h"
#include "report/estimate.h"
#include "report/judged.h"
#include "report/judged_report.h"
#include "report/label_table.h"
#include "report/table.h"

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

/// The summaries of shift runs, one below the other: Markdown whose tables are also aligned for a terminal. `labels` as
/// for the page. Throws Error{BadInput} for a run without an analysed answer.
std::string shift_summaries(const std::vector<std::filesystem::path>& runs, const std::vector<std::string>& labels,
                            Detail detail);
/// The same as JSON: the summary of one run; of several {"runs": {LABEL: its summary}}.
nlohmann::ordered_json shift_summaries_json(const std::vector<std::filesystem::path>& runs,
                                            const std::vector<std::string>& labels);

/// The answers in a page of shift runs: their instructions by id; Error{BadInput} where the file is none.
std::map<std::string, std::string> shift_page_items(const std::filesystem::path& html);

/// One answer cut where the class of its tokens changes (1: rank 1 in the base model, 2: rank 2 or 3, 3: beyond).
using ColouredText = std::vector<std::pair<int, std::string>>;

/// What a pair of models has found in the answers of a run: they are shown in the colours of the three classes.
struct ShiftColours {
    std::string base;      ///< what the base model read the answers under
    std::string run;       ///< the label of the run whose answers they are
    double unshifted = 0;  ///< shares of tokens, in [0, 1]
    double marginal = 0;
    double shifted = 0;
    double kl = 0;                                ///< mean, nats
    std::map<std::string, ColouredText> answers;  ///< by the item's id
};
/// The answers of a shift run's folder.
std::map<std::string, ColouredText> coloured_answers(const std::filesystem::path& run);

struct JudgedPageOptions {
    std::string title = "How good are the answers?";
    std::string shift_address;  ///< a page of shift runs, relative to this page ("shift.html"); empty: none
    std::map<std::string, std::string> shift_items;  ///< shift_page_items(); equal ids and instructions are linked
    std::vector<ShiftColours> colours;
    std::size_t shown_runs = 3;  ///< side by side at first, where there are as many
};

/// The page of one or more judged runs. `results` belong to `runs` one by one; items of several runs belong together
/// when ids and instructions are equal.
std::string judged_page(std::span<const JudgedRun> runs, std::span<const JudgedResult> results,
                        std::span<const RunDifference> differences, const JudgedPageOptions& options);

}  // namespace urial::report
