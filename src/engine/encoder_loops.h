#pragma once

// What a text encoder computes beside products of matrices, free of ggml: attention within each text, additions with
// normalisation, GELU. Written once in the compiler's own vectors (encoder_loops_code.h), compiled for every processor
// and for AVX-512.

#include <cstddef>

namespace urial::engine {

/// Lengths of rows and of heads are multiples of this.
inline constexpr std::size_t kEncoderStep = 16;

/// The attention of one layer. Rows are the tokens of all texts, one text after the other.
struct TextAttention {
    const std::size_t* begins = nullptr;  ///< the first row of each text, and the number of rows
    std::size_t texts = 0;
    std::size_t heads = 0;
    std::size_t length = 0;        ///< of a head
    const float* joint = nullptr;  ///< of each row the queries, keys and values, [3][heads][length]
    const float* bias = nullptr;   ///< to be added to them, [3][heads][length]
    /// What a key's distance from its query adds to their scaled product: of each head the distances from
    /// -(reach - 1) on, distance_stride numbers, of which the last 2 kEncoderStep are only read.
    const float* distances = nullptr;
    std::size_t reach = 0, distance_stride = 0;
    float* output = nullptr;  ///< of each row [heads][length]
};

struct EncoderLoops {
    /// The share of thread `thread` of `threads`.
    void (*attend)(const TextAttention& task, std::size_t thread, std::size_t threads);
    /// output = gain x normalised(sum + bias + residual) + shift, for one row; `residual` may be null.
    void (*normalise)(const float* sum, const float* bias, const float* residual, const float* gain, const float* shift,
                      float epsilon, std::size_t width, float* output);
    /// output = GELU(sum + bias), by the error function, for one row.
    void (*gelu)(const float* sum, const float* bias, std::size_t width, float* output);
};

extern const EncoderLoops kPortableEncoderLoops;
/// Null in builds for other processors.
const EncoderLoops* avx512_encoder_loops();
/// The fastest that run here.
const EncoderLoops& encoder_loops();

}  // namespace urial::engine
