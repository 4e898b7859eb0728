#pragma once

// From plain options to files of requests, and from the results of such files to the records of a run: what a live run
// does at once, in two steps, for engines that work through files. docs/batch.md says how they are used.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/models.h"
#include "app/prompts.h"
#include "batch/request_file.h"
#include "batch/results_answerer.h"
#include "generate/batch_run.h"
#include "generate/instructions.h"

namespace urial::app {

struct GenerationExport {
    std::string model;  ///< as the engine names it, or servers, which are not asked
    PromptChoice prompt;
    batch::Target target = batch::Target::Vllm;
    ModelChoice tokenizer;  ///< a model file whose tokenizer says which token ids a prompt has; its model empty: none
    std::filesystem::path requests;  ///< where they go
    bool overwrite = false;
    /// Its `output`: records whose questions are left out; empty: none. Callbacks do not count.
    generate::BatchOptions run;
};

/// For a manifest of requests; null where there is none.
nlohmann::ordered_json describe_tokenizer(const engine::Model* model);
/// What the requests were made of: `input`, or where their manifest says that it is if that is empty. `what` it is, for
/// errors: "instructions". Throws Error{NotFound|BadInput} for what is not there or has changed.
std::filesystem::path exported_input(const batch::RequestSet& set, const std::filesystem::path& input,
                                     std::string_view what);

struct ExportSummary {
    std::size_t requests = 0;
    std::size_t answered = 0;  ///< questions that were left out
    std::uint64_t bytes = 0;
    std::string model;  ///< as the requests name it
};
/// Throws Error{BadInput} for what cannot be asked, naming the item, before anything is written.
ExportSummary export_generation(const std::vector<generate::Instruction>& instructions, const GenerationExport& options,
                                const Callbacks& callbacks);

struct GenerationImport {
    std::filesystem::path requests;              ///< as exported: its manifest is read
    std::vector<std::filesystem::path> results;  ///< files and folders
    std::filesystem::path input;                 ///< the instructions; empty: where the manifest says that they are
    generate::BatchOptions run;                  ///< but what the manifest says: samples, sampling, origin, generator
};

struct ImportSummary {
    generate::BatchSummary run;
    batch::ResultCounts results;
};
/// Appends the records of a live run to run.output. Throws Error{BadInput} where the instructions are not those that
/// were exported, and what run_batch() throws.
ImportSummary import_generation(const GenerationImport& options);

}  // namespace urial::app
