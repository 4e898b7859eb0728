#pragma once

// Products of f32 matrices rounded to 13 bits, for encoders: nearly twice as fast as products in f32, and closer to
// them than f16 weights are. Free of ggml. The essay is in wide_product.cpp.

#include <cstddef>
#include <cstdint>

namespace urial::engine {

/// True where the build has the kernel, and where the machine has AVX-512 with VNNI too.
bool has_wide_product();
bool wide_product_runs_here();

inline constexpr std::size_t kWideRows = 32;       ///< a matrix needs a multiple of so many rows
inline constexpr std::size_t kWideBlock = 128;     ///< and of so many numbers in a row
inline constexpr std::size_t kWideColumns = 12;    ///< columns are packed and multiplied together
inline constexpr float kWideMost = 4095;           ///< what numbers are rounded to
inline constexpr std::size_t kWideAlignment = 64;  ///< of what is packed, in bytes

/// Bytes of kWideRows packed rows, and of kWideColumns packed columns.
std::size_t wide_rows_bytes(std::size_t length);
std::size_t wide_columns_bytes(std::size_t length);

/// Packs kWideRows rows, each `length` floats behind the one before.
void pack_wide_rows(const float* rows, std::size_t length, void* target);

/// Packs `count` finite columns (1 to kWideColumns) columns, each `length` floats behind the one before.
void pack_wide_columns(const float* columns, std::size_t count, std::size_t length, void* target);

/// outputs[c * stride + r] = packed row r times packed column c, for kWideRows rows and the first `count` columns.
void multiply_wide(const void* rows, const void* columns, std::size_t count, std::size_t length, float* outputs,
                   std::size_t stride);

}  // namespace urial::engine
