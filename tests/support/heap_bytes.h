#pragma once

#include <cstddef>

namespace urial::test {

/// Bytes that this process has allocated and not freed; under a sanitizer without what it keeps of freed ones.
std::size_t heap_bytes();

}  // namespace urial::test
