#include "reference/llama_greedy.h"

#include <algorithm>
#include <stdexcept>
#include <thread>

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
    // The attention kernel for one row splits the cache by thread: as many threads as our sessions take by default.
    parameters.n_threads = parameters.n_threads_batch = static_cast<int32_t>(std::thread::hardware_concurrency());
    state_->context = llama_init_from_model(state_->model, parameters);
}

LlamaGreedy::~LlamaGreedy() {
    llama_free(state_->context);
    llama_model_free(state_->model);
    delete state_;
}

std::vector<std::int32_t> LlamaGreedy::continue_greedily(const std::vector<std::int32_t>& prompt, std::size_t boundary,
                                                         int count) {
    llama_memory_clear(llama_get_memory(state_->context), true);
    const llama_vocab* vocabulary = llama_model_get_vocab(state_->model);
    const int vocabulary_size = llama_vocab_n_tokens(vocabulary);
    const auto decode = [&](std::vector<llama_token> tokens) {
        if (tokens.empty()) return;
        const auto length = static_cast<int32_t>(tokens.size());
        if (llama_decode(state_->context, llama_batch_get_one(tokens.data(), length)) != 0) {
            throw std::runtime_error("the reference cannot decode");
        }
    };
    const auto cut = prompt.begin() + static_cast<std::ptrdiff_t>(boundary);
    decode({prompt.begin(), cut});
    std::vector<std::uint8_t> state(llama_state_seq_get_size(state_->context, 0));
    llama_state_seq_get_data(state_->context, state.data(), state.size(), 0);
    llama_memory_clear(llama_get_memory(state_->context), true);
    if (llama_state_seq_set_data(state_->context, state.data(), state.size(), 0) != state.size()) {
        throw std::runtime_error("the reference cannot restore its state");
    }
    decode({cut, prompt.end()});
    std::vector<std::int32_t> tokens;
    while (static_cast<int>(tokens.size()) < count) {
        const float* logits = llama_get_logits_ith(state_->context, -1);
        tokens.push_back(static_cast<llama_token>(std::max_element(logits, logits + vocabulary_size) - logits));
        if (llama_vocab_is_eog(vocabulary, tokens.back())) break;
        decode({tokens.back()});
    }
    return tokens;
}

}  // namespace urial::test
