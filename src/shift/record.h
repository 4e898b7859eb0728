#pragma once

// A record of a run folder: the JSON of one answer, written and read. The format: docs/shift.md. Pure.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "shift/score.h"

namespace urial::shift {

inline constexpr std::uint32_t kUnknownRank = std::numeric_limits<std::uint32_t>::max();
/// In a mean base rank greater ranks count as this, as in the paper's Figure 4.
inline constexpr std::uint32_t kRankCap = 50;

/// Nothing where the value is no token id.
std::optional<Token> token_in(const nlohmann::ordered_json& value);

/// A record as its readers see it. Arrays have one entry a position. A number that is not finite is null in JSON and
/// infinite here: a log-probability downwards, anything else upwards.
///
/// What needs the whole distributions (kl_ab, kl_ba, js, tv, the entropies) is empty in the record of a model on a
/// server; the bounds are empty in all others.
struct ShiftRecord {
    std::string id;
    std::string instruction;
    std::vector<Token> answer_ids;
    std::vector<std::string> pieces;  ///< text of each token, a control token by its name
    /// A rank that nobody knows is null in JSON and kUnknownRank here: it is beyond the list that was asked for, which
    /// has at least kRankCap tokens.
    std::vector<std::uint32_t> base_rank, aligned_rank;
    std::vector<double> base_logp, aligned_logp;
    std::vector<double> kl_ab, kl_ba, js, tv;
    std::vector<double> base_entropy, aligned_entropy;
    std::vector<double> kl_ab_lower, tv_lower, tv_upper;
    std::vector<double> base_margin, aligned_margin;
    std::vector<Token> base_argmax, aligned_argmax;
    std::vector<std::vector<TopToken>> base_top, aligned_top;
    std::vector<std::pair<Token, std::string>> top_pieces;  ///< texts of the tokens in these lists
    std::vector<std::vector<double>> original;  ///< [kOriginalNames][position]; empty where the record has none
    std::vector<std::string> tags;              ///< "task: writing", "topic: stem", "category: safety", ...
};

/// Token texts, asked for once each. Not thread-safe.
class Pieces {
public:
    explicit Pieces(std::function<std::string(Token)> piece) : piece_(std::move(piece)) {}
    /// Valid UTF-8; bytes of an incomplete character become U+FFFD.
    const std::string& operator[](Token token);

private:
    std::function<std::string(Token)> piece_;
    std::unordered_map<Token, std::string> texts_;
};

/// `value` rounded to `digits` significant digits; null where it is not finite.
nlohmann::ordered_json rounded(double value, int digits = 6);

/// Writes the arrays of one answer into `record`, `top_k` entries of each list. `result.stats` hold at least
/// kOriginalListLength top tokens, where the vocabulary has as many.
void add_statistics(nlohmann::ordered_json& record, const ScoredAnswer& result, std::size_t top_k, Pieces& pieces);

/// Throws Error{BadInput} that begins with `where` for anything that is not a record of this format.
ShiftRecord parse_record(std::string_view json, std::string_view where);

/// Calls `take` for every answer of the file, in its order. Failed items are left out; so is a record that stands there
/// again, and their number is returned. A torn last line (of a run that is still writing, or was killed) is no record;
/// any other broken line is Error{BadInput}.
std::size_t for_each_record(const std::filesystem::path& records, const std::function<void(ShiftRecord&&)>& take);

}  // namespace urial::shift
