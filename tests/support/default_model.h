#pragma once

// The real model for tests that need one: the default alias, from this disk only.

#include <cstdlib>
#include <filesystem>
#include <optional>

#include <gtest/gtest.h>

#include "base/error.h"
#include "models/models.h"

namespace urial::test {

/// Where the default model lies; nothing where it was never downloaded.
inline std::optional<std::filesystem::path> default_model_path() {
    models::FetchOptions on_disk;
    on_disk.download = false;
    try {
        return models::resolve(models::parse_model_spec("gemma-3-270m"), on_disk);
    } catch (const Error&) {
        return std::nullopt;
    }
}

}  // namespace urial::test

/// Ends the test (or SetUp) as skipped where the model is absent, as failed where URIAL_REQUIRE_MODEL asks for it.
#define URIAL_NEED_MODEL(path)                                                                           \
    if (!(path)) {                                                                                       \
        if (std::getenv("URIAL_REQUIRE_MODEL") != nullptr) FAIL() << "the default model is not on disk"; \
        GTEST_SKIP() << "the default model is not on this disk; `urial pull gemma-3-270m` gets it";      \
    }
