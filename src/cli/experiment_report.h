#pragma once

// What `urial experiment` ends with, and `urial report` does with an experiment's folder: tables in several formats, or
// one HTML page.

#include "cli/commands.h"
#include "cli/judged_report.h"

namespace urial::cli {

/// Error{BadInput} for options of judged runs that say nothing of an experiment.
void report_experiment(const ReportOptions& command, const Context& context);

}  // namespace urial::cli
