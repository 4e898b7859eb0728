#pragma once

// A run of tags: how many items have each label, and what it cost. Pure functions.

#include <string>

#include "report/judged.h"

namespace urial::report {

/// Some aspect of some record has labels rather than a score or a preference.
bool has_labels(const JudgedRun& run);

/// A table for each aspect, for a terminal.
std::string label_text(const JudgedRun& run);
/// {"labels": {ASPECT: {LABEL: items}}, "records", "unscored"}
eval::Json label_json(const JudgedRun& run);

}  // namespace urial::report
