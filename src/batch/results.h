#pragma once

// What engines that work through a file of requests write: OpenAI's batch form, vLLM's of `run-batch` (older ones put
// the body where the response belongs), and the rows of a Ray Data pipeline.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
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

/// Why a request has no answer.
struct RequestFailure {
    std::string reason;
    bool is_other_prompt = false;  ///< the engine read other token ids than were exported
};

/// What became of the results, and of the requests that were open.
struct ResultCounts {
    std::size_t read = 0;              ///< results
    std::size_t taken = 0;             ///< answers that became records
    std::size_t unchecked_prompt = 0;  ///< good ones of which nobody says which token ids the prompt has
    std::size_t failed = 0;            ///< requests whose results all say why there is no answer, or make no sense
    std::size_t other_prompt = 0;      ///< requests for which the engine read other token ids than were exported
    std::size_t missing = 0;           ///< requests without a result
    std::size_t repeated = 0;          ///< results of requests that had their answers already
    std::size_t foreign = 0;           ///< results of none of these requests
    std::size_t unreadable = 0;        ///< lines that are no results
    std::string first_unreadable;      ///< "FILE:7: not JSON"
    std::string first_failure;

    /// A request that stays without an answer.
    void add(const RequestFailure& failure);
};

/// What the engine says of the prompt's token ids; null where it does not.
nlohmann::ordered_json prompt_ids_of(const nlohmann::ordered_json& body);

/// Where a result stands.
struct ResultPlace {
    std::size_t file = 0;   ///< index in ResultReader::paths()
    std::size_t begin = 0;  ///< of its line, in the unpacked content
    std::size_t size = 0;
};

/// The results of several files, one after the other, in their order: memory is that of the largest line.
class ResultReader {
public:
    /// A folder stands for the .json and .jsonl files in it, packed with gzip or not, as Ray Data writes them. Throws
    /// Error{NotFound|BadInput} for what cannot be read and for a folder without such files.
    ResultReader(const std::vector<std::filesystem::path>& paths, std::size_t max_tokens);

    /// std::nullopt at the end. Lines that are no results are passed over and counted.
    std::optional<Result> next();
    /// Of the result that next() gave last.
    const ResultPlace& place() const { return place_; }
    const std::vector<std::filesystem::path>& paths() const { return paths_; }

    std::size_t unreadable() const { return unreadable_; }
    /// "FILE:7: not JSON", of the first one; empty where there is none.
    const std::string& first_unreadable() const { return first_unreadable_; }

private:
    void pass_over(std::size_t line, const char* why);

    std::vector<std::filesystem::path> paths_;
    std::size_t max_tokens_;
    std::size_t next_path_ = 0;
    std::optional<LineReader> file_;
    ResultPlace place_;
    std::size_t unreadable_ = 0;
    std::string first_unreadable_;
};

/// Reads results once more, one by one. Quick where they are wanted in the order in which they stand.
class ResultFetcher {
public:
    ResultFetcher(std::vector<std::filesystem::path> paths, std::size_t max_tokens)
        : paths_(std::move(paths)), max_tokens_(max_tokens) {}
    /// Throws Error{Io} where there is no longer a result at this place.
    Result fetch(const ResultPlace& place);

private:
    std::vector<std::filesystem::path> paths_;
    std::size_t max_tokens_;
    std::size_t open_ = 0;  // the index of file_
    std::optional<UnpackedFile> file_;
};

}  // namespace urial::batch
