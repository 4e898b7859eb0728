#pragma once

// What we compute in ggml's place. Weights in the layout of packed_product.h are known to it as two more CPU buffer
// types (one for each rounding of the columns), which it asks for the product of every matrix that the model loader has
// put there, and for the operations that a session has marked as ours. Internal to this part.

struct ggml_tensor;

#include "engine/engine.h"

namespace urial::engine {

/// True where packed arithmetic exists on this machine and in this build. The first call makes it known to ggml: before
/// the first model is loaded.
bool packed_weights_available();

/// Before a graph is computed: makes `node` ours where it is an attention that attention.h can compute or a gated GELU
/// (gated_gelu.h). Without packed_weights_available() it does nothing.
void take_over(ggml_tensor* node);

/// The pages of a loaded model's file that were copied into other layouts stop counting as this process's memory; what
/// is still read from the file is mapped again when it is touched.
void release_mapped_file(const std::filesystem::path& path);

/// While it lives, models that this thread loads put their quantised matrices into the packed layout (or, with
/// Arithmetic::Engine, none).
class PackedLoading {
public:
    explicit PackedLoading(Arithmetic arithmetic);
    ~PackedLoading();

    /// Quantised matrices that were loaded, and how many of them could be packed.
    struct Matrices {
        std::size_t quantised = 0;
        std::size_t packed = 0;
    };
    Matrices matrices() const;
    PackedLoading(const PackedLoading&) = delete;
    PackedLoading& operator=(const PackedLoading&) = delete;
};

}  // namespace urial::engine
