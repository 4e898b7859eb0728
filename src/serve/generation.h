#pragma once

// One completion request under way: its choices run on the model's engine thread, and what they say goes to the client,
// piece by piece or at the end. A client that goes away ends them.

#include <memory>
#include <string>
#include <vector>

#include "generate/generate.h"
#include "serve/catalog.h"
#include "serve/completion_shape.h"
#include "serve/generation_fields.h"
#include "serve/http_server.h"
#include "serve/metrics.h"

namespace urial::serve {

struct Api;

/// A prompt and how its answers are made.
struct GenerationPrompt {
    ShownPrompt shown;
    std::size_t constant = 0;  ///< leading tokens that other requests have too
    prompt::AnswerForm answer_form;
};

struct GenerationPlan {
    std::string request_id;
    const char* prompt_field = "";  ///< of the request, for what is said of a prompt that is too long
    Target target;
    GenerationFields fields;
    std::vector<GenerationPrompt> prompts;  ///< each gets fields.choices answers
    std::unique_ptr<CompletionShape> shape;
    std::optional<int> scores;         ///< entries of each new token's list; nullopt: no scores
    std::optional<int> prompt_scores;  ///< likewise; the larger of what the echo and prompt_logprobs want
    int default_max_tokens = 0;
    bool prompt_logprobs_on_top = false;  ///< beside the choices (chat) instead of in each
};

/// What both kinds of completions read alike. Throws RequestError.
GenerationPlan read_plan(const Api& api, Fields& fields, std::string request_id);

/// What the fields and the scores of a plan say of its shape.
ShapeOptions shape_options(const GenerationPlan& plan);

/// Answers the exchange, now or later. Throws RequestError before anything is started.
void start_generation(GenerationPlan plan, std::shared_ptr<Exchange> exchange, Metrics& metrics);

}  // namespace urial::serve
