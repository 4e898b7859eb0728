#pragma once

// What the manifest of a merged run says. Pure.

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace urial::app {

enum class RunKind { Generate, Shift, Judge };

/// A run that is to be merged.
struct MergedPart {
    std::string name;  ///< as it was given
    nlohmann::ordered_json manifest;
    std::size_t records = 0;  ///< that came from it
};

/// Throws Error{BadInput} that names both runs where they do not belong together.
void check_belongs(RunKind kind, const MergedPart& first, const MergedPart& other);

/// Records that the runs were to make together, of which `found` are there and `repeated` were in several. Exact where
/// all runs are finished; else items that two unfinished runs have in common and did not reach count twice.
std::size_t total_of(RunKind kind, const std::vector<MergedPart>& parts, std::size_t found, std::size_t repeated);

struct MergedCounts {
    std::size_t records = 0;
    std::size_t failed = 0;
    std::size_t unscored = 0;  ///< of judgements
    std::size_t total = 0;
};
/// `differing` gets the names of what only some runs agree in and the manifest therefore lacks: threads, engine.
nlohmann::ordered_json merged_manifest(RunKind kind, const std::vector<MergedPart>& parts, const MergedCounts& counts,
                                       std::vector<std::string>& differing);

}  // namespace urial::app
