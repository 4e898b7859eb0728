#include "engine/attention.h"

namespace urial::engine {

Attend attention(CpuLevel level) {
    if (level >= CpuLevel::Avx512 && avx512_attend != nullptr) return avx512_attend;
    return level >= CpuLevel::Avx2 ? avx2_attend : nullptr;
}

}  // namespace urial::engine
