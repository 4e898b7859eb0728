#pragma once

// Requests to judges as files, and the judgements that come back in files: the two steps of batch_files.h for
// `urial judge`.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/batch_files.h"
#include "app/judging.h"
#include "app/models.h"
#include "eval/eval.h"

namespace urial::app {

struct JudgingExport {
    Judging judging = Judging::Score;
    JudgedFiles files;
    std::string judge;  ///< the model's name, or a server's spec; no server is asked
    std::size_t max_tokens = 1024;
    batch::Target target = batch::Target::Vllm;
    std::filesystem::path requests;  ///< where they go
    bool overwrite = false;
    std::filesystem::path rest_of;  ///< a run whose judgements are left out; empty: none
};
/// Throws Error{BadInput|NotFound} before anything is written.
ExportSummary export_judging(const JudgingExport& options, const Callbacks& callbacks);

struct JudgingImport {
    std::filesystem::path requests;              ///< as exported: its manifest is read
    std::vector<std::filesystem::path> results;  ///< files and folders
    std::filesystem::path folder;                ///< of the run
    std::string prices;                          ///< a file of what the judge's tokens cost; empty: not known
    std::function<bool()> interrupted;
    std::function<void(const eval::JudgeProgress&)> progress;
    std::function<void(std::string_view)> notice;
};
struct JudgingImportSummary {
    eval::ImportedReplies replies;
    std::size_t unreadable = 0;    ///< lines that are no results
    std::string first_unreadable;  ///< "FILE:7: not JSON"
};
/// Adds the judgements to the run's folder. Throws Error{BadInput} where the answers are not those that were exported,
/// and what eval::run_judges() throws.
JudgingImportSummary import_judging(const JudgingImport& options, const Callbacks& callbacks);

/// "generate", "judge" or "shift": what the requests of this file are for. Throws Error{NotFound|BadInput}.
std::string kind_of_requests(const std::filesystem::path& requests);

}  // namespace urial::app
