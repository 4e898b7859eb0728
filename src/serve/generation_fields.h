#pragma once

// The fields that chat and legacy completions have in common: sampling, ends of an answer, what of the model's own
// probabilities is wanted, and how the answer is sent. docs/server.md has the table of them.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "generate/generate.h"
#include "serve/fields.h"

namespace urial::serve {

inline constexpr int kMostChoices = 8;
inline constexpr int kMostTop = 100;           ///< entries of a list of likely tokens
inline constexpr std::size_t kMostStops = 16;  ///< stop strings

struct GenerationFields {
    generate::SamplingOptions sampling;  ///< max_tokens apart
    generate::Steering steering;
    std::optional<int> max_tokens;
    int choices = 1;  ///< n
    bool streams = false;
    bool include_usage = false;
    bool continuous_usage = false;
    std::optional<int> prompt_scores;  ///< prompt_logprobs
    bool return_token_ids = false;
    std::string grammar;  ///< GBNF; empty: anything may be said
};

/// Reads and checks them. Throws RequestError.
GenerationFields read_generation_fields(Fields& fields, const engine::Model& model);

/// Marks fields that are known and not supported; see Fields::refuse_unless(). To be called by each endpoint, before it
/// asks for the unknown ones.
void refuse_unsupported(Fields& fields);

}  // namespace urial::serve
