#pragma once

// Runs the real binary through /bin/sh in a folder of its own, without the settings of whoever runs the tests.

#include <filesystem>
#include <string>

namespace urial::test {

struct ShellResult {
    int exit_code = 0;
    std::string out;
    std::string err;
};

class Shell {
public:
    Shell();
    ~Shell();
    Shell(const Shell&) = delete;
    Shell& operator=(const Shell&) = delete;

    /// `command` finds the binary as $URIAL and works in folder().
    ShellResult run(const std::string& command) const;
    const std::filesystem::path& folder() const { return folder_; }

private:
    std::filesystem::path folder_;
};

}  // namespace urial::test
