#include "shift/original_measures.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"

namespace urial::shift {
namespace {

void check(std::span<const ListedToken> list, std::string_view model) {
    if (list.empty()) throw error(ErrorKind::BadInput, "the {} model's list of tokens is empty", model);
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (!std::isfinite(list[i].logit)) {
            throw error(ErrorKind::BadInput,
                        "the {} model's list of tokens: the logit of entry {} is {}; leave out tokens "
                        "of probability 0",
                        model, i, list[i].logit);
        }
        if (i > 0 && list[i].logit > list[i - 1].logit) {
            throw error(ErrorKind::BadInput,
                        "the {} model's list of tokens is not sorted: entry {} has logit {} after {}", model, i,
                        list[i].logit, list[i - 1].logit);
        }
    }
}

/// One model's list as the measures see it.
struct View {
    View(std::span<const ListedToken> list, std::size_t k) {
        double sum = 0;
        for (const ListedToken& entry : list) sum += std::exp(entry.logit - list[0].logit);
        for (const ListedToken& entry : list) probabilities.push_back(std::exp(entry.logit - list[0].logit) / sum);
        for (std::size_t i = 0; i < std::min(k, list.size()); ++i) first.emplace(list[i].text, i);
    }

    std::optional<std::size_t> find(std::string_view text) const {
        const auto found = first.find(text);
        return found == first.end() ? std::nullopt : std::optional(found->second);
    }
    double probability(std::string_view text) const {
        const auto index = find(text);
        return index ? probabilities[*index] : 0;
    }

    std::vector<double> probabilities;                        ///< of the whole list
    std::unordered_map<std::string_view, std::size_t> first;  ///< texts of the first k, to their first index
};

double discount(std::size_t index) { return 1 / std::log2(static_cast<double>(index) + 2); }

double ndcg(std::span<const ListedToken> base, std::span<const ListedToken> aligned) {
    std::unordered_map<engine::Token, double> relevance;
    double ideal = 0;
    for (std::size_t j = 0; j < aligned.size(); ++j) {
        relevance.emplace(aligned[j].token, discount(j));
        ideal += discount(j) * discount(j);
    }
    double gain = 0;
    for (std::size_t i = 0; i < base.size(); ++i) {
        const auto found = relevance.find(base[i].token);
        if (found != relevance.end()) gain += found->second * discount(i);
    }
    return gain / ideal;
}

}  // namespace

OriginalMeasures original_measures(std::span<const ListedToken> base, std::span<const ListedToken> aligned,
                                   std::size_t k) {
    check(base, "base");
    check(aligned, "aligned");
    if (k == 0)
        throw error(ErrorKind::BadInput, "the original measures look at the first k tokens; k is 0, give 1 or more");
    const View p1(base, k), p2(aligned, k);
    OriginalMeasures measures;
    measures.base_rank = p1.find(aligned[0].text);
    measures.label = measures.base_rank ? shift_class(*measures.base_rank + 1) : ShiftClass::Shifted;
    std::size_t shared = 0;
    for (const auto& [text, index] : p1.first) {
        if (!p2.find(text)) continue;
        const double p = p1.probabilities[index], q = p2.probability(text);
        ++shared;
        measures.kl += p * std::log(p / q);
        measures.weighted_sum += p * q;
    }
    measures.jaccard = static_cast<double>(shared) / static_cast<double>(p1.first.size() + p2.first.size() - shared);
    measures.base_prob = p1.probability(aligned[0].text);
    measures.two_sided_prob = (measures.base_prob + p2.probability(base[0].text)) / 2;
    measures.ndcg = ndcg(base, aligned);
    return measures;
}

}  // namespace urial::shift
