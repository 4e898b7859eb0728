#pragma once

// Intervals, tests and agreement: the statistics behind the tables. Pure functions on plain numbers; random draws come
// from a seed, so the same data give the same interval everywhere. docs/metrics.md explains each in words.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace urial::eval {

struct Interval {
    double low = 0;
    double high = 0;
    bool operator==(const Interval&) const = default;
};

struct Resampling {
    std::size_t draws = 10'000;
    std::uint64_t seed = 20231204;
};

/// One mean over items that belong to clusters (items that share an instruction are drawn together): per cluster the
/// sum of the values and how many there are. A mean is the total of sums over the total of counts.
struct ClusteredValues {
    std::vector<double> sums;
    std::vector<double> counts;
};

/// NaN when nothing is counted.
double mean(const ClusteredValues& values);

/// 95 % percentile intervals of the means of all columns, and after them of the unweighted averages of columns that
/// `averages` lists by index. Every column must have one entry per cluster. A column counts only the resamples in which
/// something of it was drawn; std::nullopt when fewer than two clusters of it have a value.
std::vector<std::optional<Interval>> bootstrap(std::span<const ClusteredValues> columns,
                                               std::span<const std::vector<std::size_t>> averages,
                                               const Resampling& resampling = {});

/// 95 % percentile intervals of any numbers that follow from a set of clusters. `numbers` gets the clusters drawn (some
/// twice, some never) and gives the same count of values each time; a NaN does not count. std::nullopt for fewer than
/// two clusters and for a number that was never defined.
std::vector<std::optional<Interval>> bootstrap_numbers(
    std::size_t clusters, const std::function<std::vector<double>(std::span<const std::size_t>)>& numbers,
    const Resampling& resampling);

/// Two-sided p-value of "the mean is zero" by flipping the signs of whole clusters: the share of flips whose absolute
/// mean is at least that of the data, the data themselves counted in. 1 when there is nothing to flip.
double sign_flip_p_value(const ClusteredValues& differences, const Resampling& resampling = {});

/// P-values of several hypotheses that are stated together, corrected by Holm's step-down rule, in their order: with
/// the probability of 1 - a none is below a by chance alone. Source: Holm, "A simple sequentially rejective multiple
/// test procedure" (1979). A NaN is no hypothesis and stays.
std::vector<double> holm(std::span<const double> p_values);

/// q-quantile (0 to 1) with linear interpolation; reorders `values`, which must not be empty.
double quantile(std::vector<double>& values, double q);

/// Krippendorff's alpha. `units[u]` holds the ratings of one unit by however many raters; units with fewer than two
/// ratings do not count. std::nullopt when no unit counts or all ratings are equal (there is nothing to disagree
/// about). Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011).
enum class Metric { Nominal, Ordinal, Interval };
std::optional<double> krippendorff_alpha(std::span<const std::vector<double>> units, Metric metric);

/// Cohen's kappa of two raters over the same items, unweighted or with weights growing with the distance of the values.
/// std::nullopt when the raters' marginals leave no room for disagreement. Sizes must be equal.
enum class Weights { None, Linear, Quadratic };
std::optional<double> cohen_kappa(std::span<const double> first, std::span<const double> second, Weights weights);

/// Correlation of two raters over the same items: Pearson of the values, Spearman of their ranks (equal values share
/// the mean of their ranks). std::nullopt for fewer than two items and where one rater always says the same.
std::optional<double> pearson(std::span<const double> first, std::span<const double> second);
std::optional<double> spearman(std::span<const double> first, std::span<const double> second);

}  // namespace urial::eval
