// Why an own attention: under a constant prompt all sequences share the cells of the prefix, and in a unified cache
// their own cells lie between those of the others. ggml either takes one row at a time, converting every key once more
// for each, with sums in half precision; or, from 64 rows on, multiplies all rows by all cells that any of them sees. A
// step of 48 answers under a prompt of 900 tokens spent 40 % of its time there.
//
// Cells are looked at in *blocks* of 32. A row sees a block whole (the prefix, a sequence's own stretch of cells),
// sees single cells of it, or nothing:
//
// - Whole blocks are shared. Keys and values are converted to f32 (where they are f16) once for all rows, the keys
//   transposed so that a vector holds one number of 16 cells; tiles of 8 queries (two rows of four heads, say) are
//   multiplied by them at the speed of a matrix product.
// - Single cells are taken row by row, head by head, 16 at a time.
//
// Both go through the same running softmax: a query keeps its largest score, the sum of exponentials and the weighted
// sum of values, all f32, and rescales when a larger score comes.

#include "engine/attention.h"

#if defined(__AVX512F__) && defined(__AVX512BW__)

#include <algorithm>
#include <bit>
#include <limits>
#include <vector>

#include "engine/avx512_math.h"

namespace urial::engine {
namespace {

constexpr std::size_t kLanes = 16;
constexpr std::size_t kBlock = 32;  // cells
constexpr std::size_t kTile = 8;    // queries that share a pass over a block
constexpr std::size_t kRowsTogether = 2;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::uint16_t kHidden = 0xFC00;  // -infinity as f16

/// 16 x 16 numbers, rows become columns.
void transpose(__m512 (&rows)[kLanes]) {
    __m512 t[kLanes];
    for (std::size_t i = 0; i < kLanes; i += 2) {
        t[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
    }
    for (std::size_t i = 0; i < kLanes; i += 4) {
        for (std::size_t half = 0; half < 2; ++half) {
            const __m512d low = _mm512_castps_pd(t[i + half]);
            const __m512d high = _mm512_castps_pd(t[i + half + 2]);
            rows[i + 2 * half] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            rows[i + 2 * half + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    }
    for (std::size_t i = 0; i < 4; ++i) {
        const __m512 even_low = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0x88);
        const __m512 even_high = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0x88);
        const __m512 odd_low = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0xDD);
        const __m512 odd_high = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0xDD);
        t[i] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
        t[i + 4] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
        t[i + 8] = _mm512_shuffle_f32x4(even_low, even_high, 0xDD);
        t[i + 12] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xDD);
    }
    std::copy(std::begin(t), std::end(t), std::begin(rows));
}

/// A head of a row: what its running softmax holds.
struct Query {
    const float* numbers = nullptr;  // scaled
    float* sum = nullptr;            // of weighted values
    float largest = -kInfinity;
    float weight = 0;
};

/// A thread's work; its memory is kept from one layer to the next. Number: of the keys and values.
template <class Number>
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
                const std::size_t count = std::min(kBlock, task_->cells - first);
                const auto there = static_cast<__mmask32>(count == kBlock ? ~0U : (1U << count) - 1U);
                const __m512i numbers = _mm512_maskz_loadu_epi16(there, visible + first);
                const __mmask32 plain = _mm512_mask_testn_epi16_mask(there, numbers, _mm512_set1_epi16(0x7FFF));
                if (plain == ~0U) {
                    whole_[i * blocks_ + block] = 1;
                    continue;
                }
                std::uint32_t seen = _mm512_mask_cmpneq_epi16_mask(
                    there, numbers, _mm512_set1_epi16(static_cast<std::int16_t>(kHidden)));
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
                __m512 numbers[kLanes];
                for (std::size_t c = 0; c < kLanes; ++c) numbers[c] = load_numbers(key(group, first + half + c) + d);
                transpose(numbers);
                for (std::size_t i = 0; i < kLanes; ++i) _mm512_storeu_ps(&keys_[(d + i) * kBlock + half], numbers[i]);
            }
        }
        for (std::size_t c = 0; c < kBlock; ++c) {
            const Number* from = value(group, first + c);
            for (std::size_t d = 0; d < length; d += kLanes)
                _mm512_storeu_ps(&values_[c * length + d], load_numbers(from + d));
        }
    }

    /// The converted block for kQueries queries.
    template <std::size_t kQueries>
    void take_tile(Query* const* queries) {
        const std::size_t length = task_->length;
        __m512 low[kQueries], high[kQueries];
        const float* numbers[kQueries];
        for (std::size_t q = 0; q < kQueries; ++q) {
            low[q] = high[q] = _mm512_setzero_ps();
            numbers[q] = queries[q]->numbers;
        }
        for (std::size_t d = 0; d < length; ++d) {
            const __m512 first = _mm512_loadu_ps(&keys_[d * kBlock]);
            const __m512 second = _mm512_loadu_ps(&keys_[d * kBlock + kLanes]);
            for (std::size_t q = 0; q < kQueries; ++q) {
                const __m512 number = _mm512_set1_ps(numbers[q][d]);
                low[q] = _mm512_fmadd_ps(number, first, low[q]);
                high[q] = _mm512_fmadd_ps(number, second, high[q]);
            }
        }
        alignas(64) float weights[kQueries][kBlock];
        float* sums[kQueries];
        for (std::size_t q = 0; q < kQueries; ++q) {
            sums[q] = queries[q]->sum;
            raise(*queries[q], _mm512_reduce_max_ps(_mm512_max_ps(low[q], high[q])));
            const __m512 largest = _mm512_set1_ps(queries[q]->largest);
            const __m512 first = exponential(_mm512_sub_ps(low[q], largest));
            const __m512 second = exponential(_mm512_sub_ps(high[q], largest));
            _mm512_store_ps(weights[q], first);
            _mm512_store_ps(weights[q] + kLanes, second);
            queries[q]->weight += _mm512_reduce_add_ps(_mm512_add_ps(first, second));
        }
        // 4 queries x 64 numbers are 16 sums in registers; a length that is no multiple of 64 ends with narrower ones.
        constexpr std::size_t kTogether = std::min<std::size_t>(kQueries, 4);
        for (std::size_t q = 0; q < kQueries; q += kTogether) {
            std::size_t d = 0;
            for (; d + 4 * kLanes <= length; d += 4 * kLanes) add_values<kTogether, 4>(weights + q, sums + q, d);
            for (; d < length; d += kLanes) add_values<kTogether, 1>(weights + q, sums + q, d);
        }
    }

    template <std::size_t kQueries, std::size_t kVectors>
    void add_values(const float (*weights)[kBlock], float* const* sums, std::size_t d) const {
        __m512 sum[kQueries][kVectors];
        for (std::size_t q = 0; q < kQueries; ++q) {
            for (std::size_t v = 0; v < kVectors; ++v) sum[q][v] = _mm512_loadu_ps(sums[q] + d + v * kLanes);
        }
        for (std::size_t c = 0; c < kBlock; ++c) {
            const float* from = &values_[c * task_->length + d];
            __m512 numbers[kVectors];
            for (std::size_t v = 0; v < kVectors; ++v) numbers[v] = _mm512_loadu_ps(from + v * kLanes);
            for (std::size_t q = 0; q < kQueries; ++q) {
                const __m512 weight = _mm512_set1_ps(weights[q][c]);
                for (std::size_t v = 0; v < kVectors; ++v) sum[q][v] = _mm512_fmadd_ps(weight, numbers[v], sum[q][v]);
            }
        }
        for (std::size_t q = 0; q < kQueries; ++q) {
            for (std::size_t v = 0; v < kVectors; ++v) _mm512_storeu_ps(sums[q] + d + v * kLanes, sum[q][v]);
        }
    }

    /// Makes `score` the largest where it is.
    void raise(Query& query, float score) const {
        if (score <= query.largest) return;
        if (query.largest != -kInfinity) {
            const __m512 factor = exponential(_mm512_set1_ps(query.largest - score));
            for (std::size_t d = 0; d < task_->length; d += kLanes)
                _mm512_storeu_ps(query.sum + d, _mm512_mul_ps(factor, _mm512_loadu_ps(query.sum + d)));
            query.weight *= _mm512_cvtss_f32(factor);
        }
        query.largest = score;
    }

    /// The cells that a row sees singly, 16 at a time.
    void take_singles(std::size_t group, std::size_t i) {
        const std::vector<std::uint32_t>& cells = singles_[i];
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
                    __m512 sum = _mm512_setzero_ps();
                    for (std::size_t d = 0; d < length; d += kLanes)
                        sum = _mm512_fmadd_ps(load_numbers(numbers + d), _mm512_loadu_ps(query.numbers + d), sum);
                    scores[c] = _mm512_reduce_add_ps(sum) + _cvtsh_ss(added[cells[first + c]]);
                }
                const __m512 all = _mm512_load_ps(scores);
                raise(query, _mm512_reduce_max_ps(all));
                alignas(64) float weights[kLanes];
                const __m512 exponentials = exponential(_mm512_sub_ps(all, _mm512_set1_ps(query.largest)));
                _mm512_store_ps(weights, exponentials);
                query.weight += _mm512_reduce_add_ps(exponentials);
                for (std::size_t d = 0; d < length; d += kLanes) {
                    __m512 sum = _mm512_loadu_ps(query.sum + d);
                    for (std::size_t c = 0; c < count; ++c) {
                        sum = _mm512_fmadd_ps(_mm512_set1_ps(weights[c]),
                                              load_numbers(value(group, cells[first + c]) + d), sum);
                    }
                    _mm512_storeu_ps(query.sum + d, sum);
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
            const __m512 factor = _mm512_set1_ps(query.weight == 0 ? 0.0F : 1.0F / query.weight);
            for (std::size_t d = 0; d < task_->length; d += kLanes)
                _mm512_storeu_ps(to + d, _mm512_mul_ps(factor, _mm512_loadu_ps(query.sum + d)));
        }
    }

    const AttentionTask* task_ = nullptr;
    std::size_t blocks_ = 0;
    std::size_t per_group_ = 0;                        // heads
    std::vector<std::size_t> rows_;                    // of this thread
    std::vector<std::uint8_t> whole_;                  // [rows_][blocks_]
    std::vector<std::vector<std::uint32_t>> singles_;  // cells, of each of rows_
    std::vector<float> keys_;                          // [length][kBlock]
    std::vector<float> values_;                        // [kBlock][length]
    std::vector<float> scaled_;
    std::vector<float> sums_;
    std::vector<Query> queries_;
    std::vector<Query*> tile_;
};

}  // namespace

bool attention_runs_here() {
    return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
           __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0;
}

void attend(const AttentionTask& task, std::size_t thread, std::size_t threads) {
    thread_local Attention<std::uint16_t> of_halves;
    thread_local Attention<float> of_floats;
    if (task.f32_cells) {
        of_floats.run(task, thread, threads);
    } else {
        of_halves.run(task, thread, threads);
    }
}

}  // namespace urial::engine

#else

namespace urial::engine {

bool attention_runs_here() { return false; }
void attend(const AttentionTask&, std::size_t, std::size_t) {}

}  // namespace urial::engine

#endif
