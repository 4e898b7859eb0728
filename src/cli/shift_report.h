#pragma once

// What `urial report` does with shift runs: their summaries as text or JSON, or one HTML page.

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/judged_report.h"

namespace urial::cli {

/// `flags` says which options were given: those that only judged runs have are refused, Error{BadInput}.
void report_shift(const ReportOptions& command, const CLI::App& flags, const Context& context);

}  // namespace urial::cli
