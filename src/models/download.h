#pragma once

// What the two ways of downloading share: one download of a file at a time, room on the disk, progress in moderation.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/files.h"
#include "models/models.h"

namespace urial::models {

/// What is downloaded to `target` in pieces lies here meanwhile; who downloads it holds the lock.
inline fs::path download_folder(const fs::path& target) { return target.string() + ".download"; }
inline fs::path download_lock(const fs::path& target) { return target.string() + ".lock"; }

/// Holds the lock file `path` while `what` is downloaded. Throws Error{Unavailable} when another process does that now,
/// Error{Io} naming the folder and `remedy` when it cannot be written.
FileLock lock_download(const fs::path& path, std::string_view what, std::string_view remedy);

/// Throws Error{Io} when the disk of `folder` has no room for `bytes` more.
void require_space(const fs::path& folder, std::uint64_t bytes);

/// Throws Error{Unavailable} when the download is cancelled.
void end_if_cancelled(const FetchOptions& options);

/// Passes progress on a few times a second and ends the download when it is cancelled.
class ProgressReporter {
public:
    ProgressReporter(const FetchOptions& options, std::uint64_t total_bytes)
        : options_(options), total_bytes_(total_bytes) {}
    void report(std::uint64_t done_bytes);
    void finish();

private:
    const FetchOptions& options_;
    std::uint64_t total_bytes_;
    std::chrono::steady_clock::time_point next_{};
};

inline void notify(const FetchOptions& options, std::string_view line) {
    if (options.notice) options.notice(line);
}

}  // namespace urial::models
