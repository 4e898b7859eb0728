#pragma once

// What engines that work through a file of requests write: OpenAI's batch form, vLLM's of `run-batch` (older ones put
// the body where the response belongs), and the rows of a Ray Data pipeline.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/unpacked_file.h"

namespace urial::batch {

struct Result {
    std::string custom_id;
    nlohmann::ordered_json body;  ///< of the response: a completion or a chat completion
    std::string failure;          ///< why there is none; empty where there is one
};

/// std::nullopt for what is no result of a known form. `max_tokens` tells where a row of Ray Data, which does not say
/// why an answer ended, ended by its length.
std::optional<Result> read_result(const nlohmann::ordered_json& line, std::size_t max_tokens);

/// What the engine says of the prompt's token ids; null where it does not.
nlohmann::ordered_json prompt_ids_of(const nlohmann::ordered_json& body);

/// The results of several files, one after the other, in their order: memory is that of the largest line.
class ResultReader {
public:
    /// A folder stands for the .json and .jsonl files in it, packed with gzip or not, as Ray Data writes them. Throws
    /// Error{NotFound|BadInput} for what cannot be read and for a folder without such files.
    ResultReader(const std::vector<std::filesystem::path>& paths, std::size_t max_tokens);

    /// std::nullopt at the end. Lines that are no results are passed over and counted.
    std::optional<Result> next();

    std::size_t unreadable() const { return unreadable_; }
    /// "FILE:7: not JSON", of the first one; empty where there is none.
    const std::string& first_unreadable() const { return first_unreadable_; }

private:
    void pass_over(std::size_t line, const char* why);

    std::vector<std::filesystem::path> paths_;
    std::size_t max_tokens_;
    std::size_t next_path_ = 0;
    std::optional<LineReader> file_;
    std::size_t unreadable_ = 0;
    std::string first_unreadable_;
};

}  // namespace urial::batch
