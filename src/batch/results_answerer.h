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
    void take(const Result& result);
    void answer(std::uint64_t id, const Result& result);
    bool is_other_prompt(const Result& result, bool& is_checked) const;
    void check_name(const std::string& answered_as);
    void finish();
    void end_without_answer(std::uint64_t id, const generate::Question& question);

    const RequestSet& requests_;
    std::map<std::string, std::size_t> positions_;  // of the requests, by custom id
    std::unordered_map<std::uint64_t, generate::Question> open_;
    std::unordered_map<std::uint64_t, RequestFailure> failures_;  // of open ones
    std::vector<std::filesystem::path> results_;
    ResultReader reader_;
    ResultCounts counts_;
    std::string answered_as_;
    std::uint64_t tokens_ = 0;
    bool has_ended_ = false;
};

}  // namespace urial::batch
