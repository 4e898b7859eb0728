#pragma once

// Encoders that llama.cpp computes. Internal to this part.

#include <memory>

#include "engine/encoder.h"

namespace urial::engine {

std::shared_ptr<const Encoder> load_llama_encoder(const EncoderOptions& options);

}  // namespace urial::engine
