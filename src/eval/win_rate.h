#pragma once

// Who wins: pairwise records of one run become wins, ties and losses of one generator. Pure functions.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eval/record.h"
#include "eval/statistics.h"

namespace urial::eval {

/// One comparison as seen from the generator asked about.
struct Outcome {
    std::string item_id;
    double won = 0;           ///< 1 won, 0.5 tie, 0 lost
    double length_lead = 0;   ///< its answer's length minus the other's, in characters
    std::string instruction;  ///< equal instructions are one cluster
};

struct WinRate {
    std::size_t wins = 0;
    std::size_t ties = 0;
    std::size_t losses = 0;
    std::size_t flips = 0;                    ///< of the ties: the verdict changed with the order of the answers
    std::size_t both_orders = 0;              ///< comparisons that were asked in both orders and read in both
    std::size_t unscored = 0;                 ///< comparisons without a verdict in one of the orders that were asked
    std::optional<Interval> ci95;             ///< of rate()
    std::optional<double> length_controlled;  ///< 0 to 1
    std::optional<Interval> length_controlled_ci95;

    std::size_t compared() const { return wins + ties + losses; }
    double rate() const;  ///< (wins + ties / 2) / compared; NaN for none
    /// Percentages of wins, ties, losses.
    double percent(std::size_t count) const {
        return 100.0 * static_cast<double>(count) / static_cast<double>(compared());
    }
};

/// Records of one item that differ only in the order of the answers are one comparison; orders that disagree are a tie
/// and a flip. Records without the generator or the aspect are left out.
struct Comparisons {
    std::vector<Outcome> outcomes;
    std::size_t flips = 0;
    std::size_t both_orders = 0;
    std::size_t unscored = 0;
};
Comparisons compare_answers(std::span<const EvalRecord> records, std::string_view generator, std::string_view aspect);

WinRate win_rate(std::span<const EvalRecord> records, std::string_view generator, std::string_view aspect,
                 const Resampling& resampling = {});

/// The win rate if both answers were equally long: logistic regression of `won` on an intercept and
/// tanh(length_lead / standard deviation of length_lead), read off at a lead of zero. This is AlpacaEval 2's model
/// (Dubois et al. 2024) without its per-instruction difficulty term, which needs many models to estimate; a small ridge
/// on the length term keeps it finite. std::nullopt for fewer than two outcomes.
std::optional<double> length_controlled_rate(std::span<const Outcome> outcomes);

/// Generators that occur in the records, sorted.
std::vector<std::string> generators(std::span<const EvalRecord> records);

}  // namespace urial::eval
