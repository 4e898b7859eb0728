#pragma once

// Memory that the engine holds and does not need: of files that it has mapped, once they are copied into another
// layout, and of buffers that it has cleared. Internal to this part; where the system cannot say or do what is needed
// these do nothing.

#include <cstddef>
#include <filesystem>

namespace urial::engine {

/// The whole pages of `data`, where it lies in a mapped file, stop counting as this process's memory.
void release_file_pages(const void* data, std::size_t size);

/// All pages of the mapped file do; what is still read from it is mapped again when it is touched.
void release_mapped_file(const std::filesystem::path& path);

/// Whole pages of memory that holds nothing but zeros take none until they are written to.
void release_zeros(void* data, std::size_t size);

}  // namespace urial::engine
