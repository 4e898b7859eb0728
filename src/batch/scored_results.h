#pragma once

// What an engine wrote for the requests of scoring_requests.h, as the two sides of a run of `shift`. All results are
// read once, to find those that count, and each of these once more when its answer is due: memory holds one at a time.
// Belongs to one thread.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "batch/request_file.h"
#include "batch/results.h"
#include "remote/token_wire.h"
#include "shift/listed_side.h"
#include "shift/shift.h"

namespace urial::batch {

/// What became of the results, and of the requests that are open.
struct ScoredCounts {
    std::size_t read = 0;              ///< results
    std::size_t unchecked_prompt = 0;  ///< good ones of which only the answer's token ids were compared
    std::size_t failed = 0;            ///< requests whose results all say why there is no answer, or make no sense
    std::size_t other_prompt = 0;      ///< requests for which the engine read other token ids than were exported
    std::size_t missing = 0;           ///< requests without a result
    std::size_t repeated = 0;          ///< results of requests that had theirs already
    std::size_t foreign = 0;           ///< results of none of these requests
    std::size_t unreadable = 0;        ///< lines that are no results
    std::string first_unreadable;      ///< "FILE:7: not JSON"
    std::string first_failure;
};

class ScoredResults {
public:
    /// `open`: the items of the run that have no record yet; requests of others count as answered. `requests` has to
    /// outlive the object. Throws Error{NotFound|BadInput} for what cannot be read and for results of two models on one
    /// side, and engine::Cancelled.
    ScoredResults(const RequestSet& requests, const std::vector<const shift::ShiftItem*>& open,
                  const std::vector<std::filesystem::path>& results, const std::function<bool()>& interrupted);
    ~ScoredResults();

    const ScoredCounts& counts() const { return counts_; }
    /// Do both sides say how they cut the vocabulary_samples()?
    bool has_samples() const;
    /// One of kPairParts, by its index. Has to be outlived by this object.
    std::unique_ptr<shift::ListedSide> side(std::size_t part) const;

private:
    class Side;
    struct Failure {
        std::string reason;
        bool is_other_prompt = false;
    };
    using Scores = std::variant<shift::ListedAnswer, Failure>;
    /// An open request.
    struct Asked {
        const ScoredNote* note = nullptr;  // null: a sample
        std::size_t part = 0;
        std::optional<ResultPlace> place = {};
        std::optional<Failure> failure = {};
        std::vector<engine::Token> tokens = {};  // of a sample
    };

    void expect(const std::vector<const shift::ShiftItem*>& open);
    void take(const Result& result, const ResultPlace& place);
    void answer(Asked& asked, const Result& result, const ResultPlace& place);
    void check_name(std::size_t part, const nlohmann::ordered_json& body);
    void count();
    Scores scores_of(const Asked& asked, const Result& result,
                     std::map<engine::Token, std::string>* pieces = nullptr) const;
    const Asked* find(const std::string& item, std::size_t part) const;

    const RequestSet& requests_;
    std::size_t samples_;  // of both sides together
    std::map<std::string, std::vector<std::size_t>>
        by_id_;                                             // all requests: indexes in asked_; empty where none is open
    std::vector<Asked> asked_;                              // the samples first
    std::unordered_map<std::string, std::size_t> by_item_;  // index of the base side's request
    std::vector<std::filesystem::path> results_;
    std::vector<std::filesystem::path> files_;  // of the results
    std::array<std::string, 2> answered_as_;
    ScoredCounts counts_;
};

}  // namespace urial::batch
