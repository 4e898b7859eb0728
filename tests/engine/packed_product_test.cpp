// The packed products against sums in double precision over the blocks as GGUF stores them, and against each other.

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
    const PackedProduct* product;
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

/// Random weights as GGUF stores them, and random columns.
struct Matrix {
    std::vector<std::uint8_t> stored;
    std::vector<float> exact;    // the weights as stored
    std::vector<float> columns;  // [columns][length]
};

Matrix random_matrix(const Case& shape) {
    std::mt19937 random(7);
    const std::vector<float> weights = random_numbers(shape.rows * shape.length, random);
    Matrix matrix{{}, std::vector<float>(weights.size()), random_numbers(shape.columns * shape.length, random)};
    matrix.stored.resize(ggml_row_size(type_of(shape.format), static_cast<int64_t>(weights.size())));
    ggml_quantize_chunk(type_of(shape.format), weights.data(), matrix.stored.data(), 0,
                        static_cast<int64_t>(shape.rows), static_cast<int64_t>(shape.length), nullptr);
    ggml_get_type_traits(type_of(shape.format))
        ->to_float(matrix.stored.data(), matrix.exact.data(), static_cast<int64_t>(matrix.exact.size()));
    return matrix;
}

/// [columns][rows]
std::vector<float> multiply_all(const Case& shape, const Matrix& matrix) {
    std::vector<std::uint8_t> packed(packed_bytes(shape.format, shape.rows, shape.length));
    pack(shape.format, matrix.stored.data(), shape.rows, shape.length, packed.data(), 3);
    std::vector<std::int32_t> tile(shape.product->tile_bytes(shape.format, shape.bits, shape.length) / 4);
    std::vector<const float*> inputs;
    for (std::size_t c = 0; c < shape.columns; ++c) inputs.push_back(matrix.columns.data() + c * shape.length);
    shape.product->pack_tile(shape.format, shape.bits, inputs.data(), shape.columns, shape.length, tile.data());

    std::vector<float> results(shape.columns * shape.rows);
    const std::size_t pair_bytes = packed_bytes(shape.format, kPairRows, shape.length);
    for (std::size_t pair = 0; pair < shape.rows / kPairRows; ++pair) {
        std::vector<float*> outputs;
        for (std::size_t c = 0; c < shape.columns; ++c)
            outputs.push_back(results.data() + c * shape.rows + pair * kPairRows);
        const bool is_last = (pair + 1) * kPairRows == shape.rows;
        shape.product->multiply(shape.format, shape.bits, packed.data() + pair * pair_bytes, tile.data(), shape.columns,
                                shape.length, is_last ? nullptr : packed.data() + (pair + 1) * pair_bytes,
                                outputs.data());
    }
    return results;
}

/// The largest error against exact sums of the weights as stored (ggml's rounding), in standard deviations of what the
/// rounding of the columns explains.
double largest_error(const Case& shape) {
    const Matrix matrix = random_matrix(shape);
    const std::vector<float> results = multiply_all(shape, matrix);
    double worst = 0;
    for (std::size_t c = 0; c < shape.columns; ++c) {
        const float* column = matrix.columns.data() + c * shape.length;
        for (std::size_t r = 0; r < shape.rows; ++r) {
            const float* row = matrix.exact.data() + r * shape.length;
            double sum = 0;
            for (std::size_t i = 0; i < shape.length; ++i)
                sum += static_cast<double>(row[i]) * static_cast<double>(column[i]);
            worst = std::max(worst, std::abs(static_cast<double>(results[c * shape.rows + r]) - sum) /
                                        std::sqrt(expected_variance(row, column, shape.length, shape.bits)));
        }
    }
    return worst;
}

constexpr PackedFormat kFormats[] = {PackedFormat::Q8, PackedFormat::Q5, PackedFormat::Q4K, PackedFormat::Q6K};
constexpr ColumnBits kBits[] = {ColumnBits::Eight, ColumnBits::Sixteen};

class PackedProductTest : public ::testing::TestWithParam<CpuLevel> {
protected:
    void SetUp() override {
        if (cpu_level() < GetParam()) GTEST_SKIP() << "this CPU lacks the instructions";
        product_ = packed_product(GetParam());
        if (product_ == nullptr) GTEST_SKIP() << "this build lacks the kernel";
    }

    std::vector<std::int32_t> packed_column(PackedFormat format, ColumnBits bits,
                                            const std::vector<float>& column) const {
        std::vector<std::int32_t> tile(product_->tile_bytes(format, bits, column.size()) / 4);
        const float* input = column.data();
        product_->pack_tile(format, bits, &input, 1, column.size(), tile.data());
        return tile;
    }

    std::vector<float> multiply(PackedFormat format, ColumnBits bits, const std::vector<std::uint8_t>& packed,
                                const std::vector<float>& column) const {
        const std::vector<std::int32_t> tile = packed_column(format, bits, column);
        std::vector<float> result(kPairRows, 1.0F);
        float* output = result.data();
        product_->multiply(format, bits, packed.data(), tile.data(), 1, column.size(), nullptr, &output);
        return result;
    }

    const PackedProduct* product_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(EveryLevel, PackedProductTest, ::testing::Values(CpuLevel::Avx2, CpuLevel::Avx512Vnni),
                         [](const auto& level) { return level.param == CpuLevel::Avx2 ? "avx2" : "avx512_vnni"; });

// An error above 6 standard deviations comes once in 500 million sums; here are 30,000.
TEST_P(PackedProductTest, agrees_with_exact_sums_within_the_rounding_of_the_columns) {
    for (const PackedFormat format : kFormats) {
        for (std::size_t columns = 1; columns <= kTileColumns; ++columns) {
            for (const std::size_t blocks : {1U, 8U, 20U}) {
                const std::size_t length = blocks * block_length(format);
                for (const ColumnBits bits : kBits) {
                    EXPECT_LT(largest_error({product_, format, bits, 2 * kPairRows, length, columns}), 6)
                        << columns << " of " << length;
                }
            }
        }
    }
}

TEST_P(PackedProductTest, gives_the_same_bits_as_every_other) {
    const PackedProduct* widest = packed_product(cpu_level());
    for (const PackedFormat format : kFormats) {
        for (const ColumnBits bits : kBits) {
            for (const std::size_t columns : {1U, 6U}) {
                Case shape{product_, format, bits, 2 * kPairRows, 8 * block_length(format), columns};
                const Matrix matrix = random_matrix(shape);
                const std::vector<float> results = multiply_all(shape, matrix);
                shape.product = widest;
                EXPECT_EQ(results, multiply_all(shape, matrix));
            }
        }
    }
}

// Of every format the largest weights there can be, times the largest columns of either sign: no sum saturates.
TEST_P(PackedProductTest, the_largest_weights_and_columns_of_every_format_do_not_overflow) {
    for (const PackedFormat format : kFormats) {
        const std::size_t length = block_length(format);
        std::vector<std::uint8_t> rows(kPairRows * ggml_row_size(type_of(format), static_cast<int64_t>(length)), 0xFF);
        const std::size_t row_bytes = rows.size() / kPairRows;
        const ggml_fp16_t one = ggml_fp32_to_fp16(1);
        for (std::size_t r = 0; r < kPairRows; ++r) {
            std::uint8_t* row = rows.data() + r * row_bytes;
            std::uint8_t* scale = format == PackedFormat::Q6K ? row + row_bytes - 2 : row;
            std::memcpy(scale, &one, 2);
            if (format == PackedFormat::Q8) std::memset(row + 2, 0x7F, length);
            if (format == PackedFormat::Q4K) std::memcpy(row + 2, &one, 2);
            if (format == PackedFormat::Q6K) std::memset(row + 192, 0x7F, 16);
        }
        std::vector<float> exact(length);
        ggml_get_type_traits(type_of(format))->to_float(rows.data(), exact.data(), static_cast<int64_t>(length));
        std::vector<std::uint8_t> packed(packed_bytes(format, kPairRows, length));
        pack(format, rows.data(), kPairRows, length, packed.data(), 1);
        for (const float sign : {1.0F, -1.0F}) {
            for (const ColumnBits bits : kBits) {
                const double sum = std::accumulate(exact.begin(), exact.end(), 0.0) * static_cast<double>(sign) * 32512;
                for (const float value : multiply(format, bits, packed, std::vector<float>(length, sign * 32512)))
                    EXPECT_NEAR(static_cast<double>(value), sum, 1e-6 * std::abs(sum));
            }
        }
    }
}

TEST_P(PackedProductTest, the_extremes_of_weights_and_columns_do_not_overflow) {
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
        for (const ColumnBits bits : kBits) {
            const double rounding =
                bits == ColumnBits::Eight ? 4 * 128.0 * 128 : 0.0;  // the four small numbers become 0
            for (const float value : multiply(PackedFormat::Q8, bits, packed, column))
                EXPECT_NEAR(static_cast<double>(value), -128 * sum, rounding + 1e-6 * 128 * 32512 * kLength);
        }
    }
}

TEST_P(PackedProductTest, a_number_that_is_none_stays_visible) {
    std::vector<std::uint8_t> packed(packed_bytes(PackedFormat::Q8, kPairRows, 32), 0x3c);
    std::vector<float> column(32, 1.0F);
    column[17] = std::numeric_limits<float>::quiet_NaN();
    for (const float value : multiply(PackedFormat::Q8, ColumnBits::Eight, packed, column))
        EXPECT_TRUE(std::isnan(value));
}

TEST_P(PackedProductTest, a_column_of_zeros_gives_zeros) {
    std::vector<std::uint8_t> packed(packed_bytes(PackedFormat::Q8, kPairRows, 32), 0x3c);
    const std::vector<float> column(32, 0.0F);
    for (const float value : multiply(PackedFormat::Q5, ColumnBits::Sixteen, packed, column)) EXPECT_EQ(value, 0.0F);
}

}  // namespace
}  // namespace urial::engine
