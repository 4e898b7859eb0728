#pragma once

// From plain options to an encoder of texts, without a terminal. As models.h.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/models.h"
#include "engine/encoder.h"

namespace urial::app {

/// Which encoder, and how it is loaded: the settings of the same names, see app/settings.h.
struct EncoderChoice {
    std::string encoder;   ///< a model spec
    int threads = 0;       ///< 0: one per core
    bool offline = false;  ///< never download
    std::filesystem::path trial_program = engine::TrialOptions().program;
};

/// Resolves the spec (downloading if need be), checks the file, has an unknown one tried, loads it. Throws
/// Error{BadInput|NotFound|Io|Model|Unavailable} and engine::Cancelled.
std::shared_ptr<const engine::Encoder> open_encoder(const EncoderChoice& choice, const Callbacks& callbacks);

/// The aliases of encoders.
std::vector<std::string> encoder_names();

}  // namespace urial::app
