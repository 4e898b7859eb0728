#pragma once

// Retrieval in-context learning: each question gets the examples that are nearest to it.

#include <cstddef>
#include <memory>
#include <string>

#include "generate/prompt_source.h"
#include "prompt/prompt.h"
#include "retrieve/index.h"
#include "retrieve/pool.h"

namespace urial::retrieve {

struct RetrievedPromptOptions {
    std::size_t shots = 3;    ///< examples, the nearest last
    prompt::PromptSpec form;  ///< what stands before them (a preamble, or nothing) and how they are written
};

/// The examples of a conversation are those of its first question, so that its later turns keep them. A question that
/// stands in the pool is never its own example. Throws Error{BadInput} for a pool that is too small.
std::shared_ptr<const generate::PromptSource> retrieved_prompt(std::shared_ptr<const Pool> pool,
                                                               std::shared_ptr<const Embedder> embedder,
                                                               const RetrievedPromptOptions& options,
                                                               const IndexOptions& index);

}  // namespace urial::retrieve
