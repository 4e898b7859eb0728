#pragma once

// The table of a run of tags: how many items have each label, and what it cost.

#include "cli/commands.h"
#include "report/report.h"

namespace urial::cli {

/// Some aspect of the record has labels rather than a score or a preference.
bool has_labels(const eval::EvalRecord& record);

void report_tags(const report::JudgedRun& run, const Context& context);

}  // namespace urial::cli
