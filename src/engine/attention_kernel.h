#pragma once

// Why an own attention: under a constant prompt all sequences share the cells of the prefix, and in a unified cache
// their own cells lie between those of the others. ggml either takes one row at a time, converting every key once more
// for each, with sums in half precision; or, from 64 rows on, multiplies all rows by all cells that any of them sees. A
// step of 48 answers under a prompt of 900 tokens spent 40 % of its time there.
//
// Cells are looked at in *blocks* of 32. A row sees a block whole (the prefix, a sequence's own stretch of cells),
// sees single cells of it, or nothing:
//
// - Whole blocks are shared. Keys and values are converted to f32 (where they are f16) once for all rows, the keys
//   transposed so that a vector holds one number of 16 cells; tiles of 8 queries (two rows of four heads, say; 4
//   where the CPU has half the registers) are multiplied by them at the speed of a matrix product.
// - Single cells are taken row by row, head by head, 16 at a time.
//
// Both go through the same running softmax: a query keeps its largest score, the sum of exponentials and the weighted
// sum of values, all f32, and rescales when a larger score comes.
//
// Unnamed, as vector_avx512.h says: each source that includes this is compiled for another CPU.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <new>
#include <vector>

#include <immintrin.h>

#include "engine/attention.h"

namespace urial::engine {
namespace {

constexpr std::size_t kBlock = 32;  // cells
constexpr std::size_t kRowsTogether = 2;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::uint16_t kHidden = 0xFC00;  // -infinity as f16

/// A head of a row: what its running softmax holds.
struct Query {
    const float* numbers = nullptr;  // scaled
    float* sum = nullptr;            // of weighted values
    float largest = -kInfinity;
    float weight = 0;
};

/// The memory of a std::vector whose code belongs to this source alone, as all that is made of Vector does.
template <class Vector, class T>
struct Memory {
    using value_type = T;
    template <class Other>
    struct rebind {
        using other = Memory<Vector, Other>;
    };
    Memory() = default;
    template <class Other>
    Memory(const Memory<Vector, Other>&) {}
    T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T))); }
    void deallocate(T* memory, std::size_t) { ::operator delete(memory); }
    bool operator==(const Memory&) const = default;
};

/// A thread's work; its memory is kept from one layer to the next. Number: of the keys and values.
template <class Vector, class Number>
class Attention {
public:
    void run(const AttentionTask& task, std::size_t thread, std::size_t threads) {
        task_ = &task;
        blocks_ = (task.cells + kBlock - 1) / kBlock;
        per_group_ = task.heads / task.groups;
        rows_.clear();
        for (std::size_t row = thread * kRowsTogether; row < task.rows; row += threads * kRowsTogether) {
            for (std::size_t i = row; i < std::min(row + kRowsTogether, task.rows); ++i) rows_.push_back(i);
        }
        if (rows_.empty()) return;
        keys_.resize(kBlock * task.length);
        values_.resize(kBlock * task.length);
        look_at_mask();
        for (std::size_t group = 0; group < task.groups; ++group) {
            take_queries(group);
            for (std::size_t block = 0; block < blocks_; ++block) take_block(group, block);
            for (std::size_t i = 0; i < rows_.size(); ++i) take_singles(group, i);
            write(group);
        }
    }

private:
    using Floats = typename Vector::Floats;
    template <class T>
    using List = std::vector<T, Memory<Vector, T>>;

    static constexpr std::size_t kLanes = Vector::kLanes;
    /// Queries that share a pass over a block, and the vectors that each sums at a time: of scores, and (four queries)
    /// of values. Sums, one row of the others and a query's number fill the registers.
    static constexpr bool kHasMany = Vector::kRegisters >= 32;
    static constexpr std::size_t kTile = kHasMany ? 8 : 4;
    static constexpr std::size_t kScoreVectors = kHasMany ? 2 : 1;
    static constexpr std::size_t kValueVectors = kHasMany ? 4 : 1;

    const Number* key(std::size_t group, std::size_t cell) const {
        return reinterpret_cast<const Number*>(task_->keys + group * task_->key_group + cell * task_->key_cell);
    }
    const Number* value(std::size_t group, std::size_t cell) const {
        return reinterpret_cast<const Number*>(task_->values + group * task_->value_group + cell * task_->value_cell);
    }
    const std::uint16_t* mask(std::size_t row) const {
        return reinterpret_cast<const std::uint16_t*>(task_->mask + row * task_->mask_row);
    }

    /// Which blocks each row sees whole, and which other cells.
    void look_at_mask() {
        whole_.assign(rows_.size() * blocks_, 0);
        singles_.resize(std::max(singles_.size(), rows_.size()));
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            singles_[i].clear();
            const std::uint16_t* visible = mask(rows_[i]);
            for (std::size_t block = 0; block < blocks_; ++block) {
                const std::size_t first = block * kBlock;
                const std::uint16_t* numbers = visible + first;
                std::uint16_t last[kBlock];
                if (task_->cells - first < kBlock) {
                    for (std::size_t c = 0; c < kBlock; ++c) last[c] = first + c < task_->cells ? numbers[c] : kHidden;
                    numbers = last;
                }
                if (Vector::without(numbers, 0x7FFF) == ~0U) {
                    whole_[i * blocks_ + block] = 1;
                    continue;
                }
                std::uint32_t seen = ~Vector::equal(numbers, kHidden);
                for (; seen != 0; seen &= seen - 1) {
                    singles_[i].push_back(static_cast<std::uint32_t>(first) +
                                          static_cast<std::uint32_t>(std::countr_zero(seen)));
                }
            }
        }
    }

    /// The scaled queries of all rows and of one group's heads.
    void take_queries(std::size_t group) {
        const std::size_t count = rows_.size() * per_group_;
        const std::size_t length = task_->length;
        scaled_.resize(count * length);
        sums_.assign(count * length, 0.0F);
        queries_.assign(count, Query{});
        for (std::size_t q = 0; q < count; ++q) {
            const std::size_t head = group * per_group_ + q % per_group_;
            const auto* from = reinterpret_cast<const float*>(
                task_->queries + rows_[q / per_group_] * task_->query_row + head * task_->query_head);
            float* to = &scaled_[q * length];
            for (std::size_t d = 0; d < length; ++d) to[d] = from[d] * task_->scale;
            queries_[q].numbers = to;
            queries_[q].sum = &sums_[q * length];
        }
    }

    void take_block(std::size_t group, std::size_t block) {
        tile_.clear();
        bool converted = false;
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            if (whole_[i * blocks_ + block] == 0) continue;
            if (!converted) convert(group, block * kBlock);
            converted = true;
            for (std::size_t head = 0; head < per_group_; ++head) {
                tile_.push_back(&queries_[i * per_group_ + head]);
                if (tile_.size() < kTile) continue;
                take_tile<kTile>(tile_.data());
                tile_.clear();
            }
        }
        std::size_t taken = 0;
        for (; taken + 4 <= tile_.size(); taken += 4) take_tile<4>(&tile_[taken]);
        for (; taken < tile_.size(); ++taken) take_tile<1>(&tile_[taken]);
    }

    void convert(std::size_t group, std::size_t first) {
        const std::size_t length = task_->length;
        for (std::size_t half = 0; half < kBlock; half += kLanes) {
            for (std::size_t d = 0; d < length; d += kLanes) {
                Floats numbers[kLanes];
                for (std::size_t c = 0; c < kLanes; ++c) numbers[c] = Vector::load(key(group, first + half + c) + d);
                Vector::transpose(numbers);
                for (std::size_t i = 0; i < kLanes; ++i) Vector::store(&keys_[(d + i) * kBlock + half], numbers[i]);
            }
        }
        for (std::size_t c = 0; c < kBlock; ++c) {
            const Number* from = value(group, first + c);
            for (std::size_t d = 0; d < length; d += kLanes)
                Vector::store(&values_[c * length + d], Vector::load(from + d));
        }
    }

    /// The converted block for kQueries queries.
    template <std::size_t kQueries>
    void take_tile(Query* const* queries) {
        const std::size_t length = task_->length;
        const float* numbers[kQueries];
        float* sums[kQueries];
        for (std::size_t q = 0; q < kQueries; ++q) {
            numbers[q] = queries[q]->numbers;
            sums[q] = queries[q]->sum;
        }
        alignas(64) float weights[kQueries][kBlock];
        for (std::size_t cell = 0; cell < kBlock; cell += kScoreVectors * kLanes) score(numbers, cell, weights);
        for (std::size_t q = 0; q < kQueries; ++q) {
            const Floats low = Vector::load(weights[q]);
            const Floats high = Vector::load(weights[q] + kLanes);
            raise(*queries[q], Vector::largest(Vector::larger(low, high)));
            const Floats largest = Vector::all(queries[q]->largest);
            const Floats first = Vector::exponential(Vector::subtract(low, largest));
            const Floats second = Vector::exponential(Vector::subtract(high, largest));
            Vector::store(weights[q], first);
            Vector::store(weights[q] + kLanes, second);
            queries[q]->weight += Vector::sum(Vector::add(first, second));
        }
        constexpr std::size_t kTogether = std::min<std::size_t>(kQueries, 4);
        for (std::size_t q = 0; q < kQueries; q += kTogether) {
            std::size_t d = 0;
            for (; d + kValueVectors * kLanes <= length; d += kValueVectors * kLanes)
                add_values<kTogether, kValueVectors>(weights + q, sums + q, d);
            for (; d < length; d += kLanes) add_values<kTogether, 1>(weights + q, sums + q, d);
        }
    }

    /// The products of queries and the keys of kScoreVectors x kLanes cells.
    template <std::size_t kQueries>
    void score(const float* const (&numbers)[kQueries], std::size_t cell, float (&scores)[kQueries][kBlock]) const {
        Floats sums[kQueries][kScoreVectors];
        for (auto& of_query : sums) {
            for (Floats& sum : of_query) sum = Vector::zero();
        }
        for (std::size_t d = 0; d < task_->length; ++d) {
            Floats keys[kScoreVectors];
            for (std::size_t v = 0; v < kScoreVectors; ++v)
                keys[v] = Vector::load(&keys_[d * kBlock + cell + v * kLanes]);
            for (std::size_t q = 0; q < kQueries; ++q) {
                const Floats number = Vector::all(numbers[q][d]);
                for (std::size_t v = 0; v < kScoreVectors; ++v)
                    sums[q][v] = Vector::multiply_add(number, keys[v], sums[q][v]);
            }
        }
        for (std::size_t q = 0; q < kQueries; ++q) {
            for (std::size_t v = 0; v < kScoreVectors; ++v) Vector::store(&scores[q][cell + v * kLanes], sums[q][v]);
        }
    }

    template <std::size_t kQueries, std::size_t kVectors>
    void add_values(const float (*weights)[kBlock], float* const* sums, std::size_t d) const {
        Floats sum[kQueries][kVectors];
        for (std::size_t q = 0; q < kQueries; ++q) {
            for (std::size_t v = 0; v < kVectors; ++v) sum[q][v] = Vector::load(sums[q] + d + v * kLanes);
        }
        for (std::size_t c = 0; c < kBlock; ++c) {
            const float* from = &values_[c * task_->length + d];
            Floats numbers[kVectors];
            for (std::size_t v = 0; v < kVectors; ++v) numbers[v] = Vector::load(from + v * kLanes);
            for (std::size_t q = 0; q < kQueries; ++q) {
                const Floats weight = Vector::all(weights[q][c]);
                for (std::size_t v = 0; v < kVectors; ++v)
                    sum[q][v] = Vector::multiply_add(weight, numbers[v], sum[q][v]);
            }
        }
        for (std::size_t q = 0; q < kQueries; ++q) {
            for (std::size_t v = 0; v < kVectors; ++v) Vector::store(sums[q] + d + v * kLanes, sum[q][v]);
        }
    }

    /// Makes `score` the largest where it is.
    void raise(Query& query, float score) const {
        if (score <= query.largest) return;
        if (query.largest != -kInfinity) {
            const Floats factor = Vector::exponential(Vector::all(query.largest - score));
            for (std::size_t d = 0; d < task_->length; d += kLanes)
                Vector::store(query.sum + d, Vector::multiply(factor, Vector::load(query.sum + d)));
            query.weight *= Vector::first(factor);
        }
        query.largest = score;
    }

    /// The cells that a row sees singly, 16 at a time.
    void take_singles(std::size_t group, std::size_t i) {
        const List<std::uint32_t>& cells = singles_[i];
        const std::uint16_t* added = mask(rows_[i]);
        const std::size_t length = task_->length;
        for (std::size_t first = 0; first < cells.size(); first += kLanes) {
            const std::size_t count = std::min(kLanes, cells.size() - first);
            for (std::size_t head = 0; head < per_group_; ++head) {
                Query& query = queries_[i * per_group_ + head];
                alignas(64) float scores[kLanes];
                std::fill(std::begin(scores), std::end(scores), -kInfinity);
                for (std::size_t c = 0; c < count; ++c) {
                    const Number* numbers = key(group, cells[first + c]);
                    Floats sum = Vector::zero();
                    for (std::size_t d = 0; d < length; d += kLanes)
                        sum = Vector::multiply_add(Vector::load(numbers + d), Vector::load(query.numbers + d), sum);
                    scores[c] = Vector::sum(sum) + _cvtsh_ss(added[cells[first + c]]);
                }
                const Floats all = Vector::load(scores);
                raise(query, Vector::largest(all));
                alignas(64) float weights[kLanes];
                const Floats exponentials = Vector::exponential(Vector::subtract(all, Vector::all(query.largest)));
                Vector::store(weights, exponentials);
                query.weight += Vector::sum(exponentials);
                for (std::size_t d = 0; d < length; d += kLanes) {
                    Floats sum = Vector::load(query.sum + d);
                    for (std::size_t c = 0; c < count; ++c) {
                        sum = Vector::multiply_add(Vector::all(weights[c]),
                                                   Vector::load(value(group, cells[first + c]) + d), sum);
                    }
                    Vector::store(query.sum + d, sum);
                }
            }
        }
    }

    void write(std::size_t group) const {
        for (std::size_t q = 0; q < queries_.size(); ++q) {
            const Query& query = queries_[q];
            const std::size_t head = group * per_group_ + q % per_group_;
            auto* to = reinterpret_cast<float*>(task_->output + rows_[q / per_group_] * task_->output_row +
                                                head * task_->output_head);
            const Floats factor = Vector::all(query.weight == 0 ? 0.0F : 1.0F / query.weight);
            for (std::size_t d = 0; d < task_->length; d += kLanes)
                Vector::store(to + d, Vector::multiply(factor, Vector::load(query.sum + d)));
        }
    }

    const AttentionTask* task_ = nullptr;
    std::size_t blocks_ = 0;
    std::size_t per_group_ = 0;          // heads
    List<std::size_t> rows_;             // of this thread
    List<std::uint8_t> whole_;           // [rows_][blocks_]
    List<List<std::uint32_t>> singles_;  // cells, of each of rows_
    List<float> keys_;                   // [length][kBlock]
    List<float> values_;                 // [kBlock][length]
    List<float> scaled_;
    List<float> sums_;
    List<Query> queries_;
    List<Query*> tile_;
};

template <class Vector>
void attend(const AttentionTask& task, std::size_t thread, std::size_t threads) {
    thread_local Attention<Vector, std::uint16_t> of_halves;
    thread_local Attention<Vector, float> of_floats;
    if (task.f32_cells) {
        of_floats.run(task, thread, threads);
    } else {
        of_halves.run(task, thread, threads);
    }
}

}  // namespace
}  // namespace urial::engine
