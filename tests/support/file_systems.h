#pragma once

// File systems for tests, put in place by ReplacedFileSystem: one whose calls fail as a test says, and one that
// remembers what was written and synced, so that a power cut at any call can be played. Both work on the real files
// too.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"

namespace urial::test {

/// Syncs nothing, which is most of the time that a test with many runs takes.
class UnsyncedFileSystem : public FileSystem {
public:
    int sync(int) override { return 0; }
    int sync_data(int) override { return 0; }
};

/// Thread-safe, but what a test sets or reads while others write.
class FaultyFileSystem final : public FileSystem {
public:
    /// Asked before each call by its name ("write", "sync_data", ...): 0 lets it through, else it fails with this
    /// errno.
    std::function<int(std::string_view call)> fault = [](std::string_view) { return 0; };
    /// A write takes so many bytes at most.
    std::size_t longest_write = std::string::npos;
    /// How often each call was made, those that failed included.
    std::map<std::string, std::size_t, std::less<>> calls;

    int open(const char* path, int flags, unsigned mode) override;
    ssize_t write(int descriptor, const void* bytes, std::size_t count) override;
    int truncate(int descriptor, off_t size) override;
    int sync(int descriptor) override;
    int sync_data(int descriptor) override;
    int lock(int descriptor, int operation) override;
    int rename(const char* from, const char* to) override;
    int remove(const char* path) override;
    int make_directory(const char* path, unsigned mode) override;

private:
    bool fails(std::string_view call);

    std::mutex mutex_;  // guards `calls` and lets one thread at a time ask `fault`
};

/// A folder's disk. Only what was synced is sure to be there after a power cut: of a file its content, of a folder its
/// names. Files are appended to, not written over.
class RecordedDisk final : public FileSystem {
public:
    /// `root` exists and is empty.
    explicit RecordedDisk(std::filesystem::path root) : root_(std::move(root)) {}

    /// Something that happened between two calls.
    void mark(std::string text);
    /// Calls and marks so far. Thread-safe.
    std::size_t size() const;
    std::vector<std::string> marks_before(std::size_t cut) const;
    /// Writes into the empty folder `target` what a power cut after `cut` calls leaves of the root. Of what was not
    /// synced `random` decides how much is there: nothing, a part, all, or zeros in its place.
    void play_power_cut(std::size_t cut, const std::filesystem::path& target, std::mt19937& random) const;

    int open(const char* path, int flags, unsigned mode) override;
    ssize_t write(int descriptor, const void* bytes, std::size_t count) override;
    int truncate(int descriptor, off_t size) override;
    int sync(int descriptor) override;
    int sync_data(int descriptor) override;
    int rename(const char* from, const char* to) override;
    int remove(const char* path) override;
    int make_directory(const char* path, unsigned mode) override;

private:
    enum class Kind { Mark, Create, MakeFolder, Write, Truncate, SyncFile, SyncFolder, Rename, Remove };
    struct Call {
        Kind kind;
        int file = 0;       // of Create, Write, Truncate, SyncFile
        std::string name;   // the path; the text of a mark
        std::string other;  // the new path of Rename, the bytes of Write
        std::size_t length = 0;
    };
    struct State;
    void note_sync(int descriptor);

    const std::filesystem::path root_;
    mutable std::mutex mutex_;  // guards what follows
    std::vector<Call> calls_;
    std::map<std::string, int> files_;         // by path
    std::map<int, int> open_files_;            // by descriptor
    std::map<int, std::string> open_folders_;  // by descriptor
    int next_file_ = 1;
};

}  // namespace urial::test
