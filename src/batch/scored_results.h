#pragma once

// What an engine wrote for the requests of scoring_requests.h, as the two sides of a run of `shift`. All results are
// read once, to find those that count, and each of these once more when its answer is due: memory holds one at a time.
// Belongs to one thread.

#include <array>
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

class ScoredResults {
public:
    /// `open`: the items of the run that have no record yet; requests of others count as answered. `requests` has to
    /// outlive the object. Throws Error{NotFound|BadInput} for what cannot be read and for results of two models on one
    /// side, and engine::Cancelled.
    ScoredResults(const RequestSet& requests, const std::vector<const shift::ShiftItem*>& open,
                  const std::vector<std::filesystem::path>& results, const std::function<bool()>& interrupted);
    ~ScoredResults();

    /// All but those that are taken: these are known when both sides of the run have been read.
    const ResultCounts& counts() const { return counts_; }
    /// Do both sides say how they cut the vocabulary_samples()?
    bool has_samples() const;
    /// One of kPairParts, by its index. Has to be outlived by this object.
    std::unique_ptr<shift::ListedSide> side(std::size_t part) const;

private:
    class Side;
    using Scores = std::variant<shift::ListedAnswer, RequestFailure>;
    /// An open request.
    struct Asked {
        const ScoredNote* note = nullptr;  // null: a sample
        std::size_t part = 0;
        std::optional<ResultPlace> place = {};
        std::optional<RequestFailure> failure = {};
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
    ResultCounts counts_;
};

}  // namespace urial::batch
