#include "base/system_calls.h"

#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file_system.h"

namespace urial {

namespace fs = std::filesystem;

void throw_system_error(const fs::path& path, std::string_view action) {
    const int code = errno;
    const ErrorKind kind = code == ENOENT ? ErrorKind::NotFound : ErrorKind::Io;
    throw error(kind, "{}: cannot {}: {}", path.string(), action, std::strerror(code));
}

int open_file(const fs::path& path, int flags, unsigned mode, std::string_view action) {
    const int descriptor = uninterrupted([&] { return file_system().open(path.c_str(), flags, mode); });
    if (descriptor < 0) throw_system_error(path, action);
    return descriptor;
}

void write_all(int descriptor, std::string_view bytes, const fs::path& path) {
    while (!bytes.empty()) {
        const ssize_t written =
            uninterrupted([&] { return file_system().write(descriptor, bytes.data(), bytes.size()); });
        if (written < 0) throw_system_error(path, "write");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

void sync_folder_of(const fs::path& file) {
    const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
    const int descriptor = uninterrupted([&] { return file_system().open(folder.c_str(), O_RDONLY | O_DIRECTORY, 0); });
    if (descriptor < 0) return;  // a folder that may be written to but not read cannot be synced
    const int synced = uninterrupted([&] { return file_system().sync(descriptor); });
    const int code = errno;
    ::close(descriptor);
    if (synced == 0 || code == EINVAL || code == ENOTSUP) return;
    errno = code;
    throw_system_error(folder, "write");
}

bool try_lock(int descriptor, const fs::path& path) {
    if (uninterrupted([&] { return file_system().lock(descriptor, LOCK_EX | LOCK_NB); }) == 0) return true;
    if (errno == EWOULDBLOCK) return false;
    throw_system_error(path, "lock");
}

bool is_open_at(int descriptor, const fs::path& path) {
    struct stat opened {};
    struct stat named {};
    return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

}  // namespace urial
