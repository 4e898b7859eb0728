#pragma once

// The default model for tests that need a real one, from this disk only.

#include <filesystem>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "base/files.h"
#include "engine/engine.h"

namespace urial::test {

/// Where the default model lies; nothing where it was never downloaded.
std::optional<std::filesystem::path> default_model_path();

/// Loaded once a process. Needs the file: see URIAL_NEED_MODEL.
std::shared_ptr<const engine::Model> default_model();

}  // namespace urial::test

/// Ends the test (or SetUp) as skipped where the model is absent, as failed where URIAL_REQUIRE_MODEL asks for it, as
/// `make test` does.
#define URIAL_NEED_MODEL()                                                                             \
    if (!::urial::test::default_model_path()) {                                                        \
        if (::urial::environment("URIAL_REQUIRE_MODEL")) FAIL() << "the default model is not on disk"; \
        GTEST_SKIP() << "the default model is not on this disk; `urial pull gemma-3-270m` gets it";    \
    }                                                                                                  \
    static_assert(true, "a semicolon follows")
