#include "report/labels.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "base/error.h"

namespace urial::report {
namespace {

std::string folder_name(const std::filesystem::path& run) {
    std::filesystem::path path = std::filesystem::absolute(run).lexically_normal();
    if (path.filename().empty()) path = path.parent_path();
    return path.filename().string();
}

}  // namespace

std::vector<std::string> run_labels(const std::vector<std::filesystem::path>& runs,
                                    const std::vector<std::string>& given) {
    if (!given.empty() && given.size() != runs.size()) {
        throw error(ErrorKind::BadInput, "{} labels for {} runs: give one a run, or none", given.size(), runs.size());
    }
    std::vector<std::string> labels = given;
    if (labels.empty()) std::transform(runs.begin(), runs.end(), std::back_inserter(labels), folder_name);
    std::map<std::string, int> seen;
    for (std::string& label : labels) {
        if (const int times = ++seen[label]; times > 1) label += fmt::format(" ({})", times);
    }
    return labels;
}

}  // namespace urial::report
