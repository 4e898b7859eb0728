#include "base/file_system.h"

#include <cstdio>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace urial {
namespace {

/// The system that is in use.
FileSystem*& current() {
    static FileSystem operating_system;
    static FileSystem* used = &operating_system;
    return used;
}

}  // namespace

int FileSystem::open(const char* path, int flags, unsigned mode) { return ::open(path, flags | O_CLOEXEC, mode); }

ssize_t FileSystem::write(int descriptor, const void* bytes, std::size_t count) {
    return ::write(descriptor, bytes, count);
}

int FileSystem::truncate(int descriptor, off_t size) { return ::ftruncate(descriptor, size); }
int FileSystem::sync(int descriptor) { return ::fsync(descriptor); }
int FileSystem::sync_data(int descriptor) { return ::fdatasync(descriptor); }
int FileSystem::lock(int descriptor, int operation) { return ::flock(descriptor, operation); }
int FileSystem::rename(const char* from, const char* to) { return std::rename(from, to); }
int FileSystem::remove(const char* path) { return ::unlink(path); }
int FileSystem::make_directory(const char* path, unsigned mode) { return ::mkdir(path, mode); }

FileSystem& file_system() { return *current(); }

ReplacedFileSystem::ReplacedFileSystem(FileSystem& replacement) : before_(current()) { current() = &replacement; }
ReplacedFileSystem::~ReplacedFileSystem() { current() = before_; }

}  // namespace urial
