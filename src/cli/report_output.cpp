#include "cli/report_output.h"

#include <cstdio>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "eval/eval.h"

namespace urial::cli {

void check_format(const ReportOptions& command, const Context& context) {
    if (!context.json || command.format.empty() || command.format == "json") return;
    throw error(ErrorKind::BadInput, "--json and --format {} contradict each other: give one", command.format);
}

void check_target(const std::string& target, const ReportOptions& command) {
    check_parent_folder(target);
    for (const std::string& run : command.runs) {
        for (const std::string_view file :
             {eval::kRecordsFile, eval::kManifestFile, eval::kRawFile, eval::kLedgerFile}) {
            if (!is_same_file(fs::path(run) / file, target)) continue;
            throw error(ErrorKind::BadInput, "{}: belongs to the run that is reported; name another file", target);
        }
    }
}

void write_report(const std::string& text, const ReportOptions& command, const Context& context) {
    if (command.output.empty()) {
        fmt::print("{}", text);
        return;
    }
    check_target(command.output, command);
    write_file_atomic(command.output, text);
    context.terminal.note(fmt::format("{} written", command.output));
}

}  // namespace urial::cli
