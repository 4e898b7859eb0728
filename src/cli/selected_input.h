#pragma once

// Which part of its input a run is about, as --limit and --shard say it, and what its manifest says of that.

#include <cstddef>
#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

#include "generate/instructions.h"

namespace urial::cli {

/// `flag` empty: all of it. Throws Error{BadInput}.
generate::Shard shard_of(const std::string& flag);

/// `input`, `input_sha256`, `limit`, `shard` of a manifest's origin. `name` is the input as it was typed, `file` where
/// its content is.
nlohmann::ordered_json origin_of_input(const std::string& name, const std::filesystem::path& file, std::size_t limit,
                                       const std::string& shard_flag);

}  // namespace urial::cli
