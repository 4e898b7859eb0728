#pragma once

// The original authors' files: raw judgements become a run, their requests become a rubric, their rules of counting are
// applied by name. docs/judging.md describes the raw form and every rule.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eval/record.h"
#include "eval/rubric.h"
#include "eval/summary.h"

namespace urial::eval {

/// The original's repair of a reply before it is read: fences gone, backslashes doubled (or, where the reply escapes
/// quotes twice, undoubled once), cut from the first { to the last }. This text is what their files store as "result".
std::string repair_reply_as_original(std::string_view reply);
/// The object of a repaired reply: newlines removed, quotes inside a "reason" before a "preference" escaped, parsed.
/// std::nullopt where the original stores null.
std::optional<Json> parse_repaired_as_original(std::string_view repaired);

/// Records whose replies our rules cannot read, wholly or in part, are read by the original's: repaired, parsed, and
/// each aspect taken as it stands there. What is not readable that way either stays unscored.
std::vector<EvalRecord> reread_as_original(std::vector<EvalRecord> records);

/// What one request said, with the texts that were put into it.
struct RenderedRequest {
    std::string mode;  ///< "score_multi", "score_safety", "pairwise", "pairwise_multi", "tag"
    std::string prompt;
    std::string instruction;
    std::vector<std::string> outputs;  ///< one, or A and B
    std::vector<std::string> aspects;  ///< of the parsed reply; empty where there is none
    std::string where;                 ///< "FILE: record 3"
};

/// Reads raw judgement files (JSON, gzip or not) one record at a time. Throws Error{BadInput} naming file and record.
void for_each_request(std::span<const std::filesystem::path> files,
                      const std::function<void(RenderedRequest&&)>& request);

/// Finds the one template that renders every request byte for byte: literal text around one place for the instruction
/// and one for each output. Requests of one mode must share it. Throws Error{BadInput} naming the first record that
/// does not fit, or saying that the texts do not occur in the request.
std::string recover_template(std::span<const RenderedRequest> requests);

/// "original" and "score_multi" give "original-score-multi": what imported records and recovered rubrics are named.
std::string original_rubric_name(std::string_view name, std::string_view mode);

/// One rubric per mode that occurs in the files, named after `name` and the mode. Aspects and scale follow the replies.
std::vector<Rubric> recover_rubrics(std::span<const std::filesystem::path> files, std::string_view name);

struct ImportOptions {
    std::optional<std::filesystem::path> items = std::nullopt;  ///< tags by id: a just-eval file, or the tags list
};

struct ImportReport {
    std::size_t records = 0;
    std::size_t unscored = 0;  ///< records without a readable judgement
    std::size_t tagged = 0;    ///< records that found their item
    std::map<std::string, std::size_t> modes;
};

/// Raw judgements into a run folder, streamed. Files of items (an "instruction" and no "prompt") among `files` give the
/// tags as options.items does. Throws Error{BadInput} for a record of another kind, for one that occurs twice, and when
/// an item's instruction is not the one that was judged.
ImportReport import_judgements(std::span<const std::filesystem::path> files, const std::filesystem::path& folder,
                               const ImportOptions& options = {});

/// One raw record; Error{BadInput} says what is wrong with it. `aspects` are those of the last record of each mode, for
/// records that have no judgement.
EvalRecord record_from_raw(const Json& raw, std::map<std::string, std::vector<std::string>>& aspects);

/// The original's report of one file: records with a parsed judgement, means with "N/A" as 5.0, words per answer.
struct OriginalReport {
    std::size_t total = 0;
    Named<double> means;
    double average_words = 0;  ///< NaN when total is 0
};
OriginalReport report_as_original(std::span<const EvalRecord> records);

/// The original's pairwise report: verdicts per generator ("same" for ties), and mean words of each one's answers.
struct OriginalPairwiseReport {
    std::size_t total = 0;
    Named<std::size_t> preferred;
    Named<double> average_words;
};
OriginalPairwiseReport report_pairwise_as_original(std::span<const EvalRecord> records);

/// The original's reading of the two tagging replies: topics from the first, tasks and difficulty from the second.
struct OriginalTags {
    std::vector<std::string> task;
    std::vector<std::string> topic;
    std::string difficulty;  ///< "easy", "medium", "hard", "n/a"
};
OriginalTags tags_as_original(std::string_view topic_reply, std::string_view task_reply,
                              std::span<const std::string> topics, std::span<const std::string> tasks);

}  // namespace urial::eval
