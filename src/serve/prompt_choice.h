#pragma once

// The prompt of a chat request: the one that its model's name says, or a specification that came with it.

#include <memory>
#include <optional>
#include <string>

#include "generate/generate.h"
#include "serve/catalog.h"
#include "serve/fields.h"

namespace urial::serve {

struct ChosenPrompt {
    std::shared_ptr<const generate::PreparedPrompt> prepared;
    std::optional<prompt::PromptSpec> spec;  ///< nullopt: a chat template
};

/// Reads prompt_spec. The target's name says what was chosen then. Throws RequestError.
ChosenPrompt read_prompt_choice(Fields& fields, Target& target);

}  // namespace urial::serve
