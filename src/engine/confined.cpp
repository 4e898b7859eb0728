// A stack that overflows, a division by zero or an endless loop inside a library cannot be stopped from within the
// process. The child is a copy of this one (fork without exec): it needs no program on the disk, and all that `work`
// refers to is there. It has one thread, so that of this process's state only what `work` touches matters.
//
// The answer comes through a pipe: one byte for the kind of end, then the text. That the pipe closes says that the
// child is at its end.

#include "engine/confined.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iterator>
#include <new>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"

namespace urial::engine {
namespace {

using End = ConfinedResult::End;
using Clock = std::chrono::steady_clock;

/// Bytes of data segments that this process has, which the limit of the child counts too; 0 where the system does not
/// say.
std::uint64_t data_bytes() {
    try {
        // "size resident shared text lib data dt", in pages
        const std::string text = read_file("/proc/self/statm");
        std::size_t begin = 0;
        for (int field = 0; field < 5; ++field) begin = text.find(' ', begin) + 1;
        return std::stoull(text.substr(begin)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    } catch (const std::exception&) {
        return 0;
    }
}

void lower_limit(decltype(RLIMIT_DATA) resource, std::uint64_t bytes) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) != 0) return;
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, bytes);
    ::setrlimit(resource, &limit);
}

void confine(const Confinement& limits, std::uint64_t data_limit, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPROF}) ::signal(signal, SIG_DFL);
    for (const int signal : {SIGINT, SIGPIPE}) ::signal(signal, SIG_IGN);
    const int nowhere = ::open("/dev/null", O_WRONLY);
    ::dup2(nowhere, STDOUT_FILENO);
    ::dup2(nowhere, STDERR_FILENO);
    lower_limit(RLIMIT_CORE, 0);
    lower_limit(RLIMIT_STACK, limits.stack_bytes);
    if (data_limit > 0) lower_limit(RLIMIT_DATA, data_limit);
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(limits.cpu_time).count();
    itimerval timer{};
    timer.it_value.tv_sec = microseconds / 1'000'000;
    timer.it_value.tv_usec = microseconds % 1'000'000;
    ::setitimer(ITIMER_PROF, &timer, nullptr);
}

ConfinedResult result_of(const std::function<std::string()>& work) {
    try {
        return {End::Returned, work()};
    } catch (const std::bad_alloc&) {
        return {End::OutOfMemory, ""};
    } catch (const std::exception& failure) {
        return {End::Threw, failure.what()};
    }
}

void write_all(int file, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) ::_exit(1);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

[[noreturn]] void be_the_child(int pipe, const Confinement& limits, const std::function<std::string()>& work) {
    ConfinedResult result = result_of(work);
    if (result.text.size() > limits.output_bytes) result = {End::TooMuchOutput, ""};
    const char end = static_cast<char>(result.end);
    write_all(pipe, {&end, 1});
    write_all(pipe, result.text);
    ::_exit(0);
}

/// Everything that comes until the pipe closes; nullopt when that takes too long.
std::optional<std::string> read_all(int pipe, std::chrono::milliseconds patience) {
    const Clock::time_point deadline = Clock::now() + patience;
    std::string bytes;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) return std::nullopt;
        pollfd ready{pipe, POLLIN, 0};
        if (::poll(&ready, 1, static_cast<int>(left)) <= 0) continue;
        char part[16384];
        const ssize_t count = ::read(pipe, part, sizeof(part));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return bytes;
        bytes.append(part, static_cast<std::size_t>(count));
    }
}

int wait_for(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

/// A sanitizer's allocator may be locked for good in the copy of a process with several threads.
bool may_fork() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}) == 1;
#else
    return true;
#endif
}

/// Without limits.
ConfinedResult run_here(const std::function<std::string()>& work) {
    try {
        return {End::Returned, work()};
    } catch (const std::exception& failure) {
        return {End::Threw, failure.what()};
    }
}

}  // namespace

ConfinedResult run_confined(const Confinement& limits, const std::function<std::string()>& work) {
    if (!may_fork()) return run_here(work);
    const std::uint64_t data = data_bytes();
    const std::uint64_t data_limit = data == 0 ? 0 : data + limits.memory_bytes;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw error(ErrorKind::Io, "no pipe to a process: {}", std::strerror(errno));
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(ends[0]);
        confine(limits, data_limit, parent);
        be_the_child(ends[1], limits, work);
    }
    ::close(ends[1]);
    if (child < 0) {
        ::close(ends[0]);
        throw error(ErrorKind::Io, "no process for work on untrusted input: {}", std::strerror(errno));
    }
    const std::optional<std::string> answer = read_all(ends[0], limits.patience);
    ::close(ends[0]);
    if (!answer) ::kill(child, SIGKILL);
    const int status = wait_for(child);
    if (!answer || (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF)) return {End::OutOfTime, ""};
    if (WIFSIGNALED(status)) return {End::Crashed, fmt::format("SIG{}", ::sigabbrev_np(WTERMSIG(status)))};
    if (answer->empty()) return {End::Crashed, "it ended without an answer"};
    return {static_cast<End>(answer->front()), answer->substr(1)};
}

}  // namespace urial::engine
