#pragma once

// Whether two models speak of the same tokens: every id must stand for the same text in both. Pure.

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace urial::shift {

struct VocabularyComparison {
    std::size_t shared_size = 0;           ///< ids that both vocabularies have: 0 .. shared_size - 1
    std::vector<engine::Token> different;  ///< of these, the ids that stand for different texts, ascending
    std::size_t added = 0;                 ///< ids that only the larger vocabulary has
    std::size_t mismatches() const { return different.size() + added; }
    /// Whether the id stands for the same text in both.
    bool shares(engine::Token token) const {
        return static_cast<std::size_t>(token) < shared_size &&
               !std::binary_search(different.begin(), different.end(), token);
    }
};

/// Throws Error{BadInput} when more than `allowed` ids differ, with their number and the first of them.
VocabularyComparison compare_vocabularies(const engine::Model& base, const engine::Model& aligned, std::size_t allowed);

}  // namespace urial::shift
