#include "eval/win_rate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <tuple>

#include "eval/clusters.h"

namespace urial::eval {
namespace {

/// Draws for the interval of the length-controlled rate; each costs a whole fit.
constexpr std::size_t kRefits = 1'000;
constexpr double kRidge = 0.01;
constexpr int kMostNewtonSteps = 50;

std::size_t count_characters(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// What one record says about `generator`: 1, 0.5, 0, or nothing readable.
std::optional<double> won_by(const EvalRecord& record, std::string_view generator, const Verdict& verdict) {
    const auto* preference = std::get_if<Preference>(&verdict);
    if (preference == nullptr) return std::nullopt;
    if (preference->choice == Choice::Tie) return 0.5;
    return (preference->choice == Choice::A) == (record.answer.generator == generator) ? 1.0 : 0.0;
}

struct Asked {
    std::vector<std::optional<double>> by_order[2];  // [generator stands first, second]
    const EvalRecord* record = nullptr;
};

double lead_of(const EvalRecord& record, std::string_view generator) {
    const auto a = static_cast<double>(count_characters(record.answer.output));
    const auto b = static_cast<double>(count_characters(record.other->output));
    return record.answer.generator == generator ? a - b : b - a;
}

/// Newton's method for won ~ sigmoid(intercept + slope * x), weights per row. Returns the intercept.
double fit_intercept(std::span<const double> x, std::span<const double> won, std::span<const double> weights) {
    double intercept = 0;
    double slope = 0;
    for (int step = 0; step < kMostNewtonSteps; ++step) {
        // The tiny ridge on the intercept keeps it finite when one side wins everything.
        double gradient_i = -1e-6 * intercept, gradient_s = -kRidge * slope;
        double hessian_ii = 1e-6, hessian_is = 0, hessian_ss = kRidge;
        for (std::size_t row = 0; row < x.size(); ++row) {
            const double p = 1 / (1 + std::exp(-(intercept + slope * x[row])));
            const double residual = weights[row] * (won[row] - p);
            const double curvature = weights[row] * p * (1 - p);
            gradient_i += residual;
            gradient_s += residual * x[row];
            hessian_ii += curvature;
            hessian_is += curvature * x[row];
            hessian_ss += curvature * x[row] * x[row];
        }
        const double determinant = hessian_ii * hessian_ss - hessian_is * hessian_is;
        const double limit = 2;  // a longer Newton step on a flat likelihood overshoots
        const double step_i =
            std::clamp((gradient_i * hessian_ss - gradient_s * hessian_is) / determinant, -limit, limit);
        const double step_s =
            std::clamp((gradient_s * hessian_ii - gradient_i * hessian_is) / determinant, -limit, limit);
        intercept += step_i;
        slope += step_s;
        if (std::abs(step_i) + std::abs(step_s) < 1e-10) break;
    }
    return intercept;
}

/// tanh(lead / standard deviation of the leads): beyond a few deviations more length explains no more.
std::vector<double> length_terms(std::span<const Outcome> outcomes) {
    const auto n = static_cast<double>(outcomes.size());
    double sum = 0;
    for (const Outcome& outcome : outcomes) sum += outcome.length_lead;
    double squares = 0;
    for (const Outcome& outcome : outcomes) squares += std::pow(outcome.length_lead - sum / n, 2);
    const double deviation = std::sqrt(squares / n);
    std::vector<double> terms;
    for (const Outcome& outcome : outcomes)
        terms.push_back(deviation > 0 ? std::tanh(outcome.length_lead / deviation) : 0);
    return terms;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

std::optional<Interval> length_controlled_interval(std::span<const Outcome> outcomes, const Resampling& resampling) {
    if (outcomes.size() < 2) return std::nullopt;
    const std::vector<double> x = length_terms(outcomes);
    std::vector<double> won;
    Clusters clusters;
    std::vector<std::size_t> cluster_of;
    for (const Outcome& outcome : outcomes) {
        won.push_back(outcome.won);
        cluster_of.push_back(clusters.index_of(outcome.instruction));
    }
    std::mt19937_64 random(resampling.seed);
    std::vector<double> rates;
    for (std::size_t draw = 0; draw < std::min(resampling.draws, kRefits); ++draw) {
        std::vector<double> times(clusters.size());
        for (std::size_t i = 0; i < clusters.size(); ++i) times[((random() >> 32) * clusters.size()) >> 32] += 1;
        std::vector<double> weights;
        for (const std::size_t cluster : cluster_of) weights.push_back(times[cluster]);
        rates.push_back(sigmoid(fit_intercept(x, won, weights)));
    }
    const double low = quantile(rates, 0.025);
    return Interval{low, quantile(rates, 0.975)};
}

}  // namespace

double WinRate::rate() const {
    if (compared() == 0) return std::numeric_limits<double>::quiet_NaN();
    return (static_cast<double>(wins) + static_cast<double>(ties) / 2) / static_cast<double>(compared());
}

Comparisons compare_answers(std::span<const EvalRecord> records, std::string_view generator, std::string_view aspect) {
    std::map<std::tuple<std::string, std::string, std::string>, Asked> items;  // item, opponent, judge
    for (const EvalRecord& record : records) {
        const Verdict* verdict = record.find(aspect);
        if (verdict == nullptr || !record.other) continue;
        const bool first = record.answer.generator == generator;
        if (first == (record.other->generator == generator)) continue;
        const std::string& opponent = first ? record.other->generator : record.answer.generator;
        Asked& asked = items[{record.item.id, opponent, record.judge}];
        asked.by_order[first ? 0 : 1] = {won_by(record, generator, *verdict)};
        asked.record = &record;
    }
    Comparisons result;
    for (const auto& [key, asked] : items) {
        std::vector<std::optional<double>> answers(asked.by_order[0]);
        answers.insert(answers.end(), asked.by_order[1].begin(), asked.by_order[1].end());
        if (std::ranges::any_of(answers, [](const auto& answer) { return !answer; })) {
            ++result.unscored;
            continue;
        }
        const bool flipped = answers.size() == 2 && answers[0] != answers[1];
        result.both_orders += answers.size() == 2 ? 1 : 0;
        result.flips += flipped ? 1 : 0;
        result.outcomes.push_back({std::get<0>(key), flipped ? 0.5 : *answers.front(),
                                   lead_of(*asked.record, generator), asked.record->item.instruction});
    }
    return result;
}

WinRate win_rate(std::span<const EvalRecord> records, std::string_view generator, std::string_view aspect,
                 const Resampling& resampling) {
    const Comparisons comparisons = compare_answers(records, generator, aspect);
    WinRate rate;
    rate.flips = comparisons.flips;
    rate.both_orders = comparisons.both_orders;
    rate.unscored = comparisons.unscored;
    Clusters clusters;
    for (const Outcome& outcome : comparisons.outcomes) clusters.index_of(outcome.instruction);
    ClusteredValues column = clusters.empty_column();
    for (const Outcome& outcome : comparisons.outcomes) {
        (outcome.won == 1 ? rate.wins : outcome.won == 0 ? rate.losses : rate.ties) += 1;
        const std::size_t cluster = clusters.index_of(outcome.instruction);
        column.sums[cluster] += outcome.won;
        column.counts[cluster] += 1;
    }
    rate.ci95 = bootstrap(std::span(&column, 1), {}, resampling).front();
    rate.length_controlled = length_controlled_rate(comparisons.outcomes);
    rate.length_controlled_ci95 = length_controlled_interval(comparisons.outcomes, resampling);
    return rate;
}

std::optional<double> length_controlled_rate(std::span<const Outcome> outcomes) {
    if (outcomes.size() < 2) return std::nullopt;
    std::vector<double> won;
    for (const Outcome& outcome : outcomes) won.push_back(outcome.won);
    const std::vector<double> weights(outcomes.size(), 1);
    return sigmoid(fit_intercept(length_terms(outcomes), won, weights));
}

std::vector<std::string> generators(std::span<const EvalRecord> records) {
    std::set<std::string> names;
    for (const EvalRecord& record : records) {
        names.insert(record.answer.generator);
        if (record.other) names.insert(record.other->generator);
    }
    return {names.begin(), names.end()};
}

}  // namespace urial::eval
