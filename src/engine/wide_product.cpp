// Why: a text encoder is nearly nothing but products of f32 matrices, and its vectors must not move by more than
// 0.0001 in cosine. 8 bits, as packed_product.h has them, move them by up to 0.001; f32 is as slow as everybody's.
// VPDPWSSD adds two products of 16-bit numbers in each of 16 lanes, as often in a cycle as an f32 instruction adds one.
//
// 128 numbers of a row, or of a column, are rounded to -4095 .. 4095 with a scale in common. The sum of 128 products is
// at most 128 x 4095^2 < 2^31: it fits, so that within a block sums are exact; then one conversion, one product with
// both scales and one addition in f32. The rounding of 13 bits moves a vector by less than 0.000001.
//
// Layout. 32 rows are two groups of one row per lane; for each block:
//
//     rows:     [32 x f32 scale] then for each pair of numbers: [32 rows x 2 x i16]
//     columns:  [12 x f32 scale] [16 bytes] then for each pair of numbers: [12 columns x 2 x i16]
//
// The kernel has 24 integer sums (32 rows, 12 columns) in registers: 24 VPDPWSSD need 14 loads. Columns that are not
// there are zeros.

#include "engine/wide_product.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/cpu_level.h"

namespace urial::engine {
namespace {

constexpr std::size_t kPairs = kWideBlock / 2;
constexpr std::size_t kRowsBlock = kWideRows * (sizeof(float) + kPairs * 4);
constexpr std::size_t kColumnsBlock = 64 + kWideColumns * kPairs * 4;

/// Rounds a block of one row; its pairs lie `stride` 32-bit words apart.
void pack_block(const float* numbers, std::size_t stride, float& scale, std::int16_t* target) {
    float most = 0;
    for (std::size_t i = 0; i < kWideBlock; ++i) most = std::max(most, std::abs(numbers[i]));
    scale = most / kWideMost;
    const float factor = most > 0 ? kWideMost / most : 0;
    for (std::size_t pair = 0; pair < kPairs; ++pair) {
        for (std::size_t half = 0; half < 2; ++half) {
            const float rounded = numbers[2 * pair + half] * factor;
            target[2 * pair * stride + half] =
                static_cast<std::int16_t>(std::clamp(rounded + (rounded < 0 ? -0.5F : 0.5F), -kWideMost, kWideMost));
        }
    }
}

}  // namespace

bool wide_product_runs_here() { return has_wide_product() && cpu_level() >= CpuLevel::Avx512Vnni; }

std::size_t wide_rows_bytes(std::size_t length) { return length / kWideBlock * kRowsBlock; }
std::size_t wide_columns_bytes(std::size_t length) { return length / kWideBlock * kColumnsBlock; }

void pack_wide_rows(const float* rows, std::size_t length, void* target) {
    auto* bytes = static_cast<char*>(target);
    for (std::size_t block = 0; block < length / kWideBlock; ++block, bytes += kRowsBlock) {
        auto* scales = reinterpret_cast<float*>(bytes);
        auto* words = reinterpret_cast<std::int16_t*>(bytes + kWideRows * sizeof(float));
        for (std::size_t row = 0; row < kWideRows; ++row) {
            pack_block(rows + row * length + block * kWideBlock, kWideRows, scales[row], words + 2 * row);
        }
    }
}

}  // namespace urial::engine
