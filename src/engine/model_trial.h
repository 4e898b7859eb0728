#pragma once

// The trial of a model file that was never used before, in a process of its own. The engine ends its process where a
// file is not as it expects, and no list of checks knows all that it expects: what dies in the trial dies there, and
// becomes an Error here. The verdict is remembered. Linux only: elsewhere nothing is tried. Any thread.

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/engine.h"

namespace urial::engine {

/// What the model is for.
enum class TrialUse {
    Continue,  ///< a language model: engine.h
    Encode,    ///< encoder.h
};

struct TrialOptions {
    TrialUse use = TrialUse::Continue;
    /// Names the content of the model and its adapters, such as their sha256: what the verdict holds for. Empty: no
    /// verdict is looked up or kept.
    std::string identity;
    std::optional<std::filesystem::path> verdicts;  ///< the folder of verdicts; nullopt: none are kept
    /// A program that answers kTrialCommand with run_model_trial(): this one.
    std::filesystem::path program = "/proc/self/exe";
    std::function<bool()> cancelled;  ///< asked several times a second; true ends the trial with Error{Unavailable}
    std::function<void()> on_slow;    ///< called once, when the trial takes longer than a second
    int time_limit_s = 0;             ///< 0: by the size of the files
};

/// Returns where the model with its adapters can be loaded, tokenizes, computes and applies its template. Throws the
/// Error that loading it throws, and Error{Model} with the engine's last words where it would end the process, takes
/// too long or more memory than files of this size need. Deaths and successes are remembered per engine version.
void try_model(const ModelOptions& model, const TrialOptions& options);

/// The first argument of a process that try_model() starts.
inline constexpr std::string_view kTrialCommand = "--try-model-in-this-process";
/// The whole work of that process; `arguments` are those behind kTrialCommand. Ends the process.
[[noreturn]] void run_model_trial(std::span<char*> arguments);

/// What the trial does with a model, in this process: every part of the engine that the content of a file reaches.
void exercise_model(const ModelOptions& model, const std::function<void(std::string_view)>& on_stage = {});

}  // namespace urial::engine
