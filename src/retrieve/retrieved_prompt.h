#pragma once

// Retrieval in-context learning: each question gets the examples of a pool that are nearest to it.

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
    IndexOptions index;
};

/// The examples of a conversation are those of its first question, so that its later turns keep them. A question that
/// stands in the pool, but for white space, is never its own example; one that stands there twice is one example. Makes
/// the index, or takes the kept one. Throws Error{BadInput} for a pool that is too small, and what open_index() throws.
std::shared_ptr<const generate::PromptSource> retrieved_prompt(Pool pool, std::shared_ptr<const Embedder> embedder,
                                                               const RetrievedPromptOptions& options);

}  // namespace urial::retrieve
