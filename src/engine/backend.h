#pragma once

// The engine library as a whole: its start and its log. Internal to this part; any thread.

#include <string>

namespace urial::engine {

/// Once per process, before anything else of the engine is called: its log goes where set_engine_log() says.
void start_backend();

/// Whether a backend for GPUs was built in, be there a GPU or not.
bool build_has_gpu();

/// The engine's last error line, which is forgotten then; a stand-in text where there was none.
std::string last_engine_error();

}  // namespace urial::engine
