#pragma once

// The code of encoder_loops.h, in the compiler's vectors. For encoder_loops.cpp and encoder_loops_avx512.cpp alone,
// each of which compiles it for its own instruction set.
//
// Attention takes one head of one text at a time: keys are transposed, so that a vector holds several keys' numbers of
// one dimension, and four queries share each vector that is loaded, for the products as for the sum of the values.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <new>

#include "engine/encoder_loops.h"

namespace urial::engine {
namespace {

#if defined(__AVX512F__)
constexpr std::size_t kLanes = 16;
#else
constexpr std::size_t kLanes = 4;
#endif
static_assert(kEncoderStep % kLanes == 0);
using Floats = float __attribute__((vector_size(4 * kLanes)));
using Whole = std::int32_t __attribute__((vector_size(4 * kLanes)));

#define URIAL_INLINE inline __attribute__((always_inline))

URIAL_INLINE Floats load(const float* from) {
    Floats numbers;
    std::memcpy(&numbers, from, sizeof numbers);
    return numbers;
}
URIAL_INLINE void store(float* to, const Floats& numbers) { std::memcpy(to, &numbers, sizeof numbers); }
URIAL_INLINE Floats all(float number) { return Floats{} + number; }
URIAL_INLINE float sum(const Floats& numbers) {
    float total = 0;
    for (std::size_t i = 0; i < kLanes; ++i) total += numbers[i];
    return total;
}

/// exp(x) for x <= 0, next to 0 below -87: a polynomial of degree 6 after reduction by powers of 2.
URIAL_INLINE Floats exponential(Floats x) {
    x = x < -87.0F ? all(-87.0F) : x;
    const Whole n = __builtin_convertvector(x * 1.44269504F - 0.5F, Whole);
    const Floats power = __builtin_convertvector(n, Floats);
    const Floats f = (x - power * 0.693359375F) + power * 2.12194440e-4F;
    Floats series = all(1.0F / 720);
    for (const float term : {1.0F / 120, 1.0F / 24, 1.0F / 6, 0.5F, 1.0F, 1.0F}) series = series * f + term;
    const Whole scale = (n + 127) << 23;
    Floats factor;
    std::memcpy(&factor, &scale, sizeof factor);
    return series * factor;
}

constexpr std::size_t kTogether = 4;          // queries
constexpr std::size_t kStep = 2 * kLanes;     // keys
constexpr std::size_t kColumns = 4 * kLanes;  // of values

/// Numbers that a thread keeps from one head to the next. Not a std::vector: its code, made here for one CPU, could
/// become that of other sources.
class Buffer {
public:
    ~Buffer() { std::free(numbers_); }
    /// What was there is gone.
    void need(std::size_t count) {
        if (count <= count_) return;
        std::free(numbers_);
        count_ = 0;
        numbers_ = static_cast<float*>(std::malloc(count * sizeof(float)));
        if (numbers_ == nullptr) throw std::bad_alloc();
        count_ = count;
    }
    float& operator[](std::size_t index) { return numbers_[index]; }

private:
    float* numbers_ = nullptr;
    std::size_t count_ = 0;
};

URIAL_INLINE std::size_t smaller(std::size_t a, std::size_t b) { return a < b ? a : b; }

class HeadAttention {
public:
    void run(const TextAttention& task, std::size_t text, std::size_t head) {
        task_ = &task;
        first_ = task.begins[text];
        count_ = task.begins[text + 1] - first_;
        padded_ = (count_ + kStep - 1) / kStep * kStep;
        head_ = head;
        take_keys_and_values();
        for (std::size_t query = 0; query < count_; query += kTogether) take_queries(query);
    }

private:
    /// Of a row: 0 is the query, 1 the key, 2 the value.
    const float* part(std::size_t row, std::size_t which) const {
        const std::size_t width = task_->heads * task_->length;
        return task_->joint + (first_ + row) * 3 * width + which * width + head_ * task_->length;
    }
    const float* bias(std::size_t which) const { return task_->bias + (which * task_->heads + head_) * task_->length; }

    void take_keys_and_values() {
        const std::size_t length = task_->length;
        keys_.need(length * padded_);
        values_.need(count_ * length);
        std::memset(&keys_[0], 0, length * padded_ * sizeof(float));
        for (std::size_t row = 0; row < count_; ++row) {
            const float* key = part(row, 1);
            const float* value = part(row, 2);
            for (std::size_t d = 0; d < length; ++d) keys_[d * padded_ + row] = key[d] + bias(1)[d];
            for (std::size_t d = 0; d < length; ++d) values_[row * length + d] = value[d] + bias(2)[d];
        }
    }

    void take_queries(std::size_t first) {
        const std::size_t length = task_->length;
        const float scale = 1.0F / __builtin_sqrtf(static_cast<float>(length));
        queries_.need(kTogether * length);
        scores_.need(kTogether * padded_);
        for (std::size_t q = 0; q < kTogether; ++q) {
            const float* query = part(smaller(first + q, count_ - 1), 0);
            for (std::size_t d = 0; d < length; ++d) queries_[q * length + d] = (query[d] + bias(0)[d]) * scale;
        }
        for (std::size_t key = 0; key < padded_; key += kStep) score(first, key);
        float factors[kTogether];
        for (std::size_t q = 0; q < kTogether; ++q) factors[q] = 1.0F / soften(&scores_[q * padded_]);
        std::size_t d = 0;
        for (; d + kColumns <= length; d += kColumns) mix<kColumns / kLanes>(first, d, factors);
        for (; d < length; d += kLanes) mix<1>(first, d, factors);
    }

    void score(std::size_t first, std::size_t key) {
        Floats low[kTogether] = {}, high[kTogether] = {};
        for (std::size_t d = 0; d < task_->length; ++d) {
            const Floats one = load(&keys_[d * padded_ + key]);
            const Floats two = load(&keys_[d * padded_ + key + kLanes]);
            for (std::size_t q = 0; q < kTogether; ++q) {
                low[q] += queries_[q * task_->length + d] * one;
                high[q] += queries_[q * task_->length + d] * two;
            }
        }
        for (std::size_t q = 0; q < kTogether; ++q) {
            const std::size_t query = smaller(first + q, count_ - 1);
            const float* near = task_->distances + head_ * task_->distance_stride + (task_->reach - 1 - query) + key;
            store(&scores_[q * padded_ + key], low[q] + load(near));
            store(&scores_[q * padded_ + key + kLanes], high[q] + load(near + kLanes));
        }
    }

    /// Scores become weights, of which the sum is returned.
    float soften(float* scores) const {
        for (std::size_t key = count_; key < padded_; ++key) scores[key] = -__builtin_inff();
        Floats most = load(scores);
        for (std::size_t key = 0; key < padded_; key += kLanes) {
            const Floats these = load(scores + key);
            most = these > most ? these : most;
        }
        float largest = most[0];
        for (std::size_t i = 1; i < kLanes; ++i) largest = most[i] > largest ? most[i] : largest;
        Floats total = {};
        for (std::size_t key = 0; key < padded_; key += kLanes) {
            const Floats weights = exponential(load(scores + key) - largest);
            store(scores + key, weights);
            total += weights;
        }
        return sum(total);
    }

    template <std::size_t kVectors>
    void mix(std::size_t first, std::size_t d, const float* factors) {
        Floats mixed[kTogether][kVectors] = {};
        for (std::size_t row = 0; row < count_; ++row) {
            const float* value = &values_[row * task_->length + d];
            for (std::size_t q = 0; q < kTogether; ++q) {
                const float weight = scores_[q * padded_ + row];
                for (std::size_t v = 0; v < kVectors; ++v) mixed[q][v] += weight * load(value + v * kLanes);
            }
        }
        for (std::size_t q = 0; q < kTogether && first + q < count_; ++q) {
            float* to = task_->output + ((first_ + first + q) * task_->heads + head_) * task_->length + d;
            for (std::size_t v = 0; v < kVectors; ++v) store(to + v * kLanes, mixed[q][v] * factors[q]);
        }
    }

    const TextAttention* task_ = nullptr;
    std::size_t first_ = 0, count_ = 0, padded_ = 0, head_ = 0;
    Buffer keys_;     // [length][padded_]
    Buffer values_;   // [count_][length]
    Buffer queries_;  // [kTogether][length], scaled
    Buffer scores_;   // [kTogether][padded_]
};

void attend_texts(const TextAttention& task, std::size_t thread, std::size_t threads) {
    thread_local HeadAttention attention;
    const std::size_t pairs = task.texts * task.heads;
    for (std::size_t pair = thread; pair < pairs; pair += threads)
        attention.run(task, pair / task.heads, pair % task.heads);
}

void normalise_row(const float* added, const float* bias, const float* residual, const float* gain, const float* shift,
                   float epsilon, std::size_t width, float* output) {
    Floats total = {};
    for (std::size_t i = 0; i < width; i += kLanes) {
        Floats numbers = load(added + i) + load(bias + i);
        if (residual != nullptr) numbers += load(residual + i);
        store(output + i, numbers);
        total += numbers;
    }
    const float mean = sum(total) / static_cast<float>(width);
    Floats squares = {};
    for (std::size_t i = 0; i < width; i += kLanes) {
        const Floats off = load(output + i) - mean;
        squares += off * off;
    }
    const float factor = 1.0F / __builtin_sqrtf(sum(squares) / static_cast<float>(width) + epsilon);
    for (std::size_t i = 0; i < width; i += kLanes) {
        store(output + i, (load(output + i) - mean) * factor * load(gain + i) + load(shift + i));
    }
}

/// x (1 + erf(x / sqrt 2)) / 2, erf by Abramowitz and Stegun 7.1.26 (absolute error 1.5e-7).
void gelu_row(const float* added, const float* bias, std::size_t width, float* output) {
    for (std::size_t i = 0; i < width; i += kLanes) {
        const Floats x = load(added + i) + load(bias + i);
        const Floats z = (x < 0.0F ? -x : x) * 0.707106781F;
        const Floats t = 1.0F / (1.0F + 0.3275911F * z);
        Floats series = all(1.061405429F);
        for (const float term : {-1.453152027F, 1.421413741F, -0.284496736F, 0.254829592F}) series = series * t + term;
        const Floats rest = 0.5F * series * t * exponential(-z * z);  // (1 - erf z) / 2
        store(output + i, x * (x < 0.0F ? rest : 1.0F - rest));
    }
}

#undef URIAL_INLINE

}  // namespace
}  // namespace urial::engine
