#include <cstdio>
#include <random>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/error.h"
#include "base/file_system.h"
#include "base/files.h"
#include "base/system_calls.h"

namespace urial {
namespace {

constexpr std::size_t kRandomLength = 6;

/// What the names of the temporary files of `path` begin with.
std::string temporary_prefix(const fs::path& path) {
    constexpr std::size_t kLongest = 200;  // of 255 that file systems take
    return "." + path.filename().string().substr(0, kLongest) + ".urial-";
}

std::string random_letters() {
    static constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
    std::random_device source;
    std::uniform_int_distribution<std::size_t> pick(0, kAlphabet.size() - 1);
    std::string letters;
    while (letters.size() < kRandomLength) letters += kAlphabet[pick(source)];
    return letters;
}

/// The file behind a link, so that the link stays one.
fs::path behind_links(const fs::path& path) {
    std::error_code failure;
    const fs::path real = fs::is_symlink(path, failure) ? fs::weakly_canonical(path, failure) : path;
    return failure ? path : real;
}

/// Removes the temporary files of processes that ended before they could: those whose lock is free.
void remove_left_over(const fs::path& path) {
    const std::string prefix = temporary_prefix(path);
    std::error_code failure;
    for (fs::directory_iterator entry(path.has_parent_path() ? path.parent_path() : ".", failure), end;
         !failure && entry != end; entry.increment(failure)) {
        const std::string name = entry->path().filename().string();
        if (!name.starts_with(prefix) || name.size() != prefix.size() + kRandomLength) continue;
        const int descriptor = file_system().open(entry->path().c_str(), O_RDONLY | O_NOFOLLOW, 0);
        if (descriptor < 0) continue;
        if (file_system().lock(descriptor, LOCK_EX | LOCK_NB) == 0) file_system().remove(entry->path().c_str());
        ::close(descriptor);
    }
}

/// What is there and no regular file, a pipe or a terminal, has no content to be replaced.
bool is_stream(const fs::path& path) {
    std::error_code failure;
    const fs::file_type type = fs::status(path, failure).type();
    return !failure && type != fs::file_type::not_found && type != fs::file_type::regular &&
           type != fs::file_type::directory;
}

}  // namespace

void write_file_atomic(const fs::path& path, std::string_view bytes, unsigned mode) {
    AtomicFile file(path, mode);
    file.write(bytes);
    file.commit();
}

AtomicFile::AtomicFile(const fs::path& path, unsigned mode) : path_(behind_links(path)), mode_(mode) {
    if (is_stream(path)) {
        path_ = temporary_ = path;
        descriptor_ = open_file(path_, O_WRONLY, 0, "open for writing");
        committed_ = true;
        return;
    }
    if (path_.has_parent_path()) make_directories(path_.parent_path());
    remove_left_over(path_);
    constexpr unsigned kOwnerAlone = 0600;  // until it is whole
    while (descriptor_ < 0) {
        temporary_ = path_.parent_path() / (temporary_prefix(path_) + random_letters());
        descriptor_ = uninterrupted(
            [&] { return file_system().open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_APPEND, kOwnerAlone); });
        if (descriptor_ < 0) {
            if (errno == EEXIST) continue;
            throw_system_error(path_, "create a file beside it");
        }
        // Without locks (some network file systems) nobody can remove it either.
        uninterrupted([&] { return file_system().lock(descriptor_, LOCK_EX); });
        if (is_open_at(descriptor_, temporary_)) break;
        ::close(descriptor_);  // another process took it for left over between the two calls
        descriptor_ = -1;
    }
}

AtomicFile::~AtomicFile() {
    if (!committed_) file_system().remove(temporary_.c_str());
    if (descriptor_ >= 0) ::close(descriptor_);
}

void AtomicFile::write(std::string_view bytes) { write_all(descriptor_, bytes, path_); }

void AtomicFile::commit() {
    if (committed_) return;
    if (::fchmod(descriptor_, mode_) != 0 || uninterrupted([&] { return file_system().sync(descriptor_); }) != 0) {
        throw_system_error(path_, "write");
    }
    if (uninterrupted([&] { return file_system().rename(temporary_.c_str(), path_.c_str()); }) != 0) {
        throw_system_error(path_, "rename the finished file to it");
    }
    committed_ = true;
    sync_folder_of(path_);
}

}  // namespace urial
