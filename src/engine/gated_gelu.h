#pragma once

// The gated feed-forward of Gemma and its kin: an arithmetic kernel of packed_weights.h, free of ggml.

#include <cstddef>

namespace urial::engine {

/// output[i] = gelu(gate[i]) up[i], with the tanh form of GELU (Hendrycks and Gimpel, arXiv 1606.08415):
/// gelu(x) = x / (1 + exp(-2u)), u = sqrt(2 / pi) (x + 0.044715 x^3). All f32; the relative error is below 1e-6, and
/// below zero 2e-7 |2u| more, as the exponent's own rounding has it. ggml looks gelu up in a table of f16 numbers.
/// `output` may be one of the inputs.
void gated_gelu(const float* gate, const float* up, float* output, std::size_t length);

/// True where the machine has AVX-512, and the build has the kernel.
bool gated_gelu_runs_here();

}  // namespace urial::engine
