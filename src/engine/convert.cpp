#include "engine/convert.h"

#include <llama.h>

#include "base/error.h"
#include "base/files.h"
#include "engine/backend.h"

namespace urial::engine {

void convert_weights(const std::filesystem::path& input, const std::filesystem::path& output, WeightType type) {
    refuse_same_file(input, output);
    AtomicFile file(output);
    llama_model_quantize_params parameters = llama_model_quantize_default_params();
    parameters.ftype = type == WeightType::F32 ? LLAMA_FTYPE_ALL_F32 : LLAMA_FTYPE_MOSTLY_BF16;
    parameters.allow_requantize = true;
    parameters.pure = true;
    parameters.max_buf_size = 256U << 20;
    start_backend();
    const bool failed = llama_model_quantize(input.c_str(), file.temporary().c_str(), &parameters) != 0;
    if (failed || std::filesystem::file_size(file.temporary()) == 0) {
        throw error(ErrorKind::Model, "{}: the engine cannot convert this model to {}: {}", input.string(),
                    type == WeightType::F32 ? "f32" : "bf16", last_engine_error());
    }
    file.commit();
}

}  // namespace urial::engine
