#pragma once

// The terminal tables and the JSON of `urial report` for judged runs.

#include <string>
#include <vector>

#include "cli/commands.h"

namespace urial::cli {

struct EvalReport {
    std::string run;
    std::string compat = "none";
    std::string against;  ///< another run; empty: no comparison
    std::string ids;      ///< a file of id lists; empty: all items
    std::string subset = "lite";
    std::vector<std::string> where;  ///< "task=coding"
    bool allow_unscored = false;
};

void add_eval_report_flags(CLI::App& report, EvalReport& command);
void report_eval(const EvalReport& command, const Context& context);

}  // namespace urial::cli
