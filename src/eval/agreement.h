#pragma once

// How far two raters, or the judges of a jury, agree: on verdicts of the same answers. docs/metrics.md defines every
// number. Pure functions but load_ratings().

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eval/record.h"
#include "eval/statistics.h"
#include "eval/summary.h"

namespace urial::eval {

/// One rater's verdict about one aspect of one answer (or pair of answers), as a number: the score, or 1, 0, -1 for A,
/// tie, B.
struct Rating {
    std::string rater;
    std::string aspect;
    std::string id;
    std::string instruction;
    int turn = 1;
    std::string generator;  ///< who answered; in pairs A, and the other below
    std::string other;
    double value = 0;
    bool is_preference = false;
};

/// Of every verdict that is a number or a preference; what is unscored or "N/A" is a missing value. A pair whose
/// answers stand in the other order than the alphabet's is turned round, so that both orders rate the same thing.
std::vector<Rating> ratings_of(std::span<const EvalRecord> records);

/// A run folder, or a file of ratings (JSON, JSON lines, gzip; docs/judging.md): `id` or `instruction`, `scores`
/// {aspect: number} or `preferences` {aspect: "A", "B", "tie"}, and where they matter `rater`, `turn`, `generator`,
/// `other`. Throws Error{BadInput|NotFound} naming path and value.
std::vector<Rating> load_ratings(const std::filesystem::path& path);

struct Estimate {
    double value = 0;              ///< NaN where undefined
    std::optional<Interval> ci95;  ///< bootstrap over clusters; resamples in which it is undefined do not count
};

struct Agreement {
    std::size_t n = 0;         ///< pairs of ratings
    Estimate exact;            ///< share of equal ratings
    Estimate within_one;       ///< share at most one step apart
    Estimate kappa;            ///< Cohen, unweighted
    Estimate quadratic_kappa;  ///< Cohen, quadratic weights
    Estimate alpha;            ///< Krippendorff, interval; nominal for preferences
    Estimate pearson;
    Estimate spearman;
    double mean_difference = 0;  ///< first minus second
};

/// Two ratings of one thing; equal `cluster` numbers are drawn together.
struct RatingPair {
    double first = 0;
    double second = 0;
    std::size_t cluster = 0;
};
inline constexpr Resampling kAgreementResampling{.draws = 1000};
Agreement agreement(std::span<const RatingPair> pairs, Metric metric,
                    const Resampling& resampling = kAgreementResampling);

/// One rater of a run against one of the other side.
struct Calibration {
    std::string judge;  ///< "all judges (mean)" for the last entry where there are several
    std::string aspect;
    Agreement agreement;
    std::size_t unmatched_judge = 0;  ///< the judge's ratings that the other side did not rate
    std::size_t unmatched_human = 0;  ///< things that the other side rated and this judge did not
};

/// Every judge of `judged` against the mean of the raters of `human` (preferences: what all say, a tie where they
/// differ). Ratings match when aspect and turn are the same, id or else instruction too, and the generators wherever
/// both sides name them.
std::vector<Calibration> calibrate(std::span<const Rating> judged, std::span<const Rating> human,
                                   const Resampling& resampling = kAgreementResampling);

/// How far the raters of one set agree among themselves; aspects that fewer than two raters rated are left out.
struct JuryAgreement {
    std::string aspect;
    std::size_t raters = 0;
    std::size_t units = 0;  ///< things with two or more ratings
    Estimate alpha;         ///< Krippendorff, any number of raters, missing values: interval, nominal for preferences
    Estimate exact;         ///< share of equal ratings among all pairs of raters
};
std::vector<JuryAgreement> jury_agreement(std::span<const Rating> ratings,
                                          const Resampling& resampling = kAgreementResampling);

Json to_json(const Agreement& agreement);
Json to_json(std::span<const JuryAgreement> jury);

}  // namespace urial::eval
