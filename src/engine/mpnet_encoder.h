#pragma once

// MPNet (Song et al. 2020) as an encoder: BERT's layers with one learnt bias by distance that all of them share. The
// keys and tensors of its GGUF are in docs/retrieval.md. Internal to this part.

#include <memory>

#include "engine/encoder.h"
#include "engine/gguf_file.h"

namespace urial::engine {

inline constexpr std::string_view kMpnet = "mpnet";

std::shared_ptr<const Encoder> load_mpnet_encoder(const GgufFile& file, const EncoderOptions& options);

/// Which of `buckets` learnt numbers stands for the distance of a key from its query.
std::size_t distance_bucket(std::ptrdiff_t distance, std::size_t buckets);

}  // namespace urial::engine
