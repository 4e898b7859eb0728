#include "eval/statistics.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>

namespace urial::eval {
namespace {

// The bootstrap draws clusters with replacement. What a resample needs to know is only how often each cluster was
// drawn, so the counts are drawn once and every column's mean is two dot products with them: the random numbers cost
// clusters x draws, whatever the number of columns, and the rest is arithmetic over contiguous arrays that the compiler
// turns into vector instructions. All columns see the same resamples, so averages of columns keep their correlation.

constexpr double kTail = 0.025;
constexpr std::size_t kLanes = 8;

/// Independent partial sums, so that vectorising needs no reordering of a floating point sum.
double dot(std::span<const double> a, std::span<const double> b) {
    std::array<double, kLanes> lanes{};
    std::size_t i = 0;
    for (; i + kLanes <= a.size(); i += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
    }
    double total = 0;
    for (; i < a.size(); ++i) total += a[i] * b[i];
    for (const double lane : lanes) total += lane;
    return total;
}

/// Whole numbers below `bound` (at most 2^32) from a generator whose sequence the standard fixes.
class Draws {
public:
    explicit Draws(std::uint64_t seed) : generator_(seed) {}
    std::size_t below(std::size_t bound) {
        const std::uint64_t high = generator_() >> 32;
        return static_cast<std::size_t>((high * bound) >> 32);
    }
    std::uint64_t bits() { return generator_(); }

private:
    std::mt19937_64 generator_;
};

std::optional<Interval> percentile_interval(std::vector<double>& means) {
    if (means.empty()) return std::nullopt;
    const double low = quantile(means, kTail);
    return Interval{low, quantile(means, 1 - kTail)};
}

double total(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum;
}

/// Counts of pairs of values within units, each unit weighted by 1 / (its ratings - 1).
struct Coincidences {
    std::vector<double> values;              ///< the distinct ratings, ascending
    std::vector<std::vector<double>> pairs;  ///< [value][value]
    std::vector<double> marginals;
    double n = 0;
};

Coincidences count_coincidences(std::span<const std::vector<double>> units) {
    Coincidences table;
    for (const auto& unit : units) {
        if (unit.size() > 1) table.values.insert(table.values.end(), unit.begin(), unit.end());
    }
    std::ranges::sort(table.values);
    table.values.erase(std::ranges::unique(table.values).begin(), table.values.end());
    const std::size_t size = table.values.size();
    table.pairs.assign(size, std::vector<double>(size));
    table.marginals.assign(size, 0);
    const auto index_of = [&](double value) {
        return static_cast<std::size_t>(std::ranges::lower_bound(table.values, value) - table.values.begin());
    };
    for (const auto& unit : units) {
        if (unit.size() < 2) continue;
        for (std::size_t i = 0; i < unit.size(); ++i) {
            for (std::size_t j = 0; j < unit.size(); ++j) {
                if (i == j) continue;
                table.pairs[index_of(unit[i])][index_of(unit[j])] += 1.0 / static_cast<double>(unit.size() - 1);
            }
        }
    }
    for (std::size_t c = 0; c < size; ++c) table.marginals[c] = total(table.pairs[c]);
    table.n = total(table.marginals);
    return table;
}

double squared_distance(const Coincidences& table, std::size_t c, std::size_t k, Metric metric) {
    switch (metric) {
        case Metric::Nominal: return c == k ? 0 : 1;
        case Metric::Interval: return std::pow(table.values[c] - table.values[k], 2);
        case Metric::Ordinal: break;
    }
    double between = 0;
    for (std::size_t g = std::min(c, k); g <= std::max(c, k); ++g) between += table.marginals[g];
    return std::pow(between - (table.marginals[c] + table.marginals[k]) / 2, 2);
}

/// 1 for the smallest; equal values share the mean of their ranks.
std::vector<double> ranks_of(std::span<const double> values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
    std::vector<double> ranks(values.size());
    for (std::size_t begin = 0; begin < order.size();) {
        std::size_t end = begin;
        while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
        // Ranks begin + 1 to end.
        for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = static_cast<double>(begin + end + 1) / 2;
        begin = end;
    }
    return ranks;
}

}  // namespace

double mean(const ClusteredValues& values) {
    const double count = total(values.counts);
    return count > 0 ? total(values.sums) / count : std::numeric_limits<double>::quiet_NaN();
}

std::vector<double> holm(std::span<const double> p_values) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < p_values.size(); ++i) {
        if (!std::isnan(p_values[i])) order.push_back(i);
    }
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return p_values[i]; });
    std::vector<double> corrected(p_values.begin(), p_values.end());
    double greatest = 0;
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
        const auto left = static_cast<double>(order.size() - rank);
        greatest = std::max(greatest, std::min(1.0, left * p_values[order[rank]]));
        corrected[order[rank]] = greatest;
    }
    return corrected;
}

double quantile(std::vector<double>& values, double q) {
    assert(!values.empty());
    const double position = q * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::ptrdiff_t>(position);
    std::nth_element(values.begin(), values.begin() + below, values.end());
    const double low = values[static_cast<std::size_t>(below)];
    if (below + 1 == std::ssize(values)) return low;
    const double high = *std::min_element(values.begin() + below + 1, values.end());
    return low + (position - static_cast<double>(below)) * (high - low);
}

std::vector<std::optional<Interval>> bootstrap(std::span<const ClusteredValues> columns,
                                               std::span<const std::vector<std::size_t>> averages,
                                               const Resampling& resampling) {
    std::vector<std::optional<Interval>> intervals(columns.size() + averages.size());
    if (columns.empty()) return intervals;
    const std::size_t clusters = columns.front().sums.size();
    std::vector<std::vector<double>> means(intervals.size());
    std::vector<double> drawn(clusters);
    std::vector<double> current(columns.size());
    Draws random(resampling.seed);
    for (std::size_t draw = 0; draw < resampling.draws; ++draw) {
        std::ranges::fill(drawn, 0);
        for (std::size_t i = 0; i < clusters; ++i) drawn[random.below(clusters)] += 1;
        for (std::size_t column = 0; column < columns.size(); ++column) {
            assert(columns[column].sums.size() == clusters && columns[column].counts.size() == clusters);
            const double count = dot(drawn, columns[column].counts);
            current[column] =
                count > 0 ? dot(drawn, columns[column].sums) / count : std::numeric_limits<double>::quiet_NaN();
            if (count > 0) means[column].push_back(current[column]);
        }
        for (std::size_t average = 0; average < averages.size(); ++average) {
            double sum = 0;
            for (const std::size_t column : averages[average]) sum += current[column];
            sum /= static_cast<double>(averages[average].size());
            if (!std::isnan(sum)) means[columns.size() + average].push_back(sum);
        }
    }
    const auto varies = [&](const ClusteredValues& column) {
        return std::ranges::count_if(column.counts, [](double count) { return count > 0; }) > 1;
    };
    for (std::size_t i = 0; i < intervals.size(); ++i) {
        if (i < columns.size() && !varies(columns[i])) continue;
        intervals[i] = percentile_interval(means[i]);
    }
    return intervals;
}

std::vector<std::optional<Interval>> bootstrap_numbers(
    std::size_t clusters, const std::function<std::vector<double>(std::span<const std::size_t>)>& numbers,
    const Resampling& resampling) {
    if (clusters == 0) return std::vector<std::optional<Interval>>(numbers({}).size());
    std::vector<std::vector<double>> values;
    std::vector<std::size_t> drawn(clusters);
    Draws random(resampling.seed);
    for (std::size_t draw = 0; draw < resampling.draws; ++draw) {
        for (std::size_t& cluster : drawn) cluster = random.below(clusters);
        const std::vector<double> current = numbers(drawn);
        values.resize(current.size());
        for (std::size_t i = 0; i < current.size(); ++i) {
            if (!std::isnan(current[i])) values[i].push_back(current[i]);
        }
    }
    std::vector<std::optional<Interval>> intervals(values.size());
    if (clusters < 2) return intervals;
    std::ranges::transform(values, intervals.begin(), percentile_interval);
    return intervals;
}

double sign_flip_p_value(const ClusteredValues& differences, const Resampling& resampling) {
    const std::vector<double>& sums = differences.sums;
    // Sums of the same values in another order differ in the last digits; they must still count as equal.
    const double observed = std::abs(total(sums)) * (1 - 1e-12);
    if (sums.empty()) return 1;
    Draws random(resampling.seed);
    std::size_t as_extreme = 1;
    for (std::size_t draw = 0; draw < resampling.draws; ++draw) {
        double sum = 0;
        std::uint64_t bits = 0;
        for (std::size_t i = 0; i < sums.size(); ++i) {
            if (i % 64 == 0) bits = random.bits();
            sum += (bits & 1) != 0 ? sums[i] : -sums[i];
            bits >>= 1;
        }
        if (std::abs(sum) >= observed) ++as_extreme;
    }
    return static_cast<double>(as_extreme) / static_cast<double>(resampling.draws + 1);
}

std::optional<double> krippendorff_alpha(std::span<const std::vector<double>> units, Metric metric) {
    const Coincidences table = count_coincidences(units);
    double observed = 0;
    double expected = 0;
    for (std::size_t c = 0; c < table.values.size(); ++c) {
        for (std::size_t k = 0; k < table.values.size(); ++k) {
            const double distance = squared_distance(table, c, k, metric);
            observed += table.pairs[c][k] * distance;
            expected += table.marginals[c] * table.marginals[k] * distance;
        }
    }
    if (expected == 0) return std::nullopt;
    return 1 - (table.n - 1) * observed / expected;
}

std::optional<double> cohen_kappa(std::span<const double> first, std::span<const double> second, Weights weights) {
    assert(first.size() == second.size());
    const auto disagreement = [&](double a, double b) {
        if (weights == Weights::None) return a == b ? 0.0 : 1.0;
        return weights == Weights::Linear ? std::abs(a - b) : (a - b) * (a - b);
    };
    std::map<double, double> first_counts;
    std::map<double, double> second_counts;
    double observed = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
        ++first_counts[first[i]];
        ++second_counts[second[i]];
        observed += disagreement(first[i], second[i]);
    }
    double expected = 0;
    for (const auto& [a, times_a] : first_counts) {
        for (const auto& [b, times_b] : second_counts) expected += times_a * times_b * disagreement(a, b);
    }
    if (expected == 0) return std::nullopt;
    return 1 - static_cast<double>(first.size()) * observed / expected;
}

std::optional<double> pearson(std::span<const double> first, std::span<const double> second) {
    assert(first.size() == second.size());
    const auto n = static_cast<double>(first.size());
    double mean_1 = 0;
    double mean_2 = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
        mean_1 += first[i] / n;
        mean_2 += second[i] / n;
    }
    double products = 0;
    double squares_1 = 0;
    double squares_2 = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
        products += (first[i] - mean_1) * (second[i] - mean_2);
        squares_1 += (first[i] - mean_1) * (first[i] - mean_1);
        squares_2 += (second[i] - mean_2) * (second[i] - mean_2);
    }
    const auto is_constant = [](std::span<const double> values) {
        return std::ranges::all_of(values, [&](double value) { return value == values.front(); });
    };
    // Not by the sums of squares: rounding in the mean leaves a constant side a tiny one.
    if (is_constant(first) || is_constant(second)) return std::nullopt;
    return products / std::sqrt(squares_1 * squares_2);
}

std::optional<double> spearman(std::span<const double> first, std::span<const double> second) {
    assert(first.size() == second.size());
    return pearson(ranks_of(first), ranks_of(second));
}

}  // namespace urial::eval
