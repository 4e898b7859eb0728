#pragma once

// What `urial judge score`, `pairwise`, `tags` and `mt-bench` have in common: which items, which judges, how many
// requests at a time, what it may cost, where the run goes.

#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/item_filter.h"
#include "eval/eval.h"

namespace urial::cli {

struct JudgeFlags {
    std::string judge;
    std::vector<std::string> jury;
    std::string output;
    ItemFilterFlags items;
    std::string tags;  ///< a file of items
    std::size_t limit = 0;
    int concurrency = 4;
    std::size_t max_tokens = 1024;
    double timeout_seconds = 300;
    std::optional<double> max_cost;
    std::string prices;
    bool dry_run = false;
    ModelFlags local;  ///< how local judges are loaded
};
void add_judge_flags(CLI::App& command, JudgeFlags& flags, Context& context);

eval::Filter make_filter(const JudgeFlags& flags);

/// Asks the judges (or, with --dry-run, says what that would take), then prints the report of the run and what it cost.
/// `origin` goes into the manifest.
void judge_tasks(const std::vector<eval::JudgeTask>& tasks, const JudgeFlags& flags, eval::Json origin,
                 Context& context);

/// The four commands, below `urial judge`.
void add_judging_commands(CLI::App& judge, Context& context);

}  // namespace urial::cli
