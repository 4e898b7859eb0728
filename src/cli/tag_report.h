#pragma once

// The table of a run of tags: how many items have each label.

#include <vector>

#include "cli/commands.h"
#include "eval/eval.h"

namespace urial::cli {

/// Some aspect of the record has labels rather than a score or a preference.
bool has_labels(const eval::EvalRecord& record);

void report_tags(const std::vector<eval::EvalRecord>& records, const Context& context);

}  // namespace urial::cli
