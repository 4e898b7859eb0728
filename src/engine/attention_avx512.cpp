#include "engine/attention.h"

#if defined(__AVX512F__) && defined(__AVX512BW__)

#include "engine/attention_kernel.h"
#include "engine/vector_avx512.h"

namespace urial::engine {

constinit const Attend avx512_attend = attend<Avx512>;

}  // namespace urial::engine

#else

namespace urial::engine {

constinit const Attend avx512_attend = nullptr;

}  // namespace urial::engine

#endif
