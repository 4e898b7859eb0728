#pragma once

// Downloads from the Hugging Face hub into the shared cache: resumed, checked by size and sha256, renamed when whole.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "http/http.h"
#include "models/models.h"

namespace urial::models {

/// "hf:owner/name[:quant]" for a text that leaves hf: out; nullopt where it cannot be meant so, or is a file here.
std::optional<std::string> as_hub_spec(std::string_view text);

/// Of a file, failures in a row without a new byte.
inline constexpr http::RetryOptions kDownloadRetries{.most_failures = 5};

/// The file of a spec of Kind::HuggingFace: from the cache where it is there, else downloaded. See resolve().
std::filesystem::path fetch_from_hub(const ModelSpec& spec, const FetchOptions& options,
                                     const http::RetryOptions& retries = kDownloadRetries);

}  // namespace urial::models
