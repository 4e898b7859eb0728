#include "engine/llama_grammar.h"

#include <cmath>

#include <llama.h>

#include "base/error.h"
#include "base/text.h"
#include "engine/backend.h"

namespace urial::engine {
namespace {

struct SamplerDeleter {
    void operator()(llama_sampler* sampler) const { llama_sampler_free(sampler); }
};

/// False where a character breaks off inside the piece: the engine's grammar would take the byte after it, perhaps the
/// quote that closes a text, for the character's rest. The piece's own ends may lie inside a character.
bool is_part_of_utf8(std::string_view piece) {
    constexpr std::size_t kMostContinuations = 3;
    for (std::size_t i = 0; i < kMostContinuations && !piece.empty(); ++i) {
        if ((static_cast<unsigned char>(piece.front()) & 0xC0U) != 0x80U) break;
        piece.remove_prefix(1);
    }
    return is_valid_utf8(piece.substr(0, complete_utf8_length(piece)));
}

class LlamaGrammar final : public TokenConstraint {
public:
    LlamaGrammar(std::shared_ptr<const Model> owner, const llama_vocab* vocabulary, const std::string& gbnf)
        : owner_(std::move(owner)), sampler_(llama_sampler_init_grammar(vocabulary, gbnf.c_str(), "root")) {
        if (!sampler_) {
            throw error(ErrorKind::BadInput, "not a grammar as the engine understands it: {}", last_engine_error());
        }
    }

    void keep_allowed(std::vector<Token>& tokens) const override {
        // The engine's grammar takes a control token for the text of its name; in an answer it has none.
        std::erase_if(tokens, [&](Token token) {
            if (owner_->ends_generation(token)) return false;
            const std::string piece = owner_->piece(token);
            return piece.empty() || !is_part_of_utf8(piece);
        });
        std::vector<llama_token_data> candidates;
        candidates.reserve(tokens.size());
        for (const Token token : tokens) candidates.push_back({token, 0.0F, 0.0F});
        llama_token_data_array array{candidates.data(), candidates.size(), -1, false};
        llama_sampler_apply(sampler_.get(), &array);
        tokens.clear();
        for (const llama_token_data& candidate : candidates) {
            if (!std::isinf(candidate.logit)) tokens.push_back(candidate.id);
        }
    }

    void accept(Token token) override {
        // Checked here because the engine aborts the process over an end token that comes too early.
        if (!allows(token)) {
            throw error(ErrorKind::Model, "the grammar does not allow the token {} (\"{}\") here", token,
                        owner_->piece(token, true));
        }
        llama_sampler_accept(sampler_.get(), token);
    }

private:
    std::shared_ptr<const Model> owner_;
    std::unique_ptr<llama_sampler, SamplerDeleter> sampler_;
};

}  // namespace

std::unique_ptr<TokenConstraint> make_llama_grammar(std::shared_ptr<const Model> owner, const llama_vocab* vocabulary,
                                                    const std::string& gbnf) {
    return std::make_unique<LlamaGrammar>(std::move(owner), vocabulary, gbnf);
}

}  // namespace urial::engine
