#pragma once

// Attention and gated GELU of our own in the place of ggml's routines. A session marks the nodes of a graph that they
// can compute; ggml asks its buffer types who computes a node, ours look for the mark. Internal to this part.

struct ggml_tensor;

namespace ggml::cpu {
class tensor_traits;
}

namespace urial::engine {

/// Before a graph is computed: marks `node` where it is an attention that attention.h can compute or a gated GELU
/// (gated_gelu.h). Without packed_weights_available() it does nothing.
void take_over(ggml_tensor* node);

/// Who computes a marked node; null for others.
ggml::cpu::tensor_traits* own_operation(const ggml_tensor& node);

}  // namespace urial::engine
