#pragma once

// A folder as sentence-transformers saves an encoder of texts (config.json, tokenizer.json, modules.json,
// model.safetensors) becomes a GGUF: docs/retrieval.md has its keys. Known is MPNet, which the engine's own converter
// does not know.

#include <cstdint>
#include <filesystem>
#include <functional>

namespace urial::models {

enum class EncoderType { F32, F16 };

/// True for a folder that looks like one of an encoder.
bool is_encoder_folder(const std::filesystem::path& folder);

/// Writes `output` through a temporary file beside it. `progress` (may be empty) is called with bytes; what it throws
/// ends the work. Throws Error{NotFound|Io|BadInput} with what is missing or not known in which file.
void convert_encoder(const std::filesystem::path& folder, const std::filesystem::path& output, EncoderType type,
                     const std::function<void(std::uint64_t done, std::uint64_t total)>& progress = {});

}  // namespace urial::models
