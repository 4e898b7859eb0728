#pragma once

// From plain options to an encoder of texts, without a terminal. As models.h.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/models.h"
#include "engine/encoder.h"
#include "retrieve/index.h"

namespace urial::app {

/// Which encoder, and how it is loaded: the settings of the same names, see app/settings.h.
struct EncoderChoice {
    std::string encoder;           ///< a model spec, or http(s)://HOST/v1#MODEL
    int threads = 0;               ///< 0: one per core
    bool offline = false;          ///< never download
    std::string api_key_file;      ///< of a server, as ModelChoice has it
    double timeout_seconds = 600;  ///< of a request to a server
    std::filesystem::path trial_program = engine::TrialOptions().program;
};

/// The encoder is loaded, or its server asked, as the model is.
void adopt_loading(EncoderChoice& encoder, const ModelChoice& model);

/// An encoder in this process. Resolves the spec (downloading if need be), checks the file, has an unknown one tried,
/// loads it. Throws
/// Error{BadInput|NotFound|Io|Model|Unavailable} and engine::Cancelled.
std::shared_ptr<const engine::Encoder> open_encoder(const EncoderChoice& choice, const Callbacks& callbacks);

/// What turns texts into vectors: an encoder in this process, or a server.
std::shared_ptr<const retrieve::Embedder> open_embedder(const EncoderChoice& choice, const Callbacks& callbacks);

/// The aliases of encoders.
std::vector<std::string> encoder_names();

}  // namespace urial::app
