#include "terminal/browser.h"

#include <cerrno>
#include <cstdlib>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace urial::terminal {
namespace {

#ifdef __APPLE__
constexpr char kOpen[] = "open \"$1\" </dev/null >/dev/null 2>&1 &";
bool has_desktop() { return true; }
#else
constexpr char kOpen[] = "xdg-open \"$1\" </dev/null >/dev/null 2>&1 &";
// Without one xdg-open would show the page in this terminal.
bool has_desktop() { return std::getenv("DISPLAY") != nullptr || std::getenv("WAYLAND_DISPLAY") != nullptr; }
#endif

}  // namespace

bool open_in_browser(const std::string& url) {
    if (!has_desktop()) return false;
    // The shell ends at once, so that nobody has to wait for the browser; a group of its own keeps Ctrl-C from it.
    std::string script = kOpen;
    std::string address = url;
    std::string shell = "sh";
    std::string command_flag = "-c";
    char* const arguments[] = {shell.data(), command_flag.data(), script.data(), shell.data(), address.data(), nullptr};
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
    pid_t process = 0;
    const int failure = ::posix_spawn(&process, "/bin/sh", nullptr, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    if (failure != 0) return false;
    int status = 0;
    while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace urial::terminal
