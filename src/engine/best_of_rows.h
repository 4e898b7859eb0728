#pragma once

// The largest logit of every row, found where the logits are computed: on a GPU three numbers a row cross the bus
// instead of the whole vocabulary. The engine has no operation for all rows of a batch at once, but lets its samplers
// add operations to the graph: one "sampler" for each sequence, of which the first to be asked adds those for all.
// Internal to this part.

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <llama.h>

#include "engine/engine.h"

namespace urial::engine {

class BestOfRows {
public:
    /// For the first `sequences` sequences of a context, each with one row of logits in a batch at most.
    explicit BestOfRows(int sequences);
    BestOfRows(const BestOfRows&) = delete;
    BestOfRows& operator=(const BestOfRows&) = delete;

    /// Whether the device has the operations.
    static bool runs_on(ggml_backend_dev_t device);

    /// For the parameters of the context, which must not live longer than this.
    std::span<llama_sampler_seq_config> samplers() { return samplers_; }

    /// Of the rows with logits of the context's last batch, in order; token -1 for a row with a logit that is no
    /// number. Waits for the computation. Throws Error{Model} where the batch had another number of such rows.
    std::vector<Best> read(llama_context* context, std::size_t rows) const;

private:
    struct FreeSampler {
        void operator()(llama_sampler* sampler) const { llama_sampler_free(sampler); }
    };
    /// What the graph that was built last gives.
    struct Results {
        ggml_tensor* tokens = nullptr;  // [rows + 1]
        ggml_tensor* gaps = nullptr;    // the same
        ggml_tensor* sums = nullptr;    // the same: of a row's logits, NaN if one of them is
    };

    static Results build(ggml_context* context, ggml_tensor* logits);
    static void apply(llama_sampler* sampler, ggml_context* context, ggml_cgraph* graph, llama_sampler_data* data);
    static llama_sampler_i& interface();

    Results results_;
    std::vector<std::unique_ptr<llama_sampler, FreeSampler>> chains_;
    std::vector<llama_sampler_seq_config> samplers_;
};

}  // namespace urial::engine
