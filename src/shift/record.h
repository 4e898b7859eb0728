#pragma once

// A record of a run folder: the JSON of one answer, written and read. The format: docs/shift.md. Pure.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "shift/score.h"

namespace urial::shift {

/// Nothing where the value is no token id.
std::optional<Token> token_in(const nlohmann::ordered_json& value);

/// A record as its readers see it. Arrays have one entry a position. A number that is not finite is null in JSON and
/// infinite here: a log-probability downwards, anything else upwards.
struct ShiftRecord {
    std::string id;
    std::string instruction;
    std::vector<Token> answer_ids;
    std::vector<std::string> pieces;  ///< text of each token, a control token by its name
    std::vector<std::uint32_t> base_rank, aligned_rank;
    std::vector<double> base_logp, aligned_logp;
    std::vector<double> kl_ab, kl_ba, js, tv;
    std::vector<double> base_entropy, aligned_entropy;
    std::vector<double> base_margin, aligned_margin;
    std::vector<Token> base_argmax, aligned_argmax;
    std::vector<std::vector<TopToken>> base_top, aligned_top;
    std::vector<std::pair<Token, std::string>> top_pieces;  ///< texts of the tokens in these lists
    std::vector<std::vector<double>> original;  ///< [kOriginalNames][position]; empty where the record has none
    std::vector<std::string> tags;              ///< "task: writing", "topic: stem", "category: safety", ...
};

/// Token texts, asked of the model once each. Not thread-safe.
class Pieces {
public:
    explicit Pieces(const engine::Model& model) : model_(model) {}
    /// Valid UTF-8; bytes of an incomplete character become U+FFFD.
    const std::string& operator[](Token token);

private:
    const engine::Model& model_;
    std::unordered_map<Token, std::string> texts_;
};

/// `value` rounded to `digits` significant digits; null where it is not finite.
nlohmann::ordered_json rounded(double value, int digits = 6);

/// Writes the arrays of one answer into `record`. `result.stats` hold at least kOriginalListLength top tokens, where
/// the vocabulary has as many; `top_k` of them are written.
void add_statistics(nlohmann::ordered_json& record, const ScoredAnswer& result, std::size_t top_k, Pieces& pieces);

/// Throws Error{BadInput} that begins with `where` for anything that is not a record of this format.
ShiftRecord parse_record(const nlohmann::ordered_json& record, std::string_view where);

/// Calls `record` for every answer of the file. Failed items are left out; so is a record that stands there again, and
/// their number is returned. A torn last line (of a run that is still writing, or was killed) is no record; any other
/// broken line is Error{BadInput}.
std::size_t for_each_record(const std::filesystem::path& records, const std::function<void(ShiftRecord&&)>& record);

}  // namespace urial::shift
