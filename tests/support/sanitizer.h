#pragma once

// Whether a sanitizer watches this process. It is asked at run time: compiled tests are linked to parts with sanitizers
// and to parts without.

#include <cstddef>

extern "C" [[gnu::weak]] std::size_t __sanitizer_get_current_allocated_bytes();  // sanitizer/allocator_interface.h

namespace urial::test {

inline bool is_sanitized() { return &__sanitizer_get_current_allocated_bytes != nullptr; }

}  // namespace urial::test
