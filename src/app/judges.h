#pragma once

// From what a person names as a judge to one that can be asked, and to the jury of a run.

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/models.h"
#include "eval/eval.h"

namespace urial::app {

struct OpenedJudge {
    std::unique_ptr<eval::Judge> judge;
    bool free_of_charge = false;  ///< it runs on this machine
    eval::Json description;       ///< for the manifest; holds no key
};

/// `spec` is one of
///   http(s)://HOST/v1#MODEL   that server
///   openai:MODEL              the server in OPENAI_BASE_URL, by default OpenAI's
///   MODEL                     the same, where OPENAI_BASE_URL or OPENAI_API_KEY is set and no local model is named so
///   FILE, hf:..., an alias    a local model
/// The key is OPENAI_API_KEY. Throws Error{BadInput|NotFound}.
/// `local` says how a local model is loaded; its model is `spec`.
OpenedJudge open_judge(const std::string& spec, std::chrono::milliseconds timeout, const ModelChoice& local,
                       const Callbacks& callbacks);

struct JuryChoice {
    std::vector<std::string> judges;  ///< specs, each asked about everything
    ModelChoice local;                ///< how local judges are loaded
    double timeout_seconds = 300;     ///< of one reply
    std::string prices;               ///< a file of what the judges' tokens cost; empty: not known
    eval::JudgeRunOptions run;        ///< but its judges
};

/// The judges of a run and what they are asked with; lives as long as the run.
struct Jury {
    std::vector<OpenedJudge> judges;
    eval::JudgeRunOptions options;  ///< for eval::run_judges(); its callbacks are the caller's to set
};
Jury open_jury(const JuryChoice& choice, const Callbacks& callbacks);

}  // namespace urial::app
