#include "eval/agreement.h"

#include <algorithm>
#include <cmath>
#include <compare>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "eval/clusters.h"
#include "eval/json_values.h"

namespace urial::eval {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double or_nan(std::optional<double> value) { return value.value_or(kNaN); }

/// What was rated, whoever did.
struct Thing {
    std::string id;
    std::string instruction;
    int turn;
    std::string generator;
    std::string other;
    auto operator<=>(const Thing&) const = default;

    const std::string& cluster() const { return instruction.empty() ? id : instruction; }
};

/// Values of several raters, or of one who was asked several times.
double combined(const std::vector<double>& values, bool is_preference) {
    if (is_preference) return std::ranges::adjacent_find(values, std::not_equal_to{}) == values.end() ? values[0] : 0;
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
}

/// One aspect's ratings by one rater, or by several taken together.
struct RatedThings {
    std::map<Thing, std::vector<double>> values;
    bool is_preference = false;

    void add(const Rating& rating) {
        values[{rating.id, rating.instruction, rating.turn, rating.generator, rating.other}].push_back(rating.value);
        is_preference = is_preference || rating.is_preference;
    }
    double value(const Thing& thing) const { return combined(values.at(thing), is_preference); }
};

Metric metric_of(bool is_preference) { return is_preference ? Metric::Nominal : Metric::Interval; }

template <typename Name>
std::vector<std::string> distinct(std::span<const Rating> ratings, const Name& name) {
    std::vector<std::string> names;
    for (const Rating& rating : ratings) {
        if (std::ranges::find(names, name(rating)) == names.end()) names.push_back(name(rating));
    }
    return names;
}

bool agree_where_given(const std::string& a, const std::string& b) { return a.empty() || b.empty() || a == b; }

bool are_the_same(const Thing& a, const Thing& b) {
    const bool same_question = !a.id.empty() && a.id == b.id ? agree_where_given(a.instruction, b.instruction)
                                                             : !a.instruction.empty() && a.instruction == b.instruction;
    return same_question && a.turn == b.turn && agree_where_given(a.generator, b.generator) &&
           agree_where_given(a.other, b.other);
}

/// Finds the partners of things on the other side, each at most once.
class Partners {
public:
    explicit Partners(const RatedThings& others) {
        for (const auto& [thing, values] : others.values) {
            if (!thing.id.empty()) by_id_[thing.id].push_back(&thing);
            if (!thing.instruction.empty()) by_instruction_[thing.instruction].push_back(&thing);
        }
    }

    const Thing* take(const Thing& thing) {
        const Thing* found = take_from(by_id_, thing.id, thing);
        return found != nullptr ? found : take_from(by_instruction_, thing.instruction, thing);
    }

private:
    using Index = std::map<std::string, std::vector<const Thing*>>;

    const Thing* take_from(const Index& index, const std::string& key, const Thing& thing) {
        const auto candidates = index.find(key);
        if (candidates == index.end()) return nullptr;
        for (const Thing* candidate : candidates->second) {
            if (!taken_.contains(candidate) && are_the_same(thing, *candidate)) {
                taken_.insert(candidate);
                return candidate;
            }
        }
        return nullptr;
    }

    Index by_id_;
    Index by_instruction_;
    std::set<const Thing*> taken_;
};

Calibration compare_sides(const RatedThings& judge, const RatedThings& human, const Resampling& resampling) {
    Calibration result;
    Partners partners(human);
    Clusters clusters;
    std::vector<RatingPair> pairs;
    for (const auto& [thing, values] : judge.values) {
        const Thing* partner = partners.take(thing);
        if (partner == nullptr) {
            ++result.unmatched_judge;
            continue;
        }
        pairs.push_back({judge.value(thing), human.value(*partner), clusters.index_of(thing.cluster())});
    }
    result.unmatched_human = human.values.size() - pairs.size();
    result.agreement = agreement(pairs, metric_of(judge.is_preference), resampling);
    return result;
}

/// The measures of agreement(), in its order of fields.
std::vector<double> measures(const std::vector<double>& first, const std::vector<double>& second, Metric metric) {
    const auto n = static_cast<double>(first.size());
    double equal = 0;
    double near = 0;
    std::vector<std::vector<double>> units;
    units.reserve(first.size());
    for (std::size_t i = 0; i < first.size(); ++i) {
        equal += first[i] == second[i] ? 1 : 0;
        near += std::abs(first[i] - second[i]) <= 1 ? 1 : 0;
        units.push_back({first[i], second[i]});
    }
    return {n > 0 ? equal / n : kNaN,
            n > 0 ? near / n : kNaN,
            or_nan(cohen_kappa(first, second, Weights::None)),
            or_nan(cohen_kappa(first, second, Weights::Quadratic)),
            or_nan(krippendorff_alpha(units, metric)),
            or_nan(pearson(first, second)),
            or_nan(spearman(first, second))};
}

/// All judges' ratings of one thing, by cluster; things with one rating are left out.
struct JuryUnits {
    std::vector<std::vector<double>> units;
    std::vector<std::vector<std::size_t>> members;  ///< of every cluster
};

JuryUnits units_of(const std::map<std::string, RatedThings>& by_rater) {
    std::map<Thing, std::vector<double>> gathered;
    for (const auto& [rater, things] : by_rater) {
        for (const auto& [thing, values] : things.values) gathered[thing].push_back(things.value(thing));
    }
    JuryUnits jury;
    Clusters clusters;
    for (auto& [thing, values] : gathered) {
        if (values.size() < 2) continue;
        const std::size_t cluster = clusters.index_of(thing.cluster());
        jury.members.resize(clusters.size());
        jury.members[cluster].push_back(jury.units.size());
        jury.units.push_back(std::move(values));
    }
    return jury;
}

/// Alpha, and the share of equal ratings among all pairs within units.
std::vector<double> jury_measures(std::span<const std::vector<double>> units, Metric metric) {
    double equal = 0;
    double pairs = 0;
    for (const std::vector<double>& unit : units) {
        for (std::size_t i = 0; i < unit.size(); ++i) {
            for (std::size_t j = i + 1; j < unit.size(); ++j) equal += unit[i] == unit[j] ? 1 : 0;
        }
        pairs += static_cast<double>(unit.size() * (unit.size() - 1)) / 2;
    }
    return {or_nan(krippendorff_alpha(units, metric)), pairs > 0 ? equal / pairs : kNaN};
}

JuryAgreement agreement_on(const std::string& aspect, std::span<const Rating> ratings, const Resampling& resampling) {
    std::map<std::string, RatedThings> by_rater;
    bool is_preference = false;
    for (const Rating& rating : ratings) {
        if (rating.aspect != aspect) continue;
        by_rater[rating.rater].add(rating);
        is_preference = is_preference || rating.is_preference;
    }
    const JuryUnits jury = units_of(by_rater);
    const Metric metric = metric_of(is_preference);
    const auto resampled = [&](std::span<const std::size_t> drawn) {
        std::vector<std::vector<double>> units;
        for (const std::size_t cluster : drawn) {
            for (const std::size_t unit : jury.members[cluster]) units.push_back(jury.units[unit]);
        }
        return jury_measures(units, metric);
    };
    const std::vector<double> values = jury_measures(jury.units, metric);
    const auto intervals = bootstrap_numbers(jury.members.size(), resampled, resampling);
    return {aspect, by_rater.size(), jury.units.size(), {values[0], intervals[0]}, {values[1], intervals[1]}};
}

Json estimate_json(const Estimate& estimate) {
    Json json{{"value", number_json(estimate.value)}};
    json["ci95"] = interval_json(estimate.ci95);
    return json;
}

}  // namespace

Agreement agreement(std::span<const RatingPair> pairs, Metric metric, const Resampling& resampling) {
    std::vector<double> first;
    std::vector<double> second;
    std::vector<std::vector<std::size_t>> members;
    double difference = 0;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        first.push_back(pairs[i].first);
        second.push_back(pairs[i].second);
        difference += pairs[i].first - pairs[i].second;
        if (members.size() <= pairs[i].cluster) members.resize(pairs[i].cluster + 1);
        members[pairs[i].cluster].push_back(i);
    }
    const auto resampled = [&](std::span<const std::size_t> drawn) {
        std::vector<double> a;
        std::vector<double> b;
        for (const std::size_t cluster : drawn) {
            for (const std::size_t i : members[cluster]) {
                a.push_back(first[i]);
                b.push_back(second[i]);
            }
        }
        return measures(a, b, metric);
    };
    const std::vector<double> values = measures(first, second, metric);
    const auto intervals = bootstrap_numbers(members.size(), resampled, resampling);
    const auto estimate = [&](std::size_t i) { return Estimate{values[i], intervals[i]}; };
    return {pairs.size(), estimate(0), estimate(1),
            estimate(2),  estimate(3), estimate(4),
            estimate(5),  estimate(6), pairs.empty() ? kNaN : difference / static_cast<double>(pairs.size())};
}

std::vector<Calibration> calibrate(std::span<const Rating> judged, std::span<const Rating> human,
                                   const Resampling& resampling) {
    const std::vector<std::string> aspects = distinct(judged, [](const Rating& r) { return r.aspect; });
    std::vector<std::string> judges = distinct(judged, [](const Rating& r) { return r.rater; });
    constexpr std::string_view kAll = "all judges (mean)";
    if (judges.size() > 1) judges.emplace_back(kAll);
    std::vector<Calibration> results;
    for (const std::string& judge : judges) {
        for (const std::string& aspect : aspects) {
            RatedThings ours;
            RatedThings theirs;
            for (const Rating& rating : judged) {
                if (rating.aspect == aspect && (judge == kAll || rating.rater == judge)) ours.add(rating);
            }
            for (const Rating& rating : human) {
                if (rating.aspect == aspect) theirs.add(rating);
            }
            if (ours.values.empty() || theirs.values.empty()) continue;
            Calibration result = compare_sides(ours, theirs, resampling);
            result.judge = judge;
            result.aspect = aspect;
            results.push_back(std::move(result));
        }
    }
    return results;
}

std::vector<JuryAgreement> jury_agreement(std::span<const Rating> ratings, const Resampling& resampling) {
    std::vector<JuryAgreement> results;
    for (const std::string& aspect : distinct(ratings, [](const Rating& r) { return r.aspect; })) {
        std::set<std::string> raters;
        for (const Rating& rating : ratings) {
            if (rating.aspect == aspect) raters.insert(rating.rater);
        }
        if (raters.size() > 1) results.push_back(agreement_on(aspect, ratings, resampling));
    }
    return results;
}

Json to_json(const Agreement& agreement) {
    Json json{{"n", agreement.n}, {"mean_difference", number_json(agreement.mean_difference)}};
    json["exact"] = estimate_json(agreement.exact);
    json["within_one"] = estimate_json(agreement.within_one);
    json["kappa"] = estimate_json(agreement.kappa);
    json["quadratic_kappa"] = estimate_json(agreement.quadratic_kappa);
    json["alpha"] = estimate_json(agreement.alpha);
    json["pearson"] = estimate_json(agreement.pearson);
    json["spearman"] = estimate_json(agreement.spearman);
    return json;
}

Json to_json(std::span<const JuryAgreement> jury) {
    Json json = Json::object();
    for (const JuryAgreement& aspect : jury) {
        Json& row = json[aspect.aspect];
        row = Json{{"raters", aspect.raters}, {"units", aspect.units}};
        row["alpha"] = estimate_json(aspect.alpha);
        row["exact"] = estimate_json(aspect.exact);
    }
    return json;
}

}  // namespace urial::eval
