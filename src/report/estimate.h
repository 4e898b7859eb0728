#pragma once

// What a judging run would take, before anything is sent: for a terminal and as JSON. Pure functions.

#include <cstddef>
#include <optional>
#include <string>

#include "eval/eval.h"

namespace urial::report {

/// `max_tokens` of one reply and `max_cost` in USD are the run's limits.
std::string estimate_text(const eval::JudgeEstimate& estimate, std::size_t max_tokens, std::optional<double> max_cost);
eval::Json estimate_json(const eval::JudgeEstimate& estimate);

}  // namespace urial::report
