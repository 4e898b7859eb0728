#include "models/download.h"

#include "base/error.h"
#include "base/text.h"

namespace urial::models {

FileLock lock_download(const fs::path& path, std::string_view what, std::string_view remedy) {
    try {
        return FileLock(path, what);
    } catch (const Error& failure) {
        if (failure.kind() == ErrorKind::Unavailable) {
            throw error(ErrorKind::Unavailable, "another process is downloading {}; wait for it and run this again",
                        what);
        }
        throw error(ErrorKind::Io, "{}; {}", failure.what(), remedy);
    }
}

void require_space(const fs::path& folder, std::uint64_t bytes) {
    std::error_code unknown;
    const fs::space_info space = fs::space(folder, unknown);
    if (unknown || space.available >= bytes) return;
    throw error(ErrorKind::Io, "{}: the disk has {} free, {} more are needed; free some space and run this again",
                folder.string(), human_bytes(static_cast<double>(space.available)),
                human_bytes(static_cast<double>(bytes)));
}

void end_if_cancelled(const FetchOptions& options) {
    if (!options.cancelled || !options.cancelled()) return;
    throw Error(ErrorKind::Unavailable, "the download was interrupted; run this again, it goes on where it stopped");
}

void ProgressReporter::report(std::uint64_t done_bytes) {
    end_if_cancelled(options_);
    const auto now = std::chrono::steady_clock::now();
    if (!options_.progress || now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    options_.progress({.done_bytes = done_bytes, .total_bytes = total_bytes_});
}

void ProgressReporter::finish() {
    if (options_.progress) options_.progress({.done_bytes = total_bytes_, .total_bytes = total_bytes_});
}

}  // namespace urial::models
