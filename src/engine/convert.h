#pragma once

// A GGUF with the same weights in another type, for analyses that quantisation noise would disturb.

#include <filesystem>

namespace urial::engine {

enum class WeightType {
    F32,   ///< exactly the values that the input's weights stand for
    Bf16,  ///< those, rounded to 8 significant bits; half the size
};

/// Writes `output` through a temporary file beside it. Throws Error{BadInput} when both are the same file, Error{Model}
/// with the engine's reason when it cannot.
void convert_weights(const std::filesystem::path& input, const std::filesystem::path& output, WeightType type);

}  // namespace urial::engine
