#pragma once

// The loop of gated_gelu.h. Unnamed, as vector_avx512.h says: each source that includes this is compiled for another
// CPU.

#include <cstddef>

namespace urial::engine {
namespace {

template <class Vector>
typename Vector::Floats gelu(typename Vector::Floats x) {
    const auto cube = Vector::multiply(Vector::multiply(x, x), x);
    const auto doubled = Vector::multiply(Vector::all(1.5957691216F),  // 2 sqrt(2 / pi)
                                          Vector::multiply_add(cube, Vector::all(0.044715F), x));
    // The exponential of what is not positive cannot overflow: 1 / (1 + exp(-v)) = exp(v) / (exp(v) + 1).
    const auto e = Vector::exponential(Vector::negative_absolute(doubled));
    const auto numerator = Vector::where_negative(doubled, Vector::multiply(x, e), x);
    return Vector::divide(numerator, Vector::add(e, Vector::all(1.0F)));
}

template <class Vector>
void gated_gelu(const float* gate, const float* up, float* output, std::size_t length) {
    constexpr std::size_t kLanes = Vector::kLanes;
    const auto take = [](const float* gates, const float* ups, float* results) {
        Vector::store(results, Vector::multiply(gelu<Vector>(Vector::load(gates)), Vector::load(ups)));
    };
    std::size_t i = 0;
    for (; i + kLanes <= length; i += kLanes) take(gate + i, up + i, output + i);
    if (i == length) return;
    float last_gate[kLanes] = {}, last_up[kLanes] = {}, last[kLanes];
    for (std::size_t lane = 0; i + lane < length; ++lane) {
        last_gate[lane] = gate[i + lane];
        last_up[lane] = up[i + lane];
    }
    take(last_gate, last_up, last);
    for (std::size_t lane = 0; i + lane < length; ++lane) output[i + lane] = last[lane];
}

}  // namespace
}  // namespace urial::engine
