#pragma once

// The loops of loops.h, written once over an instruction set V: its types Floats (kWidth of them), Mask and
// Doubles (as many doubles), and static functions with the meaning of their names. V must be local to its source file
// (anonymous namespace), so that no two sources share the code made from this header.

#include "logits/loops.h"

namespace urial::logits {

/// The least argument of exp(): exp(-86) is 4.5e-38, just inside the normal floats.
inline constexpr float kFlush = -86.0F;

/// Floats are summed over this many vectors, then folded into doubles.
inline constexpr std::size_t kFold = 32;

/// x = n ln 2 + f with n rounded towards zero, so that -ln 2 < f <= 0, and excess = exp(f) - 1 - f, computed as f^2
/// R(f) with R the minimax polynomial of degree 4 (relative error 1.1e-7). For kFlush <= x <= 1e-6; other arguments
/// give numbers without meaning.
template <class V>
struct Reduced {
    typename V::Floats n, f, excess;
};

template <class V>
Reduced<V> reduce(typename V::Floats x) {
    using Floats = typename V::Floats;
    const Floats n = V::truncate(x * V::all(1.44269504F));
    const Floats f = V::without_powers(x, n);
    const Floats square = f * f;
    const Floats low = V::fma(V::all(0.1666628929F), f, V::all(0.4999999465F));
    const Floats high = V::fma(V::all(0.008156955008F), f, V::all(0.04162340431F));
    const Floats r = V::fma(V::fma(V::all(0.001087089186F), square, high), square, low);
    return {n, f, square * r};
}

/// exp(x) for kFlush <= x <= 1e-6, exactly 1 for 0. The relative error is below 2e-7 down to exp(-30), below 4e-7 at
/// kFlush.
template <class V>
typename V::Floats exponential(typename V::Floats x) {
    const Reduced<V> reduced = reduce<V>(x);
    return V::scale(V::all(1.0F) + (reduced.f + reduced.excess), reduced.n);
}

/// Calls body(index) for whole vectors and tail(index, rest) for the rest, if there is one.
template <class V, class Body, class Tail>
void for_each_vector(std::size_t count, Body body, Tail tail) {
    std::size_t i = 0;
    for (; i + V::kWidth <= count; i += V::kWidth) body(i);
    if (i < count) tail(i, count - i);
}

template <class V>
void scan(const float* logits, std::size_t count, float token_logit, bool inclusive, BlockScan& result) {
    using Floats = typename V::Floats;
    const float infinity = __builtin_inff();
    Floats max = V::all(-infinity), min = V::all(infinity);
    typename V::Counts above = V::no_counts();
    typename V::Mask nan = V::unordered(V::all(0.0F), V::all(0.0F));
    const Floats limit = V::all(token_logit);
    const auto look = [&](Floats x) {
        nan = nan | V::unordered(x, x);
        max = V::max(max, x);
        above = V::count(above, inclusive ? V::at_least(x, limit) : V::above(x, limit));
    };
    for_each_vector<V>(
        count,
        [&](std::size_t i) {
            const Floats x = V::load(logits + i);
            look(x);
            min = V::min(min, x);
        },
        [&](std::size_t i, std::size_t rest) {
            look(V::load_part(logits + i, rest, -infinity));
            min = V::min(min, V::load_part(logits + i, rest, infinity));
        });
    result.max = V::largest(max);
    result.min = V::smallest(min);
    result.above += V::total(above);
    result.nan = result.nan || V::any(nan);
}

template <class V>
void sum_exponentials(const float* logits, std::size_t count, float max, ExponentialSums& result) {
    using Floats = typename V::Floats;
    const Floats top = V::all(max), zero = V::all(0.0F);
    typename V::Doubles tail = V::no_sum(), weighted = tail;
    typename V::Counts below = V::no_counts();
    for (std::size_t start = 0; start < count; start += kFold * V::kWidth) {
        const std::size_t piece = count - start < kFold * V::kWidth ? count - start : kFold * V::kWidth;
        Floats tail_part = zero, weighted_part = zero;
        const auto add = [&](Floats x) {
            const Floats d = V::max(x - top, V::all(kFlush));
            const auto is_below = V::above(zero, d);
            const Floats e = V::keep(is_below, exponential<V>(d));
            below = V::count(below, is_below);
            tail_part = tail_part + e;
            weighted_part = V::fma(e, d, weighted_part);
        };
        for_each_vector<V>(
            piece,
            [&](std::size_t i) {
                // The arithmetic here leaves the memory idle; the next scan() would wait for it.
                __builtin_prefetch(logits + start + i + kBlock);
                add(V::load(logits + start + i));
            },
            [&](std::size_t i, std::size_t rest) { add(V::load_part(logits + start + i, rest, -__builtin_inff())); });
        tail = V::add(tail, tail_part);
        weighted = V::add(weighted, weighted_part);
    }
    // The vector at the end was filled up with lanes that count as below.
    const std::size_t padded = (count + V::kWidth - 1) / V::kWidth * V::kWidth;
    result.at_max += padded - V::total(below);
    result.tail += V::sum(tail);
    result.weighted += V::sum(weighted);
}

/// One vector of tokens for compare(): everything follows from the larger probability and from tau, the absolute value
/// of the logarithm of the ratio. See "The second pass" in shift/kernel.cpp.
template <class V>
struct Terms {
    typename V::Floats larger;    ///< the larger of the two probabilities
    typename V::Floats tau;       ///< ln(larger / smaller)
    typename V::Mask aligned_is;  ///< the larger one is the aligned model's
};

template <class V>
struct ComparePart {
    typename V::Floats kl_ab, kl_ba, js, distance, surplus, ahead;
};

template <class V>
Terms<V> terms_of(typename V::Floats a, typename V::Floats b, const Normalisers& constants) {
    using Floats = typename V::Floats;
    // a - b without rounding, as the sum of two floats (Knuth's TwoSum).
    const Floats difference = a - b;
    const Floats b_seen = a - difference;
    const Floats lost = (a - (difference + b_seen)) - (b - b_seen);
    const Floats t = (difference - V::all(constants.shift_high)) + (lost - V::all(constants.shift_low));
    const Floats a_logp = (a - V::all(constants.aligned_max)) - V::all(constants.aligned_log_z);
    const Floats b_logp = (b - V::all(constants.base_max)) - V::all(constants.base_log_z);
    const Floats logp = V::max(a_logp, b_logp);
    const Floats larger = V::keep(V::above(logp, V::all(kFlush)), exponential<V>(logp));
    return {larger, V::absolute(t), V::above(t, V::all(0.0F))};
}

template <class V>
void add_terms(const Terms<V>& terms, ComparePart<V>& part) {
    using Floats = typename V::Floats;
    const Floats tau = terms.tau;
    const Floats minus_tau = V::all(0.0F) - tau;
    const Reduced<V> reduced = reduce<V>(minus_tau);
    const auto unreduced = V::equal(reduced.n, V::all(0.0F));
    const Floats excess = reduced.excess;
    const Floats scaled = V::scale(V::all(1.0F) + (reduced.f + excess), reduced.n);
    const Floats ratio = V::keep(V::above(minus_tau, V::all(kFlush)), scaled);
    // 1 - ratio, tau - 1 + ratio and 1 - ratio - ratio tau, each in the form that keeps its digits.
    const Floats gap = V::select(unreduced, tau - excess, V::all(1.0F) - ratio);
    const Floats from_larger = V::select(unreduced, excess, tau - gap);
    const Floats from_smaller = V::select(unreduced, tau * gap - from_larger, gap - ratio * tau);

    // theta(x) = (x + (2 - x) ln(1 - x/2)) / x^2 on [0, 1]: minimax, relative error 1.8e-7.
    const Floats square = gap * gap;
    const Floats low = V::fma(V::all(0.04166248517F), gap, V::all(0.2500000446F));
    const Floats middle = V::fma(V::all(0.002769738713F), gap, V::all(0.01048010632F));
    const Floats high = V::fma(V::all(-0.000787348462F), gap, V::all(0.001962875218F));
    const Floats top = V::fma(V::all(0.0007648631924F), square, high);
    const Floats theta = V::fma(V::fma(top, square, middle), square, low);

    const Floats p = terms.larger;
    part.kl_ab = V::fma(p, V::select(terms.aligned_is, from_larger, from_smaller), part.kl_ab);
    part.kl_ba = V::fma(p, V::select(terms.aligned_is, from_smaller, from_larger), part.kl_ba);
    part.js = V::fma(p, from_smaller - square * theta, part.js);
    const Floats distance = p * gap;
    part.distance = part.distance + distance;
    part.surplus = V::add_where(terms.aligned_is, part.surplus, distance);
    part.ahead = V::add_where(terms.aligned_is, part.ahead, p);
}

template <class V>
void compare(const float* aligned, const float* base, std::size_t count, const Normalisers& constants,
             DivergenceSums& result) {
    using Doubles = typename V::Doubles;
    Doubles kl_ab = V::no_sum(), kl_ba = kl_ab, js = kl_ab, distance = kl_ab, surplus = kl_ab, ahead = kl_ab;
    for (std::size_t start = 0; start < count; start += kFold * V::kWidth) {
        const std::size_t piece = count - start < kFold * V::kWidth ? count - start : kFold * V::kWidth;
        const float* a = aligned + start;
        const float* b = base + start;
        const auto zero = V::all(0.0F);
        ComparePart<V> part = {zero, zero, zero, zero, zero, zero};
        for_each_vector<V>(
            piece, [&](std::size_t i) { add_terms<V>(terms_of<V>(V::load(a + i), V::load(b + i), constants), part); },
            [&](std::size_t i, std::size_t rest) {
                const auto a_rest = V::load_part(a + i, rest, constants.aligned_floor);
                const auto b_rest = V::load_part(b + i, rest, constants.base_floor);
                add_terms<V>(terms_of<V>(a_rest, b_rest, constants), part);
            });
        kl_ab = V::add(kl_ab, part.kl_ab);
        kl_ba = V::add(kl_ba, part.kl_ba);
        js = V::add(js, part.js);
        distance = V::add(distance, part.distance);
        surplus = V::add(surplus, part.surplus);
        ahead = V::add(ahead, part.ahead);
    }
    result.kl_ab += V::sum(kl_ab);
    result.kl_ba += V::sum(kl_ba);
    result.js += V::sum(js);
    result.distance += V::sum(distance);
    result.aligned_surplus += V::sum(surplus);
    result.aligned_ahead += V::sum(ahead);
}

template <class V>
std::size_t collect(const float* logits, std::size_t count, float threshold, std::uint32_t* indices) {
    const auto limit = V::all(threshold);
    std::size_t found = 0;
    const auto look = [&](std::size_t i, typename V::Floats x) {
        for (unsigned bits = V::bits(V::above(x, limit)); bits != 0; bits &= bits - 1) {
            indices[found++] = static_cast<std::uint32_t>(i) + static_cast<std::uint32_t>(__builtin_ctz(bits));
        }
    };
    for_each_vector<V>(
        count, [&](std::size_t i) { look(i, V::load(logits + i)); },
        [&](std::size_t i, std::size_t rest) { look(i, V::load_part(logits + i, rest, -__builtin_inff())); });
    return found;
}

template <class V>
constexpr Loops loops_of() {
    return {scan<V>, sum_exponentials<V>, compare<V>, collect<V>};
}

}  // namespace urial::logits
