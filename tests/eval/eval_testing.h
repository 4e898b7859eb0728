#pragma once

// What the tests of eval share: a folder to write files into, the reference folder, and records made in one line.

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/error.h"
#include "eval/eval.h"
#include "support/paths.h"
#include "support/sandbox.h"

namespace urial::eval {

class TemporaryFolder : public test::TemporaryFolder {
public:
    std::filesystem::path write(const std::string& name, std::string_view content) const {
        std::ofstream(path() / name, std::ios::binary) << content;
        return path() / name;
    }
    std::filesystem::path write_gzip(const std::string& name, std::string_view content) const {
        gzFile file = gzopen((path() / name).c_str(), "wb");
        gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
        gzclose(file);
        return path() / name;
    }
};

/// The message of the Error that `action` throws; a failure when it throws none.
template <typename Action>
std::string message_of(const Action& action) {
    try {
        action();
    } catch (const Error& problem) {
        return problem.what();
    }
    ADD_FAILURE() << "no Error was thrown";
    return {};
}

inline std::filesystem::path reference_folder() { return test::source_path("../shared/reference"); }

/// The first line of every test that reads the reference folder.
#define SKIP_WITHOUT_REFERENCE() \
    if (!std::filesystem::exists(reference_folder())) GTEST_SKIP() << reference_folder() << " is not there"

inline Json read_json(const std::filesystem::path& path) { return Json::parse(std::ifstream(path)); }

inline EvalRecord scored(const std::string& id, double score, const std::string& instruction = {}) {
    EvalRecord record;
    record.item.id = id;
    record.item.instruction = instruction.empty() ? "instruction " + id : instruction;
    record.answer = {"one two three", {}, "model"};
    record.rubric = "test";
    record.judge = "judge";
    record.verdicts = {{"helpfulness", Score{score, "because"}}};
    return record;
}

inline EvalRecord preferred(const std::string& id, const std::string& a, const std::string& b, Choice choice) {
    EvalRecord record;
    record.item.id = id;
    record.item.instruction = "instruction " + id;
    record.answer = {"answer of " + a, {}, a};
    record.other = Answer{"answer of " + b, {}, b};
    record.rubric = "pairwise";
    record.judge = "judge";
    record.verdicts = {{"overall", Preference{choice, "because"}}};
    return record;
}

}  // namespace urial::eval
