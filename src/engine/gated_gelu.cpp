#include "engine/gated_gelu.h"

namespace urial::engine {

GatedGelu gated_gelu(CpuLevel level) {
    if (level >= CpuLevel::Avx512 && avx512_gated_gelu != nullptr) return avx512_gated_gelu;
    return level >= CpuLevel::Avx2 ? avx2_gated_gelu : nullptr;
}

}  // namespace urial::engine
