#pragma once

// Attention of many rows over one cache that all sequences share: the arithmetic kernel of packed_weights.h, free of
// ggml. The essay is in attention_kernel.h.

#include <cstddef>
#include <cstdint>

#include "base/cpu_level.h"

namespace urial::engine {

/// One layer's attention. Strides are in bytes; f16 numbers are given by their bits.
struct AttentionTask {
    std::size_t rows = 0;           ///< queries
    std::size_t cells = 0;          ///< keys and values
    std::size_t heads = 0;          ///< of the queries
    std::size_t groups = 0;         ///< of the keys and values; divides heads
    std::size_t length = 0;         ///< numbers of a head, a multiple of 16
    bool f32_cells = false;         ///< keys and values are f32 instead of f16
    float scale = 1;                ///< of the products
    const char* queries = nullptr;  ///< f32 [length] of each row and head
    std::size_t query_row = 0, query_head = 0;
    const char* keys = nullptr;  ///< [length] of each cell and group
    std::size_t key_cell = 0, key_group = 0;
    const char* values = nullptr;  ///< likewise
    std::size_t value_cell = 0, value_group = 0;
    const char* mask = nullptr;  ///< f16 [cells] of each row, added to the scaled products; -infinity hides a cell
    std::size_t mask_row = 0;
    char* output = nullptr;  ///< f32 [length] of each row and head; zeros where a row sees no cell
    std::size_t output_row = 0, output_head = 0;
};

/// The share of thread `thread` of `threads`: every threads-th pair of rows. What a row gets does not depend on the
/// other rows, nor on the threads, nor on the set of instructions.
using Attend = void (*)(const AttentionTask& task, std::size_t thread, std::size_t threads);

/// The fastest that `level` allows and the build has; null where that is none.
Attend attention(CpuLevel level);

/// Null where the build lacks it.
extern const Attend avx2_attend;
extern const Attend avx512_attend;

}  // namespace urial::engine
