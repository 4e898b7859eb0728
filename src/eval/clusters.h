#pragma once

// Numbers for instructions: items with the same instruction are drawn together in every resampling. Internal to eval.

#include <cstddef>
#include <string>
#include <unordered_map>

#include "eval/statistics.h"

namespace urial::eval {

class Clusters {
public:
    /// The instruction's number; a new one gets the next.
    std::size_t index_of(const std::string& instruction) {
        return numbers_.try_emplace(instruction, numbers_.size()).first->second;
    }
    std::size_t size() const { return numbers_.size(); }
    ClusteredValues empty_column() const { return {std::vector<double>(size()), std::vector<double>(size())}; }

private:
    std::unordered_map<std::string, std::size_t> numbers_;
};

}  // namespace urial::eval
