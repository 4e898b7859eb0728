#pragma once

// The default model for tests that need a real one. Where its file is absent the test is skipped, visibly, unless
// URIAL_REQUIRE_MODEL is set (as `make test` does): then it fails.

#include <memory>

#include "engine/engine.h"

namespace urial::test {

/// Loaded once a process. Null where the file is absent and that is allowed.
std::shared_ptr<const engine::Model> default_model();

}  // namespace urial::test

#define URIAL_NEED_MODEL(name)                        \
    const auto name = ::urial::test::default_model(); \
    if (name == nullptr) GTEST_SKIP() << "the default model is not on this machine: urial pull gemma-3-270m"
