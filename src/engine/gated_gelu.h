#pragma once

// The gated feed-forward of Gemma and its kin: an arithmetic kernel of packed_weights.h, free of ggml.

#include <cstddef>

#include "base/cpu_level.h"

namespace urial::engine {

/// output[i] = gelu(gate[i]) up[i], with the tanh form of GELU (Hendrycks and Gimpel, arXiv 1606.08415):
/// gelu(x) = x / (1 + exp(-2u)), u = sqrt(2 / pi) (x + 0.044715 x^3). All f32; the relative error is below 1e-6, and
/// below zero 2e-7 |2u| more, as the exponent's own rounding has it. ggml looks gelu up in a table of f16 numbers.
/// `output` may be one of the inputs.
using GatedGelu = void (*)(const float* gate, const float* up, float* output, std::size_t length);

/// The fastest that `level` allows and the build has; null where that is none. All give the same bits.
GatedGelu gated_gelu(CpuLevel level);

/// Null where the build lacks it.
extern const GatedGelu avx2_gated_gelu;
extern const GatedGelu avx512_gated_gelu;

}  // namespace urial::engine
