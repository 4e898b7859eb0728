#pragma once

// Which items of a file or a run a command is about: --where, --ids and --subset.

#include <CLI/CLI.hpp>

#include "app/judging.h"

namespace urial::cli {

void add_item_filter_flags(CLI::App& command, app::ItemSelection& selection);

}  // namespace urial::cli
