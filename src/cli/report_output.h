#pragma once

// What tables of judged runs and summaries of shift runs share: their format and where they go.

#include <string>

#include "cli/judged_report.h"
#include "report/report.h"

namespace urial::cli {

/// Error{BadInput} where --json is given beside another --format.
void check_format(const ReportOptions& command, const Context& context);

/// Before a table or a page is written to `target`: its folder is there, and it is no file of the runs that are read.
void check_target(const std::string& target, const ReportOptions& command);

/// --full or not.
inline report::Detail detail_of(const ReportOptions& command) {
    return command.full ? report::Detail::Full : report::Detail::Headline;
}

/// Into the file of --output, or to standard output.
void write_report(const std::string& text, const ReportOptions& command, const Context& context);

}  // namespace urial::cli
