#pragma once

// A pool: questions with their answers, of which the nearest to a query become its examples. Values; no state.

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace urial::retrieve {

struct PoolExample {
    std::string id;  ///< the item's own, else its position from 0
    std::string question;
    std::string answer;
};

struct Pool {
    std::vector<PoolExample> examples;
    std::string content_hash;  ///< sha256 of all questions and answers
    std::size_t left_out = 0;  ///< items without an answer, and repeated questions
};

/// Reads a JSON array or JSON lines, packed with gzip or not, of items in Alpaca's form (`instruction`, `input`,
/// `output`), Open-Instruct's (`messages`: the first question and its answer count, behind a system message or not), or
/// what `urial generate` wrote. Of questions that are the same text the first one stays. Throws Error{BadInput} that
/// begins with the place for anything else, and for a file without any example.
Pool read_pool(const std::filesystem::path& path);

/// What makes two questions the same text: all white space counts as one space, and none at the ends.
std::string normalized_question(std::string_view question);

}  // namespace urial::retrieve
