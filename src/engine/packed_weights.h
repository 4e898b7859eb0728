#pragma once

// Weights in the layout of packed_product.h, known to ggml as two more CPU buffer types (one for each rounding of the
// columns): it asks them for the product of every matrix that the model loader has put there, and for the operations of
// own_operations.h. Internal to this part.

#include "engine/engine.h"

namespace urial::engine {

/// True where packed arithmetic exists on this machine and in this build. The first call makes it known to ggml: before
/// the first model is loaded.
bool packed_weights_available();

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
