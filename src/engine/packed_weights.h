#pragma once

// Weights in the layout of packed_product.h, known to ggml as two more CPU buffer types (one for each rounding of the
// columns). ggml asks them for the product of every matrix that the model loader has put there. Internal to this part.

#include "engine/engine.h"

namespace urial::engine {

/// True where packed arithmetic exists on this machine and in this build. The first call makes it known to ggml: before
/// the first model is loaded.
bool packed_weights_available();

/// The pages of a loaded model's file that were copied into other layouts stop counting as this process's memory; what
/// is still read from the file is mapped again when it is touched.
void release_mapped_file(const std::filesystem::path& path);

/// While it lives, models that this thread loads put their Q8_0 and Q5_0 matrices into the packed layout (or, with
/// Arithmetic::Engine, none).
class PackedLoading {
public:
    explicit PackedLoading(Arithmetic arithmetic);
    ~PackedLoading();
    PackedLoading(const PackedLoading&) = delete;
    PackedLoading& operator=(const PackedLoading&) = delete;
};

}  // namespace urial::engine
