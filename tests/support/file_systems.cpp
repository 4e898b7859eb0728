#include "support/file_systems.h"

#include <algorithm>
#include <cerrno>
#include <fstream>

#include <fcntl.h>

namespace urial::test {

namespace fs = std::filesystem;

bool FaultyFileSystem::fails(std::string_view call) {
    const std::lock_guard lock(mutex_);
    ++calls[std::string(call)];
    const int code = fault(call);
    if (code != 0) errno = code;
    return code != 0;
}

int FaultyFileSystem::open(const char* path, int flags, unsigned mode) {
    return fails("open") ? -1 : FileSystem::open(path, flags, mode);
}
ssize_t FaultyFileSystem::write(int descriptor, const void* bytes, std::size_t count) {
    return fails("write") ? -1 : FileSystem::write(descriptor, bytes, std::min(count, longest_write));
}
int FaultyFileSystem::truncate(int descriptor, off_t size) {
    return fails("truncate") ? -1 : FileSystem::truncate(descriptor, size);
}
int FaultyFileSystem::sync(int descriptor) { return fails("sync") ? -1 : FileSystem::sync(descriptor); }
int FaultyFileSystem::sync_data(int descriptor) { return fails("sync_data") ? -1 : FileSystem::sync_data(descriptor); }
int FaultyFileSystem::lock(int descriptor, int operation) {
    return fails("lock") ? -1 : FileSystem::lock(descriptor, operation);
}
int FaultyFileSystem::rename(const char* from, const char* to) {
    return fails("rename") ? -1 : FileSystem::rename(from, to);
}
int FaultyFileSystem::remove(const char* path) { return fails("remove") ? -1 : FileSystem::remove(path); }
int FaultyFileSystem::make_directory(const char* path, unsigned mode) {
    return fails("make_directory") ? -1 : FileSystem::make_directory(path, mode);
}

void RecordedDisk::mark(std::string text) {
    const std::lock_guard lock(mutex_);
    calls_.push_back({Kind::Mark, 0, std::move(text), {}});
}

std::size_t RecordedDisk::size() const {
    const std::lock_guard lock(mutex_);
    return calls_.size();
}

std::vector<std::string> RecordedDisk::marks_before(std::size_t cut) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> marks;
    for (std::size_t i = 0; i < cut; ++i) {
        if (calls_[i].kind == Kind::Mark) marks.push_back(calls_[i].name);
    }
    return marks;
}

int RecordedDisk::open(const char* path, int flags, unsigned mode) {
    const std::lock_guard lock(mutex_);
    const int descriptor = FileSystem::open(path, flags, mode);
    if (descriptor < 0) return descriptor;
    open_files_.erase(descriptor);
    open_folders_.erase(descriptor);
    if ((flags & O_DIRECTORY) != 0) {
        open_folders_[descriptor] = path;
        return descriptor;
    }
    if (!files_.contains(path)) {
        files_[path] = next_file_++;
        calls_.push_back({Kind::Create, files_[path], path, {}});
    }
    open_files_[descriptor] = files_[path];
    return descriptor;
}

// A change is noted before and a sync after it happened: a mark between the two is never too early.
ssize_t RecordedDisk::write(int descriptor, const void* bytes, std::size_t count) {
    const std::lock_guard lock(mutex_);
    calls_.push_back({Kind::Write, open_files_.at(descriptor), {}, {static_cast<const char*>(bytes), count}});
    return FileSystem::write(descriptor, bytes, count);
}

int RecordedDisk::truncate(int descriptor, off_t size) {
    const std::lock_guard lock(mutex_);
    calls_.push_back({Kind::Truncate, open_files_.at(descriptor), {}, {}, static_cast<std::size_t>(size)});
    return FileSystem::truncate(descriptor, size);
}

void RecordedDisk::note_sync(int descriptor) {
    const std::lock_guard lock(mutex_);
    const auto folder = open_folders_.find(descriptor);
    if (folder != open_folders_.end()) {
        calls_.push_back({Kind::SyncFolder, 0, folder->second, {}});
    } else {
        calls_.push_back({Kind::SyncFile, open_files_.at(descriptor), {}, {}});
    }
}

int RecordedDisk::sync(int descriptor) {
    note_sync(descriptor);
    return 0;
}

int RecordedDisk::sync_data(int descriptor) {
    note_sync(descriptor);
    return 0;
}

int RecordedDisk::rename(const char* from, const char* to) {
    const std::lock_guard lock(mutex_);
    calls_.push_back({Kind::Rename, 0, from, to});
    files_[to] = files_.at(from);
    files_.erase(from);
    return FileSystem::rename(from, to);
}

int RecordedDisk::remove(const char* path) {
    const std::lock_guard lock(mutex_);
    calls_.push_back({Kind::Remove, 0, path, {}});
    files_.erase(path);
    return FileSystem::remove(path);
}

int RecordedDisk::make_directory(const char* path, unsigned mode) {
    const std::lock_guard lock(mutex_);
    const int made = FileSystem::make_directory(path, mode);
    if (made == 0) calls_.push_back({Kind::MakeFolder, 0, path, {}});
    return made;
}

/// What programs see, and beside it what is on the disk.
struct RecordedDisk::State {
    static constexpr int kFolder = 0;
    std::map<std::string, int> names, names_on_disk;  // the file, or kFolder
    std::map<int, std::string> contents, contents_on_disk;

    void apply(const Call& call) {
        switch (call.kind) {
            case Kind::Mark: break;
            case Kind::Create: names[call.name] = call.file; break;
            case Kind::MakeFolder: names[call.name] = kFolder; break;
            case Kind::Write: contents[call.file] += call.other; break;
            case Kind::Truncate: contents[call.file].resize(call.length); break;
            case Kind::SyncFile: contents_on_disk[call.file] = contents[call.file]; break;
            case Kind::SyncFolder: sync_folder(call.name); break;
            case Kind::Rename:
                names[call.other] = names.at(call.name);
                names.erase(call.name);
                break;
            case Kind::Remove: names.erase(call.name); break;
        }
    }

    void sync_folder(const std::string& folder) {
        const auto is_inside = [&](const auto& entry) { return fs::path(entry.first).parent_path() == folder; };
        std::erase_if(names_on_disk, is_inside);
        for (const auto& entry : names) {
            if (is_inside(entry)) names_on_disk.insert(entry);
        }
    }

    std::string content_after_cut(int file, std::mt19937& random) {
        const std::string& seen = contents[file];
        const std::string& sure = contents_on_disk[file];
        if (!seen.starts_with(sure)) return random() % 2 == 0 ? seen : sure;
        std::string tail = seen.substr(sure.size());
        const std::size_t begin = random() % (tail.size() + 1);
        const std::size_t end = begin + random() % (tail.size() - begin + 1);
        switch (random() % 4) {
            case 0: return sure;
            case 1: return sure + tail.substr(0, end);
            case 2: return seen;
            default: return sure + tail.replace(begin, end - begin, end - begin, '\0');
        }
    }
};

void RecordedDisk::play_power_cut(std::size_t cut, const fs::path& target, std::mt19937& random) const {
    const std::lock_guard lock(mutex_);
    State state;
    for (std::size_t i = 0; i < cut; ++i) state.apply(calls_[i]);
    const auto& names = random() % 2 == 0 ? state.names_on_disk : state.names;
    for (const auto& [name, file] : names) {  // sorted: a folder comes before what is in it
        const fs::path path = target / fs::path(name).lexically_relative(root_);
        if (!fs::exists(path.parent_path())) continue;  // the folder itself was lost
        if (file == State::kFolder) {
            fs::create_directory(path);
        } else {
            std::ofstream(path, std::ios::binary) << state.content_after_cut(file, random);
        }
    }
}

}  // namespace urial::test
