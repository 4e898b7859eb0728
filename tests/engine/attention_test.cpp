// The attention kernel against softmax sums in double precision.

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <ggml.h>
#include <gtest/gtest.h>

#include "engine/attention.h"

namespace urial::engine {
namespace {

constexpr float kHidden = -std::numeric_limits<float>::infinity();

struct Numbers {
    std::size_t rows, cells, heads, groups, length;
    std::vector<float> queries;       // [rows][heads][length]
    std::vector<float> keys, values;  // [cells][groups][length]
    std::vector<ggml_fp16_t> mask;    // [rows][cells]
    bool f32_cells = false;

    float masked(std::size_t row, std::size_t cell) const { return ggml_fp16_to_fp32(mask[row * cells + cell]); }
    void show(std::size_t row, std::size_t cell, float added = 0) {
        mask[row * cells + cell] = ggml_fp32_to_fp16(added);
    }
};

std::vector<ggml_fp16_t> halves_of(const std::vector<float>& numbers) {
    std::vector<ggml_fp16_t> halves(numbers.size());
    ggml_fp32_to_fp16_row(numbers.data(), halves.data(), static_cast<std::int64_t>(numbers.size()));
    return halves;
}

/// Numbers that f16 has, too.
std::vector<float> random_halves(std::size_t count, std::mt19937& random) {
    std::normal_distribution<float> normal;
    std::vector<float> numbers(count);
    for (float& number : numbers) number = ggml_fp16_to_fp32(ggml_fp32_to_fp16(normal(random)));
    return numbers;
}

/// Nothing is visible yet.
Numbers random_numbers(std::size_t rows, std::size_t cells, std::size_t heads, std::size_t groups, std::size_t length) {
    std::mt19937 random(11);
    std::normal_distribution<float> normal;
    Numbers numbers{rows, cells, heads, groups, length, {}, {}, {}, {}, false};
    numbers.queries.resize(rows * heads * length);
    for (float& number : numbers.queries) number = normal(random);
    numbers.keys = random_halves(cells * groups * length, random);
    numbers.values = random_halves(cells * groups * length, random);
    numbers.mask.assign(rows * cells, ggml_fp32_to_fp16(kHidden));
    return numbers;
}

/// A prefix that all rows see, and cells behind it that rows have by turns.
Numbers sequences_under_a_prefix(std::size_t rows, std::size_t prefix, std::size_t cells, std::size_t heads = 4,
                                 std::size_t groups = 1, std::size_t length = 64) {
    Numbers numbers = random_numbers(rows, cells, heads, groups, length);
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t cell = 0; cell < cells; ++cell) {
            if (cell < prefix || (cell - prefix) % rows == row) numbers.show(row, cell);
        }
    }
    return numbers;
}

AttentionTask task_of(const Numbers& numbers, std::vector<float>& output) {
    output.assign(numbers.rows * numbers.heads * numbers.length, std::numeric_limits<float>::quiet_NaN());
    AttentionTask task;
    task.f32_cells = numbers.f32_cells;
    task.rows = numbers.rows;
    task.cells = numbers.cells;
    task.heads = numbers.heads;
    task.groups = numbers.groups;
    task.length = numbers.length;
    task.scale = 1 / std::sqrt(static_cast<float>(numbers.length));
    task.queries = reinterpret_cast<const char*>(numbers.queries.data());
    task.query_head = numbers.length * sizeof(float);
    task.query_row = numbers.heads * task.query_head;
    task.keys = reinterpret_cast<const char*>(numbers.keys.data());
    task.values = reinterpret_cast<const char*>(numbers.values.data());
    task.key_group = task.value_group = numbers.length * sizeof(float);
    task.key_cell = task.value_cell = numbers.groups * task.key_group;
    task.mask = reinterpret_cast<const char*>(numbers.mask.data());
    task.mask_row = numbers.cells * sizeof(ggml_fp16_t);
    task.output = reinterpret_cast<char*>(output.data());
    task.output_head = task.query_head;
    task.output_row = task.query_row;
    return task;
}

double dot(const float* a, const float* b, std::size_t length) {
    double sum = 0;
    for (std::size_t i = 0; i < length; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
}

class AttentionTest : public ::testing::TestWithParam<CpuLevel> {
protected:
    void SetUp() override {
        if (cpu_level() < GetParam()) GTEST_SKIP() << "this CPU lacks the instructions";
        attend_ = attention(GetParam());
        if (attend_ == nullptr) GTEST_SKIP() << "this build lacks the kernel";
    }

    std::vector<float> attend_to(const Numbers& numbers, std::size_t threads = 1) const {
        std::vector<float> output;
        AttentionTask task = task_of(numbers, output);
        std::vector<ggml_fp16_t> keys, values;
        if (!numbers.f32_cells) {
            keys = halves_of(numbers.keys);
            values = halves_of(numbers.values);
            task.keys = reinterpret_cast<const char*>(keys.data());
            task.values = reinterpret_cast<const char*>(values.data());
            for (std::size_t* stride : {&task.key_group, &task.value_group, &task.key_cell, &task.value_cell})
                *stride /= 2;
        }
        for (std::size_t thread = 0; thread < threads; ++thread) attend_(task, thread, threads);
        return output;
    }

    /// The largest absolute difference; outputs are means of numbers of size 1.
    double largest_error(const Numbers& numbers) const {
        const std::vector<float> output = attend_to(numbers);
        const double scale = 1 / std::sqrt(static_cast<double>(numbers.length));
        double worst = 0;
        for (std::size_t row = 0; row < numbers.rows; ++row) {
            for (std::size_t head = 0; head < numbers.heads; ++head) {
                const std::size_t at = (row * numbers.heads + head) * numbers.length;
                const std::size_t group = head / (numbers.heads / numbers.groups);
                std::vector<double> sums(numbers.length);
                double weight = 0;
                for (std::size_t cell = 0; cell < numbers.cells; ++cell) {
                    const std::size_t from = (cell * numbers.groups + group) * numbers.length;
                    const double score = dot(&numbers.queries[at], &numbers.keys[from], numbers.length) * scale +
                                         static_cast<double>(numbers.masked(row, cell));
                    const double exponential = std::exp(score);  // scores are small enough without a shift
                    weight += exponential;
                    for (std::size_t i = 0; i < numbers.length; ++i) {
                        sums[i] += exponential * static_cast<double>(numbers.values[from + i]);
                    }
                }
                for (std::size_t i = 0; i < numbers.length; ++i) {
                    const double expected = weight == 0 ? 0 : sums[i] / weight;
                    const double error = std::abs(static_cast<double>(output[at + i]) - expected);
                    worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
                }
            }
        }
        return worst;
    }

    Attend attend_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(EveryLevel, AttentionTest, ::testing::Values(CpuLevel::Avx2, CpuLevel::Avx512),
                         [](const auto& level) { return level.param == CpuLevel::Avx2 ? "avx2" : "avx512"; });

TEST_P(AttentionTest, equals_exact_sums_whatever_the_rows_see) {
    EXPECT_LT(largest_error(sequences_under_a_prefix(12, 100, 200)), 3e-6);
    EXPECT_LT(largest_error(sequences_under_a_prefix(48, 0, 300)), 3e-6) << "single cells only";
    EXPECT_LT(largest_error(sequences_under_a_prefix(5, 96, 96)), 3e-6) << "whole blocks only";
    EXPECT_LT(largest_error(sequences_under_a_prefix(2, 7, 9)), 3e-6) << "less than a block";
    Numbers causal = random_numbers(70, 70, 4, 1, 64);
    for (std::size_t row = 0; row < causal.rows; ++row) {
        for (std::size_t cell = 0; cell <= row; ++cell) causal.show(row, cell);
    }
    EXPECT_LT(largest_error(causal), 3e-6);
}

TEST_P(AttentionTest, any_shape_of_heads) {
    for (const std::size_t length : {16U, 80U, 128U, 256U}) {
        EXPECT_LT(largest_error(sequences_under_a_prefix(7, 70, 110, 4, 1, length)), 3e-6) << length;
        EXPECT_LT(largest_error(sequences_under_a_prefix(7, 70, 110, 3, 3, length)), 3e-6) << length;
        EXPECT_LT(largest_error(sequences_under_a_prefix(3, 70, 110, 14, 2, length)), 3e-6) << length;
    }
}

TEST_P(AttentionTest, keys_and_values_may_be_f32) {
    Numbers numbers = sequences_under_a_prefix(12, 100, 200);
    const std::vector<float> from_halves = attend_to(numbers);
    numbers.f32_cells = true;
    EXPECT_EQ(attend_to(numbers), from_halves);
    for (float& number : numbers.keys) number *= 1.0001F;  // f16 has no such steps
    for (float& number : numbers.values) number *= 1.0001F;
    EXPECT_LT(largest_error(numbers), 3e-6);
}

TEST_P(AttentionTest, adds_the_mask) {
    Numbers numbers = sequences_under_a_prefix(3, 64, 100);
    numbers.show(1, 5, -2.5F);
    numbers.show(2, 99, 1.25F);
    EXPECT_LT(largest_error(numbers), 3e-6);
}

TEST_P(AttentionTest, a_row_that_sees_nothing_gets_zeros) {
    Numbers numbers = sequences_under_a_prefix(4, 40, 80);
    for (std::size_t cell = 0; cell < numbers.cells; ++cell) numbers.show(2, cell, kHidden);
    EXPECT_LT(largest_error(numbers), 3e-6);
}

TEST_P(AttentionTest, large_scores_do_not_overflow) {
    Numbers numbers = sequences_under_a_prefix(4, 64, 70);
    for (float& number : numbers.queries) number *= 1e4F;
    for (const float number : attend_to(numbers)) ASSERT_TRUE(std::isfinite(number));
}

TEST_P(AttentionTest, rows_do_not_depend_on_each_other_nor_on_threads) {
    const Numbers numbers = sequences_under_a_prefix(11, 100, 200);
    const std::vector<float> together = attend_to(numbers);
    EXPECT_EQ(attend_to(numbers, 3), together);
    const std::size_t row_size = numbers.heads * numbers.length;
    for (std::size_t row = 0; row < numbers.rows; ++row) {
        Numbers alone = numbers;
        alone.rows = 1;
        alone.queries.assign(&numbers.queries[row * row_size], &numbers.queries[row * row_size] + row_size);
        alone.mask.assign(&numbers.mask[row * numbers.cells], &numbers.mask[row * numbers.cells] + numbers.cells);
        EXPECT_EQ(attend_to(alone),
                  std::vector<float>(&together[row * row_size], &together[row * row_size] + row_size));
    }
}

TEST_P(AttentionTest, gives_the_same_bits_as_every_other) {
    const Numbers numbers = sequences_under_a_prefix(11, 100, 200, 4, 1, 80);
    const std::vector<float> output = attend_to(numbers);
    attend_ = attention(cpu_level());
    EXPECT_EQ(attend_to(numbers), output);
}

}  // namespace
}  // namespace urial::engine
