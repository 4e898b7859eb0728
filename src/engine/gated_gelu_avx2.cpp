#include "engine/gated_gelu.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include "engine/gated_gelu_kernel.h"
#include "engine/vector_avx2.h"

namespace urial::engine {

constinit const GatedGelu avx2_gated_gelu = gated_gelu<Avx2>;

}  // namespace urial::engine

#else

namespace urial::engine {

constinit const GatedGelu avx2_gated_gelu = nullptr;

}  // namespace urial::engine

#endif
