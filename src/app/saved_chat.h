#pragma once

// The file of /save and /load: one JSON object with everything that a conversation needs to go on (docs/cli.md).

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "app/prompts.h"
#include "generate/generate.h"
#include "prompt/prompt.h"

namespace urial::app {

struct SavedChat {
    std::string model_name;
    std::string model_hash;  ///< sha256 of the model file
    PromptForm prompt;       ///< without the system message
    std::string system;
    generate::SamplingOptions sampling;
    generate::Overflow overflow = generate::Overflow::Error;
    std::vector<prompt::Turn> turns;
    std::string model_spec = {};             ///< what was given to -m; empty: not known
    std::vector<std::string> adapters = {};  ///< what was given to --lora
};

nlohmann::ordered_json write_saved_chat(const SavedChat& chat);

/// Checks every field; Error{BadInput} begins with `origin` and names the field.
SavedChat read_saved_chat(const nlohmann::json& saved, std::string_view origin);

}  // namespace urial::app
