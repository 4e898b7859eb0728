#include "support/heap_bytes.h"

#include <malloc.h>

#include "support/sanitizer.h"

namespace urial::test {

std::size_t heap_bytes() {
    if (is_sanitized()) return __sanitizer_get_current_allocated_bytes();
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

}  // namespace urial::test
