#pragma once

// What `urial judge score`, `pairwise`, `tags` and `mt-bench` have in common: which items, which judges, how many
// requests at a time, what it may cost, where the run goes.

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "app/judges.h"
#include "cli/commands.h"
#include "cli/item_filter.h"
#include "eval/eval.h"

namespace urial::cli {

struct JudgeFlags {
    std::string judge;
    std::vector<std::string> jury;
    std::string output;
    app::ItemSelection items;
    std::string tags;       ///< a file of items
    app::JuryChoice asked;  ///< how; judges, folder and origin are filled in when the run begins
    bool dry_run = false;
};
void add_judge_flags(CLI::App& command, JudgeFlags& flags, Context& context);

/// Asks the judges (or, with --dry-run, says what that would take), then prints the report of the run and what it cost.
/// `origin` goes into the manifest.
void run_jury(const std::vector<eval::JudgeTask>& tasks, const JudgeFlags& flags, eval::Json origin, Context& context);

/// The four commands, below `urial judge`.
void add_judging_commands(CLI::App& judge, Context& context);

}  // namespace urial::cli
