// encoder_loops_code.h for AVX-512. Compiled for it (CMakeLists.txt) and called only where the processor has it.

#include "engine/encoder_loops.h"

#if defined(__AVX512F__)

#include "engine/encoder_loops_code.h"

namespace urial::engine {

const EncoderLoops* avx512_encoder_loops() {
    static const EncoderLoops loops{attend_texts, normalise_row, gelu_row};
    return &loops;
}

}  // namespace urial::engine

#else

namespace urial::engine {

const EncoderLoops* avx512_encoder_loops() { return nullptr; }

}  // namespace urial::engine

#endif
