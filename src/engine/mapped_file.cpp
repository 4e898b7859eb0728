#include "engine/mapped_file.h"

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace urial::engine {
namespace {

struct Mapping {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::uint64_t inode = 0;  ///< 0: not of a file
};

/// Shared ones only, as the engine maps models: a private mapping may hold changes that no file has.
std::vector<Mapping> shared_mappings() {
    std::vector<Mapping> found;
    std::ifstream lines("/proc/self/maps");
    for (std::string line; std::getline(lines, line);) {
        Mapping mapping;
        char rights[5] = "";
        if (std::sscanf(line.c_str(), "%lx-%lx %4s %*s %*s %lu", &mapping.begin, &mapping.end, rights,
                        &mapping.inode) == 4 &&
            rights[3] == 's') {
            found.push_back(mapping);
        }
    }
    return found;
}

/// Pages of a mapped file stop counting as this process's memory. They stay in the page cache, and are simply mapped
/// again where something does need them. Memory of another kind than a file's loses its content.
void release(std::uintptr_t begin, std::uintptr_t end) {
    if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

/// From the begin of the first whole page to the end of the last.
std::pair<std::uintptr_t, std::uintptr_t> whole_pages(const void* data, std::size_t size) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    return {(reinterpret_cast<std::uintptr_t>(data) + page - 1) / page * page,
            (reinterpret_cast<std::uintptr_t>(data) + size) / page * page};
}

}  // namespace

void release_file_pages(const void* data, std::size_t size) {
    const auto [begin, end] = whole_pages(data, size);
    for (const Mapping& mapping : shared_mappings()) {
        if (mapping.inode != 0 && mapping.begin <= begin && end <= mapping.end) release(begin, end);
    }
}

void release_mapped_file(const std::filesystem::path& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) return;
    for (const Mapping& mapping : shared_mappings()) {
        if (mapping.inode == status.st_ino) release(mapping.begin, mapping.end);
    }
}

void release_zeros([[maybe_unused]] void* data, [[maybe_unused]] std::size_t size) {
#ifdef __linux__  // elsewhere the pages may keep what they hold, or lose their place
    const auto [begin, end] = whole_pages(data, size);
    release(begin, end);
#endif
}

}  // namespace urial::engine
