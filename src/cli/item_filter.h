#pragma once

// Which items of a file or a run a command is about: --where, --ids and --subset.

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "eval/eval.h"

namespace urial::cli {

struct ItemFilterFlags {
    std::vector<std::string> where;  ///< "task=coding"
    std::string ids;                 ///< a file of id lists; empty: all items
    std::string subset;              ///< empty: "lite"

    std::string subset_name() const { return subset.empty() ? "lite" : subset; }
};
void add_item_filter_flags(CLI::App& command, ItemFilterFlags& flags);

eval::Filter make_filter(const ItemFilterFlags& flags);

}  // namespace urial::cli
