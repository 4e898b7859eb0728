#pragma once

// From plain options to a model that answers, without a terminal: what the command line, a server and a binding have in
// common. No state is kept: models may be opened again and again, with different
// options and from any thread. The callbacks are called on the thread that opens, and on those that use a session whose
// options came from here.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/model_trial.h"
#include "generate/item_file.h"

namespace urial::app {

/// What takes so long that somebody may want to watch it.
enum class Work {
    Download,    ///< bytes
    LoadModel,   ///< bytes
    ReadPrompt,  ///< tokens
    IndexPool,   ///< texts
};
/// `total` 0: not known.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// How whoever asked for a model hears of what happens. Each may be empty.
struct Callbacks {
    std::function<void(std::string_view)> note;     ///< a line that a person wants to see once
    std::function<void(std::string_view)> detail;   ///< a line for those who want to know more
    std::function<void(std::string_view)> warning;  ///< a line that the person should see
    /// A piece of work begins; what it gives is called many times a second and destroyed when the work is over.
    std::function<Progress(Work work, const std::string& model)> progress;
    /// Asked many times a second; true ends the work with engine::Cancelled, a download with Error{Unavailable}.
    std::function<bool()> cancelled;
};

/// One of the lines of Callbacks.
inline void tell(const std::function<void(std::string_view)>& line, std::string_view text) {
    if (line) line(text);
}

/// What of a file of answers was not taken.
void warn_left_out(const std::filesystem::path& file, const generate::LeftOut& left_out, const Callbacks& callbacks);

/// Which model, and how it is loaded: the settings of the same names, see app/settings.h.
struct ModelChoice {
    std::string model;                  ///< a model spec, or servers (app/answerers.h)
    std::vector<std::string> adapters;  ///< FILE[:SCALE]
    int threads = 0;                    ///< 0: one per core
    std::string flash_attention = "auto";
    std::string arithmetic = "auto";
    std::string device = "auto";                   ///< engine/devices.h
    int gpu_layers = -1;                           ///< -1: all that fit
    bool snapshots = true;                         ///< read and write prefix snapshots
    std::uint64_t snapshot_limit = 2'000'000'000;  ///< bytes; beyond them the longest unused snapshots go
    bool offline = false;                          ///< never download
    std::string api_key_file;                      ///< holds the key of the servers; empty: app/server_keys.h
    double timeout_seconds = 600;                  ///< the most that an answer of a server may take
    /// A program that answers engine::kTrialCommand, as `urial` does: it tries model files that were never used here.
    std::filesystem::path trial_program = engine::TrialOptions().program;
};

/// Resolves the spec (downloading if need be), checks the file, has an unknown one tried: what comes back can be
/// loaded. `purpose` and `rows` decide the arithmetic where the choice is "auto" (engine::arithmetic_for,
/// gpu_arithmetic_for). Throws
/// Error{BadInput|NotFound|Io|Model|Unavailable} and engine::Cancelled.
engine::ModelOptions prepare_model(const ModelChoice& choice, const Callbacks& callbacks,
                                   engine::Purpose purpose = engine::Purpose::Fast, int rows = 1);
/// And loads it.
std::shared_ptr<const engine::Model> open_model(const ModelChoice& choice, const Callbacks& callbacks,
                                                engine::Purpose purpose = engine::Purpose::Fast, int rows = 1);

/// Session options with everything that the choice decides filled in; sequences and context are the caller's.
engine::SessionOptions session_options(const ModelChoice& choice, const Callbacks& callbacks);

/// The aliases of language models.
std::vector<std::string> model_names();

/// The file of a model spec, downloaded if need be unless `offline`.
std::filesystem::path fetch_model(const std::string& spec, bool offline, const Callbacks& callbacks);

}  // namespace urial::app
