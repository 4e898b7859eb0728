#pragma once

// Ctrl-C as a flag that work looks at between two steps. One flag for the process, as there is one terminal; any thread
// may ask.

namespace urial::terminal {

/// Unwinds to main.cpp, which ends with 130.
struct Interrupted {};
/// From now on the first Ctrl-C only sets a flag; the third without a clear between them ends the process.
void install_interrupt_handler();
/// True once Ctrl-C was pressed since the last clear.
bool interrupted();
void clear_interrupt();
void throw_if_interrupted();

}  // namespace urial::terminal
