#pragma once

// The options of `urial report`, and what it does with judged runs: tables in several formats, or one HTML page.

#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/item_filter.h"

namespace urial::cli {

struct ReportOptions {
    std::vector<std::string> runs;
    std::vector<std::string> labels;  ///< one a run, or none
    std::string title;                ///< of the page; empty: its own
    std::string html;                 ///< the page's file; empty: tables
    std::string shift_html;           ///< a page of shift runs that items link into
    std::string format;               ///< empty: text, or JSON with --json
    std::string output;               ///< empty: standard output
    std::string compat = "none";
    std::string against;  ///< another run; empty: no comparison
    app::ItemSelection items;
    bool allow_unscored = false;
    bool full = false;  ///< all tables, not only the headline
};

/// Those that shift runs do not have.
void add_judged_report_flags(CLI::App& report, ReportOptions& command);
void report_judged(const ReportOptions& command, const Context& context);

}  // namespace urial::cli
