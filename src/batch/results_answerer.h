#pragma once

// Answers a batch out of the results that an engine wrote for its requests: what a model does elsewhere, a file does
// here, so that the records are those of a live run. Belongs to one thread.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>

#include "batch/request_file.h"
#include "batch/results.h"
#include "generate/answerer.h"

namespace urial::batch {

/// What became of the results and of the requests.
struct ResultCounts {
    std::size_t read = 0;              ///< results
    std::size_t taken = 0;             ///< requests that got their answer
    std::size_t unchecked_prompt = 0;  ///< of them, those of which nobody says which token ids were read
    std::size_t failed = 0;            ///< requests whose results all say why there is no answer
    std::size_t other_prompt = 0;      ///< requests for which the engine read other token ids than were exported
    std::size_t missing = 0;           ///< requests without a result
    std::size_t repeated = 0;          ///< results of a request that had its answer already
    std::size_t foreign = 0;           ///< results of none of these requests
    std::size_t unreadable = 0;        ///< lines that are no results
    std::string first_unreadable;      ///< "FILE:7: not JSON"
    std::string first_failure;
};

class ResultsAnswerer final : public generate::Answerer {
public:
    /// `results`: files and folders, in any order. Throws Error{NotFound|BadInput} for what cannot be read.
    ResultsAnswerer(const RequestSet& requests, const std::vector<std::filesystem::path>& results,
                    std::size_t max_tokens);

    std::string generator() const override { return requests_.generator; }
    nlohmann::ordered_json identity() const override;
    nlohmann::ordered_json circumstances() const override;
    std::string change_since(const nlohmann::ordered_json& manifest) const override;
    void check(const generate::SamplingOptions& sampling) const override { generate::check(sampling); }
    void submit(generate::Question question) override;
    void prepare() override;
    /// Takes the next result. At the end failures are told, and what has no result is Cancelled. Throws
    /// Error{BadInput} where the results are of two models.
    bool step() override;
    std::uint64_t generated_tokens() const override { return tokens_; }

    const ResultCounts& counts() const { return counts_; }

private:
    struct Failure {
        std::string reason;
        bool is_other_prompt = false;
    };
    void take(const Result& result);
    void answer(std::uint64_t id, const Result& result);
    bool is_other_prompt(const Result& result, bool& is_checked) const;
    void check_name(const std::string& answered_as);
    void finish();
    void end_without_answer(std::uint64_t id, const generate::Question& question);

    const RequestSet& requests_;
    std::map<std::string, std::size_t> positions_;  // of the requests, by custom id
    std::unordered_map<std::uint64_t, generate::Question> open_;
    std::unordered_map<std::uint64_t, Failure> failures_;  // of open ones
    std::vector<std::filesystem::path> results_;
    ResultReader reader_;
    ResultCounts counts_;
    std::string answered_as_;
    std::uint64_t tokens_ = 0;
    bool has_ended_ = false;
};

}  // namespace urial::batch
