// The packed product against sums in double precision over the blocks as GGUF stores them.

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include <ggml.h>
#include <gtest/gtest.h>

#include "engine/packed_product.h"

namespace urial::engine {
namespace {

struct Case {
    PackedFormat format;
    ColumnBits bits;
    std::size_t rows, length, columns;
};

ggml_type type_of(PackedFormat format) {
    switch (format) {
        case PackedFormat::Q8: return GGML_TYPE_Q8_0;
        case PackedFormat::Q5: return GGML_TYPE_Q5_0;
        case PackedFormat::Q4K: return GGML_TYPE_Q4_K;
        case PackedFormat::Q6K: break;
    }
    return GGML_TYPE_Q6_K;
}

std::vector<float> random_numbers(std::size_t count, std::mt19937& random) {
    std::normal_distribution<float> normal;
    std::vector<float> numbers(count);
    for (float& number : numbers) number = normal(random);
    return numbers;
}

/// The variance of weights times rounding errors, which are even between half a step of the block's largest number down
/// and up.
double expected_variance(const float* weights, const float* column, std::size_t length, ColumnBits bits) {
    double variance = 0;
    for (std::size_t block = 0; block < length; block += kBlockLength) {
        double largest = 0, squares = 0;
        for (std::size_t i = block; i < block + kBlockLength; ++i) {
            largest = std::max(largest, std::abs(static_cast<double>(column[i])));
            squares += static_cast<double>(weights[i]) * static_cast<double>(weights[i]);
        }
        const double step = largest / (bits == ColumnBits::Eight ? 127.0 : 127.0 * 256);
        variance += squares * step * step / 12;
    }
    return variance;
}

/// The largest error against exact sums of the weights as stored (ggml's rounding), in standard deviations of what the
/// rounding of the columns explains.
double largest_error(const Case& shape) {
    std::mt19937 random(7);
    const std::vector<float> weights = random_numbers(shape.rows * shape.length, random);
    const std::vector<float> columns = random_numbers(shape.columns * shape.length, random);
    std::vector<std::uint8_t> stored(ggml_row_size(type_of(shape.format), static_cast<int64_t>(weights.size())));
    ggml_quantize_chunk(type_of(shape.format), weights.data(), stored.data(), 0, static_cast<int64_t>(shape.rows),
                        static_cast<int64_t>(shape.length), nullptr);
    std::vector<float> exact(weights.size());
    ggml_get_type_traits(type_of(shape.format))
        ->to_float(stored.data(), exact.data(), static_cast<int64_t>(exact.size()));

    std::vector<std::uint8_t> packed(packed_bytes(shape.format, shape.rows, shape.length));
    pack(shape.format, stored.data(), shape.rows, shape.length, packed.data(), 3);
    std::vector<std::int32_t> tile(tile_bytes(shape.length, shape.bits) / 4);
    std::vector<const float*> inputs;
    for (std::size_t c = 0; c < shape.columns; ++c) inputs.push_back(columns.data() + c * shape.length);
    pack_tile(shape.format, shape.bits, inputs.data(), shape.columns, shape.length, tile.data());

    double worst = 0;
    const std::size_t pair_bytes = packed_bytes(shape.format, kPairRows, shape.length);
    for (std::size_t pair = 0; pair < shape.rows / kPairRows; ++pair) {
        std::vector<std::vector<float>> results(shape.columns, std::vector<float>(kPairRows));
        std::vector<float*> outputs;
        for (auto& result : results) outputs.push_back(result.data());
        const bool is_last = (pair + 1) * kPairRows == shape.rows;
        multiply(shape.format, shape.bits, packed.data() + pair * pair_bytes, tile.data(), shape.columns, shape.length,
                 is_last ? nullptr : packed.data() + (pair + 1) * pair_bytes, outputs.data());
        for (std::size_t c = 0; c < shape.columns; ++c) {
            for (std::size_t r = 0; r < kPairRows; ++r) {
                const float* row = exact.data() + (pair * kPairRows + r) * shape.length;
                double sum = 0;
                for (std::size_t i = 0; i < shape.length; ++i)
                    sum += static_cast<double>(row[i]) * static_cast<double>(inputs[c][i]);
                worst = std::max(worst, std::abs(static_cast<double>(results[c][r]) - sum) /
                                            std::sqrt(expected_variance(row, inputs[c], shape.length, shape.bits)));
            }
        }
    }
    return worst;
}

class PackedProduct : public ::testing::Test {
protected:
    void SetUp() override {
        if (!packed_product_runs_here()) GTEST_SKIP() << "this CPU has no AVX-512 with VNNI";
    }
};

// An error above 6 standard deviations comes once in 500 million sums; here are 30,000.
TEST_F(PackedProduct, agrees_with_exact_sums_within_the_rounding_of_the_columns) {
    for (const PackedFormat format : {PackedFormat::Q8, PackedFormat::Q5, PackedFormat::Q4K, PackedFormat::Q6K}) {
        for (std::size_t columns = 1; columns <= kTileColumns; ++columns) {
            for (const std::size_t blocks : {1U, 8U, 20U}) {
                const std::size_t length = blocks * block_length(format);
                for (const ColumnBits bits : {ColumnBits::Eight, ColumnBits::Sixteen}) {
                    EXPECT_LT(largest_error({format, bits, 2 * kPairRows, length, columns}), 6)
                        << columns << " of " << length;
                }
            }
        }
    }
}

TEST_F(PackedProduct, the_extremes_of_weights_and_columns_do_not_overflow) {
    constexpr std::size_t kLength = 64;
    std::vector<std::uint8_t> row(kLength / 32 * 34);
    for (std::size_t b = 0; b < 2; ++b) {
        const ggml_fp16_t one = ggml_fp32_to_fp16(1);
        std::memcpy(row.data() + b * 34, &one, 2);
        std::memset(row.data() + b * 34 + 2, 0x80, 32);  // -128
    }
    std::vector<std::uint8_t> rows;
    for (std::size_t r = 0; r < kPairRows; ++r) rows.insert(rows.end(), row.begin(), row.end());
    std::vector<std::uint8_t> packed(packed_bytes(PackedFormat::Q8, kPairRows, kLength));
    pack(PackedFormat::Q8, rows.data(), kPairRows, kLength, packed.data(), 1);
    for (const float sign : {1.0F, -1.0F}) {
        // 16 bits: the low plane's extremes, -128 and 127, beside the largest number.
        std::vector<float> column(kLength, sign * 32512);
        column[1] = column[33] = sign * 128;
        column[2] = column[34] = sign * 127;
        const double sum = std::accumulate(column.begin(), column.end(), 0.0);
        for (const ColumnBits bits : {ColumnBits::Eight, ColumnBits::Sixteen}) {
            std::vector<std::int32_t> tile(tile_bytes(kLength, bits) / 4);
            const float* input = column.data();
            pack_tile(PackedFormat::Q8, bits, &input, 1, kLength, tile.data());
            std::vector<float> result(kPairRows);
            float* output = result.data();
            multiply(PackedFormat::Q8, bits, packed.data(), tile.data(), 1, kLength, nullptr, &output);
            const double rounding =
                bits == ColumnBits::Eight ? 4 * 128.0 * 128 : 0.0;  // the four small numbers become 0
            for (const float value : result)
                EXPECT_NEAR(static_cast<double>(value), -128 * sum, rounding + 1e-6 * 128 * 32512 * kLength);
        }
    }
}

TEST_F(PackedProduct, a_number_that_is_none_stays_visible) {
    std::vector<std::uint8_t> packed(packed_bytes(PackedFormat::Q8, kPairRows, 32), 0x3c);
    std::vector<float> column(32, 1.0F);
    column[17] = std::numeric_limits<float>::quiet_NaN();
    std::vector<std::int32_t> tile(tile_bytes(32, ColumnBits::Eight) / 4);
    const float* input = column.data();
    pack_tile(PackedFormat::Q8, ColumnBits::Eight, &input, 1, 32, tile.data());
    std::vector<float> result(kPairRows);
    float* output = result.data();
    multiply(PackedFormat::Q8, ColumnBits::Eight, packed.data(), tile.data(), 1, 32, nullptr, &output);
    for (const float value : result) EXPECT_TRUE(std::isnan(value));
}

TEST_F(PackedProduct, a_column_of_zeros_gives_zeros) {
    std::vector<std::uint8_t> packed(packed_bytes(PackedFormat::Q8, kPairRows, 32), 0x3c);
    const std::vector<float> column(32, 0.0F);
    std::vector<std::int32_t> tile(tile_bytes(32, ColumnBits::Sixteen) / 4);
    const float* input = column.data();
    pack_tile(PackedFormat::Q5, ColumnBits::Sixteen, &input, 1, 32, tile.data());
    std::vector<float> result(kPairRows, 1.0F);
    float* output = result.data();
    multiply(PackedFormat::Q5, ColumnBits::Sixteen, packed.data(), tile.data(), 1, 32, nullptr, &output);
    for (const float value : result) EXPECT_EQ(value, 0.0F);
}

}  // namespace
}  // namespace urial::engine
