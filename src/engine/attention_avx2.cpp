#include "engine/attention.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include "engine/attention_kernel.h"
#include "engine/vector_avx2.h"

namespace urial::engine {

constinit const Attend avx2_attend = attend<Avx2>;

}  // namespace urial::engine

#else

namespace urial::engine {

constinit const Attend avx2_attend = nullptr;

}  // namespace urial::engine

#endif
