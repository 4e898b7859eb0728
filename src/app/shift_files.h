#pragma once

// The requests of a shift analysis as files, and the run that comes back in files: the two steps of batch_files.h for
// `urial shift --answers`.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/batch_files.h"
#include "app/shift_run.h"
#include "batch/scored_results.h"
#include "shift/shift.h"

namespace urial::app {

struct ShiftExport {
    SideChoice base{{}, {}, "zero-shot"};  ///< the models as the engine names them, or servers, which are not asked
    SideChoice aligned{{}, {}, std::string(kChatPrompt)};
    RetrievalChoice retrieval;  ///< of sides whose prompt is kRetrievalPrompt
    ModelChoice tokenizer;  ///< a model file whose tokenizer says which token ids the texts are; its model empty: none
    std::size_t top_k = 10;
    std::filesystem::path requests;  ///< the name of which the files of both sides have a part
    bool overwrite = false;
    std::filesystem::path rest_of;  ///< a run whose records are left out; empty: none
    nlohmann::ordered_json origin;  ///< input, hash, limit and shard of the items
};
/// The items have answers. Without a tokenizer these must be token ids. Throws Error{BadInput} for what cannot be
/// asked, naming the item, before anything is written.
ExportSummary export_shift(const std::vector<shift::ShiftItem>& items, const ShiftExport& options,
                           const Callbacks& callbacks);
/// The same with an opened tokenizer; null: none.
ExportSummary export_shift(const std::vector<shift::ShiftItem>& items, const ShiftExport& options,
                           const std::shared_ptr<const engine::Model>& tokenizer, const Callbacks& callbacks);

/// Which files an export of this name writes: of the base side, of the aligned side, the manifest.
std::vector<std::filesystem::path> shift_request_files(const std::filesystem::path& requests);

struct ShiftImport {
    std::filesystem::path requests;              ///< as exported: its manifest is read
    std::vector<std::filesystem::path> results;  ///< files and folders, of one side or of both
    std::filesystem::path input;                 ///< the answers; empty: where the manifest says that they are
    std::filesystem::path folder;                ///< of the run
    bool overwrite = false;
    std::function<bool()> interrupted;
    std::function<void(const shift::ShiftProgress&)> progress;
    std::function<void(std::string_view)> notice;
};
struct ShiftImportSummary {
    shift::ShiftOutcome run;
    batch::ResultCounts results;
    bool is_compared = true;  ///< false: the vocabularies are not, as their samples are missing; nothing was done
};
/// Adds the records of a live run to the run's folder. Throws Error{BadInput} where the answers are not those that were
/// exported, and what shift::run_shift() throws.
ShiftImportSummary import_shift(const ShiftImport& options, const Callbacks& callbacks);

}  // namespace urial::app
