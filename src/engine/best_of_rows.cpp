#include "engine/best_of_rows.h"

#include <cmath>

#include <ggml-backend.h>
#include <ggml.h>

#include "base/error.h"

namespace urial::engine {
namespace {

/// Logits are held between these, or a row of NaN would have no largest one, and the place of none is read and written.
constexpr float kHighest = 3.0e38F;
constexpr float kLowest = -kHighest;

}  // namespace

BestOfRows::BestOfRows(int sequences) {
    for (int sequence = 0; sequence < sequences; ++sequence) {
        auto& chain = chains_.emplace_back(llama_sampler_chain_init(llama_sampler_chain_default_params()));
        llama_sampler_chain_add(chain.get(), llama_sampler_init(&interface(), this));
        samplers_.push_back({sequence, chain.get()});
    }
}

/// logits [vocabulary, rows]. The largest of each row, then the largest of what is left when that one is gone.
BestOfRows::Results BestOfRows::build(ggml_context* context, ggml_tensor* logits) {
    const std::int64_t vocabulary = logits->ne[0];
    const std::int64_t rows = logits->ne[1];
    ggml_tensor* sums = ggml_sum_rows(context, logits);
    logits = ggml_clamp(context, logits, kLowest, kHighest);
    ggml_tensor* single = ggml_reshape_3d(context, logits, 1, vocabulary, rows);  // a "row" for each logit
    const auto largest = [&](ggml_tensor* of) { return ggml_argmax(context, of); };
    const auto at = [&](ggml_tensor* of, ggml_tensor* tokens) {
        return ggml_get_rows(context, of, ggml_reshape_2d(context, tokens, 1, rows));
    };
    ggml_tensor* first = largest(logits);
    ggml_tensor* first_logits = at(single, first);
    ggml_tensor* lowest = ggml_scale_bias(context, first_logits, 0.0F, kLowest);
    ggml_tensor* others = ggml_set_rows(context, single, lowest, ggml_reshape_2d(context, first, 1, rows));
    ggml_tensor* second = largest(ggml_reshape_2d(context, others, vocabulary, rows));
    return {first, ggml_sub(context, first_logits, at(others, second)), sums};
}

void BestOfRows::apply(llama_sampler* sampler, ggml_context* context, ggml_cgraph* graph, llama_sampler_data* data) {
    Results& results = static_cast<BestOfRows*>(sampler->ctx)->results_;
    // The data is a view of one row of all.
    ggml_tensor* all = data->logits->view_src != nullptr ? data->logits->view_src : data->logits;
    data->logits = nullptr;  // nobody reads them
    if (results.tokens != nullptr) return;
    results = build(context, all);
    // The sums first: what follows changes the logits where they are.
    for (ggml_tensor* result : {results.sums, results.tokens, results.gaps}) {
        ggml_set_output(result);
        ggml_build_forward_expand(graph, result);
    }
}

llama_sampler_i& BestOfRows::interface() {
    static llama_sampler_i functions = [] {
        llama_sampler_i made{};
        made.name = [](const llama_sampler*) { return "best-of-rows"; };
        made.apply = [](llama_sampler*, llama_token_data_array*) {};
        made.backend_init = [](llama_sampler*, ggml_backend_buffer_type_t, uint32_t) { return true; };
        made.backend_apply = apply;
        made.backend_reset = [](llama_sampler* sampler) { static_cast<BestOfRows*>(sampler->ctx)->results_ = {}; };
        return made;
    }();
    return functions;
}

bool BestOfRows::runs_on(ggml_backend_dev_t device) {
    constexpr std::int64_t kVocabulary = 1024;
    constexpr std::int64_t kRows = 2;
    const std::unique_ptr<ggml_context, decltype(&ggml_free)> context(
        ggml_init({.mem_size = 64 * ggml_tensor_overhead() + ggml_graph_overhead(), .no_alloc = true}), ggml_free);
    const Results results = build(context.get(), ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, kVocabulary, kRows));
    ggml_cgraph* graph = ggml_new_graph(context.get());
    for (ggml_tensor* result : {results.sums, results.tokens, results.gaps}) ggml_build_forward_expand(graph, result);
    for (int i = 0; i < ggml_graph_n_nodes(graph); ++i) {
        if (!ggml_backend_dev_supports_op(device, ggml_graph_node(graph, i))) return false;
    }
    return true;
}

std::vector<Best> BestOfRows::read(llama_context* context, std::size_t rows) const {
    llama_synchronize(context);
    const bool fits = results_.tokens != nullptr && results_.tokens->ne[0] == static_cast<std::int64_t>(rows) + 1;
    if (!fits) {
        throw error(ErrorKind::Model, "the engine chose the tokens of {} rows, not of {}",
                    results_.tokens != nullptr ? results_.tokens->ne[0] - 1 : 0, rows);
    }
    std::vector<Token> tokens(rows);
    std::vector<float> gaps(rows);
    std::vector<float> sums(rows);
    ggml_backend_tensor_get(results_.tokens, tokens.data(), 0, rows * sizeof(Token));
    ggml_backend_tensor_get(results_.gaps, gaps.data(), 0, rows * sizeof(float));
    ggml_backend_tensor_get(results_.sums, sums.data(), 0, rows * sizeof(float));
    std::vector<Best> best(rows);
    for (std::size_t i = 0; i < rows; ++i) best[i] = {std::isnan(sums[i]) ? Token{-1} : tokens[i], gaps[i]};
    return best;
}

}  // namespace urial::engine
