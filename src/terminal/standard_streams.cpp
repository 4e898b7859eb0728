#include "terminal/standard_streams.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include <unistd.h>

#include "base/error.h"
#include "base/files.h"

namespace urial::terminal {
namespace {

/// A stream without an end must not fill the disk.
constexpr std::uint64_t kMostInputBytes = 4'000'000'000;

void keep_standard_input(const fs::path& path) {
    std::ofstream file(path, std::ios::binary);
    std::vector<char> buffer(1 << 20);
    std::uint64_t total = 0;
    for (;;) {
        const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
        if (count < 0) {
            if (errno == EINTR) continue;
            throw error(ErrorKind::Io, "standard input: cannot read: {}", std::strerror(errno));
        }
        if (count == 0) break;
        total += static_cast<std::uint64_t>(count);
        if (total > kMostInputBytes) {
            throw error(ErrorKind::BadInput, "standard input: more than {} bytes; put it into a file", kMostInputBytes);
        }
        file.write(buffer.data(), count);
    }
    file.close();
    if (!file) throw error(ErrorKind::Io, "{}: cannot write what standard input gave", path.string());
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "urial-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
        throw error(ErrorKind::Io, "{}: cannot create a folder: {}", name, std::strerror(errno));
    }
    path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

InputFile::InputFile(const std::string& name) : path_(name) {
    if (name != kStandardStream) return;
    folder_ = std::make_unique<TemporaryFolder>();
    path_ = folder_->path() / "standard-input";
    keep_standard_input(path_);
}

OutputFile::OutputFile(const std::string& name) : path_(name) {
    if (name != kStandardStream) return;
    folder_ = std::make_unique<TemporaryFolder>();
    path_ = folder_->path() / "standard-output.jsonl";
}

void write_standard_output(std::string_view bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() || std::fflush(stdout) != 0) {
        throw error(ErrorKind::Io, "standard output: cannot write {} bytes", bytes.size());
    }
}

}  // namespace urial::terminal
