#pragma once

// Memory of files that the engine has mapped, once it is copied into another layout. Internal to this part; where the
// system does not list a process's mappings these do nothing.

#include <cstddef>
#include <filesystem>

namespace urial::engine {

/// The whole pages of `data`, where it lies in a mapped file, stop counting as this process's memory.
void release_file_pages(const void* data, std::size_t size);

/// All pages of the mapped file do; what is still read from it is mapped again when it is touched.
void release_mapped_file(const std::filesystem::path& path);

}  // namespace urial::engine
