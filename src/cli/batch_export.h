#pragma once

// What the commands below `urial batch export` have in common.

#include <string>

#include <CLI/CLI.hpp>

#include "app/batch_files.h"
#include "cli/commands.h"

namespace urial::cli {

/// A file of requests that was written.
struct ExportedFile {
    std::string requests;
    batch::Target target = batch::Target::Vllm;
    std::string more_flags;  ///< of `vllm run-batch`
};
/// Says what is in it.
void print_written(const app::ExportSummary& summary, const std::string& requests, const Context& context);
/// Says the command that comes next.
void print_run_batch(const ExportedFile& file, const std::string& model, const std::string& results,
                     const Context& context);
/// Both.
void print_export(const app::ExportSummary& summary, const ExportedFile& file, const Context& context);

/// -o, -m, --target and --overwrite.
struct ExportTarget {
    std::string output;
    std::string model;
    std::string target = "vllm";
    bool overwrite = false;
};
void add_export_target(CLI::App& command, ExportTarget& target);

/// `urial batch export shift`.
void add_shift_export_command(CLI::App& parent, Context& context);
/// `urial batch export judge`, with a command for each way to judge.
void add_judging_export_commands(CLI::App& parent, Context& context);

}  // namespace urial::cli
