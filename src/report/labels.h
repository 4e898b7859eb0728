#pragma once

// The names of runs in legends and columns. Internal to this part.

#include <filesystem>
#include <string>
#include <vector>

namespace urial::report {

/// `given` where it is not empty (one a run, else Error{BadInput}), otherwise the folders' names; a name that occurs
/// again gets a number.
std::vector<std::string> run_labels(const std::vector<std::filesystem::path>& runs,
                                    const std::vector<std::string>& given);

}  // namespace urial::report
