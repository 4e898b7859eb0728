#include "engine/wide_product.h"

#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace urial::engine {
namespace {

struct Free {
    void operator()(void* memory) const { std::free(memory); }
};
std::unique_ptr<void, Free> memory(std::size_t bytes) {
    return std::unique_ptr<void, Free>(std::aligned_alloc(kWideAlignment, bytes));
}

class WideProduct : public ::testing::Test {
protected:
    void SetUp() override {
        if (!wide_product_runs_here()) GTEST_SKIP() << "this machine has no AVX-512 VNNI";
    }
    /// Products by the kernel, [columns][kWideRows].
    static std::vector<float> multiply(const std::vector<float>& rows, const std::vector<float>& columns,
                                       std::size_t count, std::size_t length) {
        const auto packed_rows = memory(wide_rows_bytes(length));
        const auto packed_columns = memory(wide_columns_bytes(length));
        pack_wide_rows(rows.data(), length, packed_rows.get());
        pack_wide_columns(columns.data(), count, length, packed_columns.get());
        std::vector<float> outputs(count * kWideRows);
        multiply_wide(packed_rows.get(), packed_columns.get(), count, length, outputs.data(), kWideRows);
        return outputs;
    }
    static double exact(const std::vector<float>& rows, std::size_t row, const std::vector<float>& columns,
                        std::size_t column, std::size_t length) {
        double sum = 0;
        for (std::size_t i = 0; i < length; ++i) {
            sum += static_cast<double>(rows[row * length + i]) * columns[column * length + i];
        }
        return sum;
    }
};

TEST_F(WideProduct, products_are_those_of_plain_loops_but_for_the_rounding) {
    constexpr std::size_t kLength = 3 * kWideBlock;
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> rows(kWideRows * kLength), columns(kWideColumns * kLength);
    for (float& number : rows) number = normal(random);
    for (float& number : columns) number = normal(random) * 100;
    for (const std::size_t count : {std::size_t{1}, std::size_t{5}, kWideColumns}) {
        const std::vector<float> products = multiply(rows, columns, count, kLength);
        double wrong = 0, size = 0;
        for (std::size_t column = 0; column < count; ++column) {
            for (std::size_t row = 0; row < kWideRows; ++row) {
                const double expected = exact(rows, row, columns, column, kLength);
                wrong += std::pow(products[column * kWideRows + row] - expected, 2);
                size += expected * expected;
            }
        }
        EXPECT_LT(std::sqrt(wrong / size), 5e-4) << count << " columns";
    }
}

TEST_F(WideProduct, the_largest_sums_of_a_block_fit) {
    const std::vector<float> rows(kWideRows * kWideBlock, -1.0F), columns(kWideColumns * kWideBlock, 1.0F);
    for (const float product : multiply(rows, columns, kWideColumns, kWideBlock)) EXPECT_FLOAT_EQ(product, -128);
}

TEST_F(WideProduct, zeros_give_zero) {
    const std::vector<float> rows(kWideRows * kWideBlock, 2.0F), columns(kWideColumns * kWideBlock, 0.0F);
    for (const float product : multiply(rows, columns, 3, kWideBlock)) EXPECT_EQ(product, 0);
}

}  // namespace
}  // namespace urial::engine
