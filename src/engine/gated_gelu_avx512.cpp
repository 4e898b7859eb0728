#include "engine/gated_gelu.h"

#if defined(__AVX512F__) && defined(__AVX512BW__)

#include "engine/gated_gelu_kernel.h"
#include "engine/vector_avx512.h"

namespace urial::engine {

constinit const GatedGelu avx512_gated_gelu = gated_gelu<Avx512>;

}  // namespace urial::engine

#else

namespace urial::engine {

constinit const GatedGelu avx512_gated_gelu = nullptr;

}  // namespace urial::engine

#endif
