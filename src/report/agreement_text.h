#pragma once

// Agreement of raters, as text for a terminal and as JSON. Pure functions.

#include <span>
#include <string>

#include "eval/eval.h"

namespace urial::report {

/// The judges of a run among themselves; empty for a run with one judge.
std::string jury_text(std::span<const eval::JuryAgreement> jury);

/// Judges against the other side, all measures with their intervals.
std::string calibration_text(std::span<const eval::Calibration> calibrations);
/// {JUDGE: {ASPECT: the measures}}
eval::Json calibration_json(std::span<const eval::Calibration> calibrations);

}  // namespace urial::report
