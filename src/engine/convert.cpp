#include "engine/convert.h"

#include <llama.h>

#include "base/error.h"
#include "base/files.h"
#include "engine/backend.h"

namespace urial::engine {

void convert_weights(const std::filesystem::path& input, const std::filesystem::path& output, WeightType type) {
    std::error_code ignored;
    if (std::filesystem::equivalent(input, output, ignored)) {
        throw error(ErrorKind::BadInput, "{}: input and output are the same file; name another output",
                    output.string());
    }
    if (output.has_parent_path()) make_directories(output.parent_path());
    llama_model_quantize_params parameters = llama_model_quantize_default_params();
    parameters.ftype = type == WeightType::F32 ? LLAMA_FTYPE_ALL_F32 : LLAMA_FTYPE_MOSTLY_BF16;
    parameters.allow_requantize = true;
    parameters.pure = true;
    parameters.max_buf_size = 256U << 20;
    const std::filesystem::path partial = output.string() + ".part";
    start_backend();
    const bool failed = llama_model_quantize(input.c_str(), partial.c_str(), &parameters) != 0;
    if (failed || !std::filesystem::exists(partial)) {
        std::filesystem::remove(partial, ignored);
        throw error(ErrorKind::Model, "{}: the engine cannot convert this model to {}: {}", input.string(),
                    type == WeightType::F32 ? "f32" : "bf16", last_engine_error());
    }
    std::error_code failure;
    std::filesystem::rename(partial, output, failure);
    if (failure) throw error(ErrorKind::Io, "{}: cannot be put in place: {}", output.string(), failure.message());
}

}  // namespace urial::engine
