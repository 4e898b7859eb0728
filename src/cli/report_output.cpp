#include "cli/report_output.h"

#include <cstdio>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"

namespace urial::cli {

void check_format(const ReportOptions& command, const Context& context) {
    if (!context.json || command.format.empty() || command.format == "json") return;
    throw error(ErrorKind::BadInput, "--json and --format {} contradict each other: give one", command.format);
}

void write_report(const std::string& text, const ReportOptions& command, const Context& context) {
    if (command.output.empty()) {
        fmt::print("{}", text);
        return;
    }
    write_file_atomic(command.output, text);
    context.terminal.note(fmt::format("{} written", command.output));
}

}  // namespace urial::cli
