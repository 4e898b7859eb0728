#pragma once

// Downloads from the Hugging Face hub into the shared cache: resumed, checked by size and sha256, renamed when whole.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "models/models.h"

namespace urial::models {

/// "hf:owner/name[:quant]" for a text that leaves hf: out; nullopt where it cannot be meant so, or is a file here.
std::optional<std::string> as_hub_spec(std::string_view text);

struct HubTimes {
    int retries = 4;          ///< of a cut connection, in a row without a new byte
    int first_wait_ms = 500;  ///< before the first of them; each next waits twice as long
};

/// The file of a spec of Kind::HuggingFace: from the cache where it is there, else downloaded. See resolve().
std::filesystem::path fetch_from_hub(const ModelSpec& spec, const FetchOptions& options, const HubTimes& times = {});

}  // namespace urial::models
