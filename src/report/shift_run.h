#pragma once

// A shift run in memory, compact: one array a measure over all positions of all answers, token texts once each.
// Internal to this part. A value; no references to files stay.

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>

#include "shift/record.h"

namespace urial::report {

/// The token table of a page: a token is an index into it, the same for equal ids.
class TokenTable {
public:
    /// The index of the token with this id, added where it is new; the first text of an id stays.
    std::uint32_t index_of(std::int64_t id, const std::string& text);
    /// The index of an id whose text may come later, or never.
    std::uint32_t index_of(std::int64_t id);

    const std::vector<std::string>& texts() const { return texts_; }
    const std::vector<std::int64_t>& ids() const { return ids_; }

private:
    std::uint32_t add(std::int64_t id);
    std::unordered_map<std::int64_t, std::uint32_t> indices_;
    std::vector<std::int64_t> ids_;
    std::vector<std::string> texts_;
    std::vector<bool> named_;
};

struct ShiftAnswer {
    std::string id;
    std::string instruction;
    std::vector<std::string> tags;  ///< "task: writing", "topic: stem", ...
    std::uint32_t length = 0;       ///< positions
};

/// The measures of a record in the order of the page's columns. A run has those that its records have.
struct MeasureColumn {
    const char* name;
    std::vector<double> shift::ShiftRecord::*values;
};
inline constexpr MeasureColumn kMeasures[] = {{"base_logp", &shift::ShiftRecord::base_logp},
                                              {"aligned_logp", &shift::ShiftRecord::aligned_logp},
                                              {"kl_ab", &shift::ShiftRecord::kl_ab},
                                              {"kl_ba", &shift::ShiftRecord::kl_ba},
                                              {"js", &shift::ShiftRecord::js},
                                              {"tv", &shift::ShiftRecord::tv},
                                              {"base_entropy", &shift::ShiftRecord::base_entropy},
                                              {"aligned_entropy", &shift::ShiftRecord::aligned_entropy},
                                              {"kl_ab_lower_bound", &shift::ShiftRecord::kl_ab_lower},
                                              {"tv_lower_bound", &shift::ShiftRecord::tv_lower},
                                              {"tv_upper_bound", &shift::ShiftRecord::tv_upper},
                                              {"base_margin", &shift::ShiftRecord::base_margin},
                                              {"aligned_margin", &shift::ShiftRecord::aligned_margin}};

/// The best candidates of one model at every position: `k` slots each, the unused ones with the log-probability
/// kAbsent.
struct TopLists {
    static constexpr std::uint16_t kAbsent = 0xffff;
    std::vector<std::uint32_t> tokens;
    std::vector<std::uint16_t> logprobs;  ///< -logp in steps of 1/1024 nats
};

struct ShiftRun {
    nlohmann::ordered_json manifest;
    std::vector<ShiftAnswer> answers;
    TokenTable tokens;
    std::uint32_t top_k = 0;
    std::size_t positions = 0;
    std::size_t repeated = 0;  ///< records that stand in the file again; each answer counts once
    std::vector<std::uint32_t> token, base_argmax, aligned_argmax, base_rank, aligned_rank;
    std::vector<float> measures[std::size(kMeasures)];  ///< NaN where a record has none or it is not finite
    bool has_measure[std::size(kMeasures)] = {};        ///< of any record
    TopLists base_top, aligned_top;
};

/// Throw Error{BadInput} for a manifest that is none, and for a run without an analysed position.
nlohmann::ordered_json read_manifest(const std::filesystem::path& folder);
void require_positions(std::size_t positions, const std::filesystem::path& folder);

/// Reads manifest.json and records.jsonl, as shift::for_each_record() does.
ShiftRun read_shift_run(const std::filesystem::path& folder);

}  // namespace urial::report
