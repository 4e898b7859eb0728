#include "engine/encoder_loops.h"

#include "base/cpu_level.h"
#include "engine/encoder_loops_code.h"

namespace urial::engine {

const EncoderLoops kPortableEncoderLoops{attend_texts, normalise_row, gelu_row};

const EncoderLoops& encoder_loops() {
    if (cpu_level() >= CpuLevel::Avx512 && avx512_encoder_loops() != nullptr) return *avx512_encoder_loops();
    return kPortableEncoderLoops;
}

}  // namespace urial::engine
