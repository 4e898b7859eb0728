#include "cli/shell.h"

#include <cstdlib>
#include <stdexcept>

#include <sys/wait.h>

#include <fmt/format.h>

#include "base/files.h"

namespace urial::test {

Shell::Shell() {
    std::string name = (fs::temp_directory_path() / "urial-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create a temporary folder");
    folder_ = name;
}

Shell::~Shell() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

ShellResult Shell::run(const std::string& command) const {
    const std::string script = fmt::format(
        "cd '{0}' && export HOME='{0}' URIAL='{1}' TERM=xterm && unset XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME "
        "NO_COLOR URIAL_MODEL URIAL_PROMPT URIAL_COLOR URIAL_TEMPERATURE URIAL_CONFIG_DIR URIAL_CACHE\n"
        "{{ {2}\n}} > .out 2> .err",
        folder_.string(), URIAL_BINARY, command);
    write_file_atomic(folder_ / ".script", script);
    const int status = std::system(fmt::format("/bin/bash '{}'", (folder_ / ".script").string()).c_str());
    ShellResult result;
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    result.out = read_file(folder_ / ".out");
    result.err = read_file(folder_ / ".err");
    return result;
}

}  // namespace urial::test
