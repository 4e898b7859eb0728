#pragma once

// A run of scripted judges in a temporary folder.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/files.h"
#include "eval/eval_testing.h"
#include "eval/judge_run.h"
#include "eval/judge_testing.h"

namespace urial::eval {

inline std::size_t lines_in(const fs::path& path) {
    const std::string text = read_file(path);
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

class JudgeRunTest : public ::testing::Test {
protected:
    JudgeRunTest() {
        options.folder = folder / "run";
        options.retry = fast_retry();
    }

    JudgeSummary run(Judge& judge, const std::vector<JudgeTask>& tasks, std::optional<Price> price = std::nullopt) {
        options.judges = {{&judge, price, Json::object()}};
        return run_judges(tasks, options);
    }

    std::vector<EvalRecord> records() const { return load_run(options.folder).records; }
    UnscoredReason reason() const { return std::get<Unscored>(records().front().verdicts.front().verdict).reason; }

    TemporaryFolder folder;
    JudgeRunOptions options;
};

}  // namespace urial::eval
