#pragma once

// `urial judge calibrate`: how far the judges of a run agree with people, or with other judges, on the same answers.

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace urial::cli {

void add_judge_calibrate(CLI::App& judge, Context& context);

}  // namespace urial::cli
