#pragma once

// llama.cpp's grammar sampler as a TokenConstraint. Internal to engine.

#include <memory>
#include <string>
#include <string_view>

#include "engine/grammar.h"

struct llama_vocab;

namespace urial::engine {

/// `owner` keeps the vocabulary alive. Throws Error{BadInput} for a text that is no grammar or has no rule `root`.
std::unique_ptr<TokenConstraint> make_llama_grammar(std::shared_ptr<const Model> owner, const llama_vocab* vocabulary,
                                                    const std::string& gbnf);

}  // namespace urial::engine
