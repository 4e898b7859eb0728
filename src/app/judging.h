#pragma once

// What is put to judges, from the files that people name: which question about which items. And how far the judges of a
// run agree with others. Functions over files; nothing is kept.

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "app/models.h"
#include "eval/eval.h"

namespace urial::app {

/// Which items of a file or of a run.
struct ItemSelection {
    std::vector<std::string> where;  ///< "task=coding"
    std::string ids;                 ///< a file of id lists; empty: all items
    std::string subset;              ///< which of the lists; empty: "lite"
    std::size_t limit = 0;           ///< the first so many; 0: all
    std::string shard;               ///< "2/5": of these every 5th, from the 2nd on; empty: all
};
/// Throws Error{BadInput|NotFound}.
eval::Filter filter_of(const ItemSelection& selection);

enum class Judging { Score, Pairwise, Tags, MtBench };

/// A file as it was named, and where its content is: what came in over a pipe lies elsewhere.
struct NamedFile {
    std::string name;
    std::filesystem::path path;
};

struct JudgedFiles {
    NamedFile answers;   ///< answers with their instructions; instructions for Judging::Tags
    NamedFile others;    ///< the other side of Judging::Pairwise
    std::string rubric;  ///< empty: the item's own, which Score and MtBench know
    std::string tags;    ///< a file of items with the tags that the answers lack; empty: none
    ItemSelection items;
};

/// The records of a run of `urial shift` where its folder is named; else the path itself.
std::string answers_file(const std::string& path);

/// Records of answers that failed are left out, which is a warning. Throws Error{BadInput|NotFound}.
std::vector<eval::JudgeTask> judge_tasks(Judging judging, const JudgedFiles& files, const Callbacks& callbacks);

/// For the manifest of the run: what was judged, with the files' hashes.
eval::Json origin_of(Judging judging, const JudgedFiles& files);

struct CalibratedRun {
    std::vector<eval::Calibration> judges;    ///< each judge of the run against the others' ratings
    std::vector<eval::JuryAgreement> humans;  ///< the others among themselves; empty where there is one
};
/// `human` is a file of ratings or another run's folder. Throws Error{BadInput} where they rate nothing in common.
CalibratedRun calibrate_run(const std::string& run, const std::string& human);

}  // namespace urial::app
