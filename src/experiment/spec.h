#pragma once

// What an experiment is: methods (a model under a prompt) that answer the same questions, judges of their answers,
// pairs of methods whose token distributions are compared, and the comparisons that were stated beforehand. A value,
// read from a TOML file (docs/experiment.md).

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/judging.h"
#include "app/prompts.h"
#include "generate/generate.h"

namespace urial::experiment {

struct ModelEntry {
    std::string name;
    std::string model;                  ///< a model spec, or servers
    std::vector<std::string> adapters;  ///< FILE[:SCALE]
};

struct Method {
    std::string name;       ///< of letters, digits, '.', '_' and '-': it names files
    std::string label;      ///< in tables
    std::size_t model = 0;  ///< of Spec::models
    app::PromptChoice prompt;
};

/// The aligned method's answers, read by the base method's model under its prompt.
struct ShiftPair {
    std::string name;
    std::size_t base = 0;  ///< of Spec::methods
    std::size_t aligned = 0;
};

struct Comparison {
    std::size_t method = 0;
    std::size_t against = 0;
};

struct JudgingChoice {
    std::vector<std::string> judges;  ///< specs
    std::string rubric;               ///< empty: each item's own
    std::string prices;               ///< a file; empty: none
    std::optional<double> max_cost;   ///< USD, of the whole experiment
    int concurrency = 4;
    int max_tokens = 1024;  ///< of a reply
};

struct Spec {
    std::string title;
    std::string text;  ///< the file as it was read
    std::filesystem::path questions;
    app::ItemSelection items;
    std::vector<ModelEntry> models;
    std::vector<Method> methods;
    generate::SamplingOptions sampling;
    int parallel = 16;
    int context = 0;  ///< as AnswererOptions has it
    std::optional<JudgingChoice> judging;
    std::vector<ShiftPair> pairs;
    std::vector<Comparison> comparisons;
};

/// Names of files are meant from the experiment's file; a name that may also be an alias (a model, a prompt, a rubric)
/// is a file where one lies there. Throws Error{NotFound|Io|BadInput} with the place.
Spec read_spec(const std::filesystem::path& file);

}  // namespace urial::experiment
