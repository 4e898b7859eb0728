#include "engine/mapped_file.h"

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
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
/// again where something does need them. Only for files: memory of another kind would lose its content.
void release(std::uintptr_t begin, std::uintptr_t end) {
    if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace

void release_file_pages(const void* data, std::size_t size) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto begin = (reinterpret_cast<std::uintptr_t>(data) + page - 1) / page * page;
    const auto end = (reinterpret_cast<std::uintptr_t>(data) + size) / page * page;
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

}  // namespace urial::engine
