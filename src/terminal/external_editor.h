#pragma once

// The user's own editor for a longer text.

#include <optional>
#include <string>

namespace urial::terminal {

/// Opens $VISUAL, $EDITOR or vi on a private temporary file with `text` and returns what was saved, without the final
/// newline. Throws Error{Io} when the editor cannot be run or fails.
std::string edit_in_editor(const std::string& text);

}  // namespace urial::terminal
