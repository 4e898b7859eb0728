#pragma once

// Runs the real binary through /bin/sh in a folder of its own, without the settings of whoever runs the tests.

#include <filesystem>
#include <string>

#include "support/sandbox.h"

namespace urial::test {

struct ShellResult {
    int exit_code = 0;
    std::string out;
    std::string err;
};

class Shell {
public:
    /// `command` finds the binary as $URIAL and works in folder().
    ShellResult run(const std::string& command) const;
    const std::filesystem::path& folder() const { return folder_.path(); }

private:
    TemporaryFolder folder_;
};

}  // namespace urial::test
