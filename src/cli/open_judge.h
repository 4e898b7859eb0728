#pragma once

// From what a person types after --judge to a judge that can be asked.

#include <chrono>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "eval/eval.h"

namespace urial::cli {

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
OpenedJudge open_judge(const std::string& spec, std::chrono::milliseconds timeout, const ModelFlags& local,
                       const Context& context);

}  // namespace urial::cli
