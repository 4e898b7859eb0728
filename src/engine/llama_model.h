#pragma once

// A model of llama.cpp behind the engine interface. Internal to this part.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <llama.h>

#include "engine/engine.h"
#include "engine/llama_grammar.h"
#include "engine/memory_need.h"

namespace urial::engine {

struct FreeLlamaModel {
    void operator()(llama_model* model) const { llama_model_free(model); }
};

/// A text of the file's metadata; empty where it has none.
std::string metadata(const llama_model* model, const char* key);

/// `special`: with the tokens that the vocabulary puts around a text; `parse_special`: text such as <end_of_turn>
/// becomes its control token. Throws Error{Model} that begins with `model` where the vocabulary cannot write the text.
std::vector<Token> tokens_of(const llama_vocab* vocabulary, std::string_view text, bool special, bool parse_special,
                             std::string_view model);

class LlamaModel final : public Model, public std::enable_shared_from_this<LlamaModel> {
public:
    explicit LlamaModel(const ModelOptions& options);

    const ModelInfo& info() const override { return info_; }
    std::vector<Token> tokenize(std::string_view text, TokenizeOptions options) const override;
    std::string piece(Token token, bool special) const override;
    bool ends_generation(Token token) const override { return llama_vocab_is_eog(vocabulary_, token); }
    std::unique_ptr<Session> new_session(const SessionOptions& options) const override;
    std::unique_ptr<TokenConstraint> new_grammar(const std::string& gbnf) const override {
        return make_llama_grammar(shared_from_this(), vocabulary_, gbnf);
    }

    llama_model* handle() const { return model_.get(); }
    /// In the order of info().adapters.
    const std::vector<llama_adapter_lora*>& adapters() const { return adapters_; }
    /// sample_hash() of the file from which the weights came.
    const std::string& weight_sample() const { return weight_sample_; }
    /// What reading rows of embeddings has mapped of the file stops counting as memory, where all else is packed.
    void release_file() const;
    /// What the session's options do not decide is filled in.
    MemoryShape memory_shape() const;

private:
    void place(const ModelOptions& options);
    void load_adapter(const Adapter& adapter);

    std::unique_ptr<llama_model, FreeLlamaModel> model_;
    const llama_vocab* vocabulary_ = nullptr;
    std::vector<llama_adapter_lora*> adapters_;  // owned by model_
    std::string weight_sample_;
    std::filesystem::path file_;
    ModelInfo info_;
};

}  // namespace urial::engine
