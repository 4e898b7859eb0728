#pragma once

// Products in f32 on NVIDIA GPUs (Arithmetic::Float32). llama.cpp picks the fastest way there: columns rounded to 8
// bits for quantised matrices, TF32 or f16 for others. cmake/Engine.cmake makes its CUDA backend heed what a product
// asks for. Internal to this part.

struct ggml_tensor;

namespace urial::engine {

/// Whether this build's CUDA backend heeds it.
bool device_products_available();

/// Before the node is computed: if it is a product of matrices, it asks for f32.
void keep_f32(ggml_tensor* node);

}  // namespace urial::engine
