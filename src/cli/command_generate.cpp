// `urial generate`: a batch of answers. Options in, run_batch, a summary out.

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/progress_bar.h"
#include "cli/sampling_flags.h"
#include "generate/batch_run.h"

namespace urial::cli {
namespace {

struct GenerateOptions {
    ModelFlags model;
    PromptFlags prompt;
    SamplingFlags sampling;
    std::string input;
    std::string output;
    std::string format = "jsonl";
    std::string shard;
    std::size_t limit = 0;
    int samples = 1;
    int parallel = 0;
    int context = 0;
    std::string overflow = "error";
    bool overwrite = false;
    bool token_ids = false;
};

