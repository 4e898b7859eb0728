#include "reference/llama_greedy.h"

#include <algorithm>
#include <stdexcept>

#include <llama.h>

namespace urial::test {

struct LlamaGreedy::State {
    llama_model* model = nullptr;
    llama_context* context = nullptr;
};

LlamaGreedy::LlamaGreedy(const std::filesystem::path& model) : state_(new State) {
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    state_->model = llama_model_load_from_file(model.c_str(), llama_model_default_params());
    if (state_->model == nullptr) throw std::runtime_error("the reference cannot load the model");
    llama_context_params parameters = llama_context_default_params();
    parameters.n_ctx = 2048;
    state_->context = llama_init_from_model(state_->model, parameters);
}

LlamaGreedy::~LlamaGreedy() {
    llama_free(state_->context);
    llama_model_free(state_->model);
    delete state_;
}

std::vector<std::int32_t> LlamaGreedy::continue_greedily(const std::vector<std::int32_t>& prompt, int count) {
    llama_memory_clear(llama_get_memory(state_->context), true);
    const llama_vocab* vocabulary = llama_model_get_vocab(state_->model);
    const int vocabulary_size = llama_vocab_n_tokens(vocabulary);
    std::vector<llama_token> pending(prompt.begin(), prompt.end());
    std::vector<std::int32_t> tokens;
    for (int i = 0; i < count; ++i) {
        if (llama_decode(state_->context, llama_batch_get_one(pending.data(), static_cast<int32_t>(pending.size()))) !=
            0) {
            throw std::runtime_error("the reference cannot decode");
        }
        const float* logits = llama_get_logits_ith(state_->context, -1);
        const auto token = static_cast<llama_token>(std::max_element(logits, logits + vocabulary_size) - logits);
        tokens.push_back(token);
        if (llama_vocab_is_eog(vocabulary, token)) break;
        pending = {token};
    }
    return tokens;
}

}  // namespace urial::test
