#pragma once

// Shards and runs put together: one run out of several that differ only in which items they are about. What is read
// stays as it is. docs/scale.md says what belongs together.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace urial::app {

struct MergeOptions {
    std::vector<std::filesystem::path> runs;  ///< records of `generate`, folders of `shift` or of `judge`
    std::filesystem::path output;             ///< of the same form; nothing may be there
    std::filesystem::path input;  ///< the items in their order; empty: what the manifests name, if it is there
    std::function<void(std::string_view)> notice;  ///< a line for the user
};

struct MergeSummary {
    std::size_t records = 0;   ///< that count
    std::size_t failed = 0;    ///< records without an answer or verdict, where no run has a better one
    std::size_t repeated = 0;  ///< records that another run has too, left out
    std::size_t total = 0;     ///< records that the runs were to make
    bool is_in_order = false;  ///< of the items; else in that of the runs
};

/// Throws Error{BadInput} that names the runs and what does not fit: other settings, one id for two things, damaged
/// records; and for an output that is there.
MergeSummary merge_runs(const MergeOptions& options);

}  // namespace urial::app
