#include "support/shell.h"

#include <cstdlib>

#include <sys/wait.h>

#include <fmt/format.h>

#include "base/files.h"
#include "support/paths.h"

namespace urial::test {

ShellResult Shell::run(const std::string& command) const {
    const std::string script = fmt::format(
        "cd '{0}' && export HOME='{0}' URIAL='{1}' TERM=xterm && unset XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME "
        "XDG_DATA_HOME URIAL_DATA NO_COLOR URIAL_MODEL URIAL_PROMPT URIAL_COLOR URIAL_TEMPERATURE URIAL_CONFIG_DIR "
        "URIAL_CACHE\n"
        "{{ {2}\n}} < /dev/null > .out 2> .err",
        folder().string(), binary_path().string(), command);
    write_file_atomic(folder() / ".script", script);
    const int status = std::system(fmt::format("/bin/bash '{}'", (folder() / ".script").string()).c_str());
    ShellResult result;
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    result.out = read_file(folder() / ".out");
    result.err = read_file(folder() / ".err");
    return result;
}

}  // namespace urial::test
