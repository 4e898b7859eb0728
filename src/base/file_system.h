#pragma once

// The one way in which files are changed: the system calls behind base/files.h. A test puts an object of its own in
// their place, to fail, shorten or record them. Each returns what the system call returns and sets errno. Thread-safe.

#include <cstddef>

#include <sys/types.h>

namespace urial {

class FileSystem {
public:
    virtual ~FileSystem() = default;
    virtual int open(const char* path, int flags, unsigned mode);
    virtual ssize_t write(int descriptor, const void* bytes, std::size_t count);
    virtual int truncate(int descriptor, off_t size);
    virtual int sync(int descriptor);       ///< content and what is known about the file, of a folder its names
    virtual int sync_data(int descriptor);  ///< content and size
    virtual int lock(int descriptor, int operation);
    virtual int rename(const char* from, const char* to);
    virtual int remove(const char* path);
    virtual int make_directory(const char* path, unsigned mode);
};

/// The operating system's, unless a test has replaced it.
FileSystem& file_system();

/// For tests: `replacement` stands in for the operating system until destruction. Not while other threads write files.
class ReplacedFileSystem {
public:
    explicit ReplacedFileSystem(FileSystem& replacement);
    ~ReplacedFileSystem();
    ReplacedFileSystem(const ReplacedFileSystem&) = delete;
    ReplacedFileSystem& operator=(const ReplacedFileSystem&) = delete;

private:
    FileSystem* const before_;
};

}  // namespace urial
