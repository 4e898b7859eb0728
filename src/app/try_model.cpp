#include "app/try_model.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "engine/model_trial.h"
#include "models/models.h"

namespace urial::app {
namespace {

bool is_pinned(const std::string& sha256) {
    const auto& aliases = models::aliases();
    return std::ranges::find(aliases, sha256, &models::Alias::sha256) != aliases.end();
}

std::optional<std::filesystem::path> verdict_folder() {
    try {
        return user_cache_dir() / "trials";
    } catch (const Error&) {
        return std::nullopt;  // no home: tried at every start
    }
}

}  // namespace

void try_unknown_model(const engine::ModelOptions& model, const Callbacks& callbacks,
                       const std::filesystem::path& trial_program, engine::TrialUse use) {
    if (model.adapters.empty() && is_pinned(model.content_hash)) return;
    engine::TrialOptions options;
    options.use = use;
    options.identity = model.content_hash;
    if (use == engine::TrialUse::Encode) options.identity += " as an encoder";
    for (const engine::Adapter& adapter : model.adapters) options.identity += "+" + models::content_hash(adapter.path);
    options.verdicts = verdict_folder();
    options.program = trial_program;
    options.cancelled = callbacks.cancelled;
    options.on_slow = [&] {
        if (!callbacks.note) return;
        callbacks.note(
            fmt::format("{} is new here: it is tried once in a process of its own", model.path.filename().string()));
    };
    try {
        engine::try_model(model, options);
    } catch (const Error&) {
        if (callbacks.cancelled && callbacks.cancelled()) throw engine::Cancelled();
        throw;
    }
}

}  // namespace urial::app
