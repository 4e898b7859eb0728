#include "shift/summary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <set>

#include "shift/original_measures.h"

namespace urial::shift {
namespace {

/// Where the bins begin; the last has no end. Fine where the shift is, coarse behind.
constexpr std::array<std::size_t, 9> kBinBegins{0, 5, 10, 20, 50, 100, 200, 400, 800};

std::size_t bin_of(std::size_t position) {
    return static_cast<std::size_t>(std::upper_bound(kBinBegins.begin(), kBinBegins.end(), position) -
                                    kBinBegins.begin()) -
           1;
}

/// Which of kOriginalNames decides the class.
constexpr std::size_t kOriginalRank = 0;
static_assert(kOriginalNames[kOriginalRank] == "base_rank10");

struct Ratio {
    double numerator = 0;
    double denominator = 0;
};

/// Mulberry32, the generator of the report's page (web/report/statistics.js): both draw the same answers from the same
/// seed, so that page and summary show one interval.
class RandomIndex {
public:
    /// Below `count`.
    std::size_t below(std::size_t count) {
        state_ += 0x6D2B79F5U;
        std::uint32_t mixed = (state_ ^ (state_ >> 15U)) * (state_ | 1U);
        mixed ^= mixed + (mixed ^ (mixed >> 7U)) * (mixed | 61U);
        return static_cast<std::size_t>((std::uint64_t{mixed ^ (mixed >> 14U)} * count) >> 32U);
    }

private:
    std::uint32_t state_ = 20231204;
};

/// NaN where there is nothing to divide by.
double quotient(double numerator, double denominator) {
    return denominator > 0 ? numerator / denominator : std::numeric_limits<double>::quiet_NaN();
}

/// The pooled ratio over answers and its percentile interval. The same seed for every number: they resample alike.
Estimate interval_of(const std::vector<Ratio>& answers) {
    Ratio sum;
    for (const Ratio& answer : answers) {
        sum.numerator += answer.numerator;
        sum.denominator += answer.denominator;
    }
    const double value = quotient(sum.numerator, sum.denominator);
    if (answers.size() < 2 || std::isnan(value)) return {value, value, value};
    RandomIndex random;
    std::vector<double> samples(kBootstrapSamples);
    for (double& sample : samples) {
        Ratio drawn;
        for (std::size_t i = 0; i < answers.size(); ++i) {
            const Ratio& answer = answers[random.below(answers.size())];
            drawn.numerator += answer.numerator;
            drawn.denominator += answer.denominator;
        }
        sample = drawn.denominator > 0 ? drawn.numerator / drawn.denominator : 0;
    }
    std::sort(samples.begin(), samples.end());
    const auto percentile = [&](double share) {
        return samples[static_cast<std::size_t>(share * (kBootstrapSamples - 1) + 0.5)];
    };
    return {value, percentile(0.025), percentile(0.975)};
}

}  // namespace

void Summarizer::Divergence::add(double value, bool is_end) {
    ++positions;
    if (!std::isfinite(value)) return;
    ++finite;
    sum += value;
    if (!is_end) return;
    ++finite_ends;
    sum_ends += value;
}

void Summarizer::add_position(BinCounts& counts, const ShiftRecord& record, std::size_t position) {
    ++counts.positions;
    const ShiftClass kind = shift_class(record.base_rank[position]);
    if (kind == ShiftClass::Marginal) ++counts.marginal;
    if (kind == ShiftClass::Shifted) ++counts.shifted;
    const bool ends = ends_answer(record.pieces[position], position + 1 == record.answer_ids.size());
    if (ends) ++counts.ends;
    if (record.kl_ab_lower.empty()) {
        counts.kl.add(record.kl_ab[position], ends);
    } else {
        counts.kl_lower.add(record.kl_ab_lower[position], ends);
        counts.tv_lower += record.tv_lower[position];
        counts.tv_upper += record.tv_upper[position];
    }
    counts.rank += std::min(record.base_rank[position], kRankCap);
    counts.probability += std::exp(record.base_logp[position]);
}

void Summarizer::add(const ShiftRecord& record) {
    AnswerCounts answer;
    answer.id = record.id;
    answer.instruction = record.instruction;
    answer.tags = record.tags;
    for (std::size_t i = 0; i < record.answer_ids.size(); ++i) {
        const std::size_t bin = bin_of(i);
        if (answer.bins.size() <= bin) answer.bins.resize(bin + 1);
        add_position(answer.all, record, i);
        add_position(answer.bins[bin], record, i);
        if (record.aligned_rank[i] == 1) ++answer.agreeing;
        if (record.base_margin[i] < kNearTie) ++near_ties_base_;
        if (record.aligned_margin[i] < kNearTie) ++near_ties_aligned_;
        TokenShift& token = tokens_[record.answer_ids[i]];
        token.token = record.answer_ids[i];
        const bool is_last = i + 1 == record.answer_ids.size();
        if (token.count++ == 0 || is_last) {
            token.piece = record.pieces[i];
            if (token.group != TokenGroup::EndOfAnswer) token.group = token_group(record.pieces[i], is_last);
        }
        if (shift_class(record.base_rank[i]) == ShiftClass::Shifted) ++token.shifted;
    }
    if (!record.original.empty()) {
        answer.original.positions = record.answer_ids.size();
        for (const std::vector<double>& values : record.original)
            answer.original.sums.push_back(std::accumulate(values.begin(), values.end(), 0.0));
        for (const double rank : record.original[kOriginalRank]) {
            const ShiftClass kind = shift_class(static_cast<std::uint64_t>(rank) + 1);
            if (kind == ShiftClass::Marginal) ++answer.original.marginal;
            if (kind == ShiftClass::Shifted) ++answer.original.shifted;
        }
    }
    bins_ = std::max(bins_, answer.bins.size());
    answers_.push_back(std::move(answer));
}

template <typename Counts, typename Sum, typename Count>
Estimate Summarizer::ratio_of(const std::vector<const Counts*>& counts, const Sum& sum, const Count& count) {
    std::vector<Ratio> ratios;
    for (const Counts* answer : counts) {
        ratios.push_back({static_cast<double>(sum(*answer)), static_cast<double>(count(*answer))});
    }
    return interval_of(ratios);
}

template <typename Counts>
std::size_t Summarizer::positions_of(const Counts& counts) {
    return counts.positions;
}

template <typename Counts>
ClassShares Summarizer::shares_of(const std::vector<const Counts*>& counts) {
    const auto share = [&](const auto& of) { return ratio_of(counts, of, positions_of<Counts>); };
    return {share([](const Counts& c) { return c.positions - c.marginal - c.shifted; }),
            share([](const Counts& c) { return c.marginal; }), share([](const Counts& c) { return c.shifted; })};
}

Estimate Summarizer::mean(const std::vector<const BinCounts*>& counts, Divergence BinCounts::*divergence) {
    return ratio_of(
        counts, [=](const BinCounts& c) { return (c.*divergence).sum; },
        [=](const BinCounts& c) { return (c.*divergence).finite; });
}

Estimate Summarizer::mean_without_ends(const std::vector<const BinCounts*>& counts, Divergence BinCounts::*divergence) {
    return ratio_of(
        counts, [=](const BinCounts& c) { return (c.*divergence).sum - (c.*divergence).sum_ends; },
        [=](const BinCounts& c) { return (c.*divergence).finite - (c.*divergence).finite_ends; });
}

std::optional<BoundsSummary> Summarizer::bounds_of(const std::vector<const BinCounts*>& counts) {
    BoundsSummary bounds;
    for (const BinCounts* answer : counts) {
        bounds.positions += answer->kl_lower.positions;
        bounds.infinite_kl += answer->kl_lower.positions - answer->kl_lower.finite;
    }
    if (bounds.positions == 0) return std::nullopt;
    const auto positions = [](const BinCounts& c) { return c.kl_lower.positions; };
    bounds.kl_ab_lower = mean(counts, &BinCounts::kl_lower);
    bounds.kl_lower_without_ends = mean_without_ends(counts, &BinCounts::kl_lower);
    bounds.tv_lower = ratio_of(
        counts, [](const BinCounts& c) { return c.tv_lower; }, positions);
    bounds.tv_upper = ratio_of(
        counts, [](const BinCounts& c) { return c.tv_upper; }, positions);
    return bounds;
}

std::vector<const Summarizer::BinCounts*> Summarizer::counts_of_bin(std::size_t bin) const {
    std::vector<const BinCounts*> counts;
    for (const AnswerCounts& answer : answers_) {
        if (answer.bins.size() > bin) counts.push_back(&answer.bins[bin]);
    }
    return counts;
}

void Summarizer::add_bins(Summary& summary) const {
    for (std::size_t b = 0; b < bins_; ++b) {
        const std::vector<const BinCounts*> counts = counts_of_bin(b);
        PositionBin bin;
        bin.begin = kBinBegins[b];
        bin.end = b + 1 < kBinBegins.size() ? kBinBegins[b + 1] : 0;
        std::size_t others = 0, bounded = 0;  // positions with a finite KL, or bound of it, that are no end
        for (const BinCounts* answer : counts) {
            bin.positions += answer->positions;
            others += answer->kl.finite - answer->kl.finite_ends;
            bounded += answer->kl_lower.finite - answer->kl_lower.finite_ends;
        }
        bin.shares = shares_of(counts);
        if (others > 0) bin.kl_without_ends = mean_without_ends(counts, &BinCounts::kl);
        if (bounded > 0) bin.kl_lower_without_ends = mean_without_ends(counts, &BinCounts::kl_lower);
        bin.base_rank = ratio_of(
            counts, [](const BinCounts& c) { return c.rank; }, positions_of<BinCounts>);
        bin.base_prob = ratio_of(
            counts, [](const BinCounts& c) { return c.probability; }, positions_of<BinCounts>);
        summary.bins.push_back(std::move(bin));
    }
}

void Summarizer::add_tokens(Summary& summary) const {
    for (int g = 0; g <= static_cast<int>(TokenGroup::Content); ++g) {
        summary.groups.push_back({.group = static_cast<TokenGroup>(g)});
    }
    for (const auto& [id, token] : tokens_) {
        GroupShift& group = summary.groups[static_cast<std::size_t>(token.group)];
        group.count += token.count;
        group.shifted += token.shifted;
        if (token.shifted > 0) summary.tokens.push_back(token);
    }
    std::stable_sort(summary.tokens.begin(), summary.tokens.end(),
                     [](const TokenShift& a, const TokenShift& b) { return a.shifted > b.shifted; });
    if (summary.tokens.size() > kMostTokens) summary.tokens.resize(kMostTokens);
}

void Summarizer::add_answers(Summary& summary) const {
    for (const AnswerCounts& answer : answers_) {
        const auto positions = static_cast<double>(answer.all.positions);
        summary.answers_by_shift.push_back({answer.id, answer.instruction, answer.all.positions,
                                            quotient(static_cast<double>(answer.all.shifted), positions),
                                            quotient(answer.all.kl.sum, static_cast<double>(answer.all.kl.finite))});
    }
    std::stable_sort(summary.answers_by_shift.begin(), summary.answers_by_shift.end(),
                     [](const AnswerShift& a, const AnswerShift& b) { return a.shifted > b.shifted; });
}

void Summarizer::add_tags(Summary& summary) const {
    std::map<std::string, std::vector<const BinCounts*>> by_tag;
    for (const AnswerCounts& answer : answers_) {
        for (const std::string& tag : std::set<std::string>(answer.tags.begin(), answer.tags.end())) {
            by_tag[tag].push_back(&answer.all);
        }
    }
    for (const auto& [tag, counts] : by_tag) {
        TagShift row;
        row.tag = tag;
        row.answers = counts.size();
        for (const BinCounts* answer : counts) row.positions += answer->positions;
        row.shares = shares_of(counts);
        row.kl_ab = mean(counts, &BinCounts::kl);
        summary.tags.push_back(std::move(row));
    }
}

void Summarizer::add_original(Summary& summary) const {
    std::vector<const OriginalCounts*> counts;
    for (const AnswerCounts& answer : answers_) {
        if (answer.original.positions > 0) counts.push_back(&answer.original);
    }
    if (counts.empty()) return;
    OriginalSummary& original = summary.original.emplace();
    original.shares = shares_of(counts);
    for (std::size_t i = 0; i < kOriginalNames.size(); ++i) {
        original.means.push_back(ratio_of(
            counts, [i](const OriginalCounts& c) { return c.sums[i]; }, positions_of<OriginalCounts>));
    }
}

Summary Summarizer::finish() const {
    Summary summary;
    std::vector<const BinCounts*> counts;
    std::vector<Ratio> agreement;
    Ratio kl_of_ends;
    summary.answers = answers_.size();
    for (const AnswerCounts& answer : answers_) {
        counts.push_back(&answer.all);
        agreement.push_back({static_cast<double>(answer.agreeing), static_cast<double>(answer.all.positions)});
        summary.positions += answer.all.positions;
        summary.infinite_kl += answer.all.kl.positions - answer.all.kl.finite;
        summary.ends += answer.all.ends;
        kl_of_ends.numerator += answer.all.kl.sum_ends;
        kl_of_ends.denominator += answer.all.kl.sum;
    }
    summary.shares = shares_of(counts);
    summary.kl_ab = mean(counts, &BinCounts::kl);
    summary.bounds = bounds_of(counts);
    summary.ends_kl_share = quotient(kl_of_ends.numerator, kl_of_ends.denominator);
    summary.kl_without_ends = mean_without_ends(counts, &BinCounts::kl);
    summary.self_agreement = interval_of(agreement);
    summary.near_ties_base = near_ties_base_;
    summary.near_ties_aligned = near_ties_aligned_;
    add_bins(summary);
    add_tokens(summary);
    add_answers(summary);
    add_tags(summary);
    add_original(summary);
    return summary;
}

Summary summarize(const std::filesystem::path& records) {
    Summarizer summarizer;
    const std::size_t repeated = for_each_record(records, [&](ShiftRecord&& record) { summarizer.add(record); });
    Summary summary = summarizer.finish();
    summary.repeated = repeated;
    return summary;
}

}  // namespace urial::shift
