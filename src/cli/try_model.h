#pragma once

// Before the engine gets a model file in this process: unless its content is pinned or was tried before, a process of
// its own tries it (engine/model_trial.h).

#include "cli/commands.h"
#include "engine/engine.h"

namespace urial::cli {

/// `model` has its content hash. Throws as engine::try_model does, and Interrupted.
void try_unknown_model(const engine::ModelOptions& model, const Context& context);

}  // namespace urial::cli
