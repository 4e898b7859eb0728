#pragma once

// A model file that nobody here has used is tried before it is loaded.

#include <filesystem>

#include "app/models.h"

namespace urial::app {

/// Before the engine gets a model file in this process: unless its content is pinned or was tried before, a process of
/// its own tries it (engine/model_trial.h). `model` has its content hash. Throws as engine::try_model does, and
/// engine::Cancelled.
void try_unknown_model(const engine::ModelOptions& model, const Callbacks& callbacks,
                       const std::filesystem::path& trial_program, engine::TrialUse use = engine::TrialUse::Continue);

}  // namespace urial::app
