#pragma once

// Messages to the person at standard error: notes, details, warnings and errors, in colour where that is wanted, with
// words whole at the edge of the terminal.

#include <string_view>

namespace urial::terminal {

/// How to talk to the person: where colour may go, how much to say. Messages go to standard error, results to standard
/// out.
struct Terminal {
    bool colour_out = false;
    bool colour_err = false;
    bool progress = false;  ///< standard error is a terminal and not --quiet
    int verbosity = 0;      ///< -1 quiet, 0 normal, 1 and more verbose

    void note(std::string_view text) const;    ///< a dim line, not with --quiet
    void detail(std::string_view text) const;  ///< a dim line, only with --verbose
    void warn(std::string_view text) const;    ///< "warning: ...", always
    /// "error: ..." and the message's further lines as "hint: ...".
    void report_error(std::string_view message) const;
};
/// `colour` is auto, always or never; auto looks at the two streams and at TERM.
Terminal make_terminal(std::string_view colour, int verbosity);

}  // namespace urial::terminal
