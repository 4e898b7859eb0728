#pragma once

// From plain options to the prompt that a model answers under. No state is kept.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/models.h"
#include "engine/chat_template.h"
#include "engine/engine.h"
#include "generate/prompt_source.h"
#include "prompt/prompt.h"

namespace urial::app {

/// Stands beside the names of in-context prompts: the chat template of an aligned model.
inline constexpr std::string_view kChatPrompt = "chat";

/// What a prompt may be called: the built-in ones, and kChatPrompt.
std::vector<std::string> prompt_names();

struct PromptChoice {
    std::string prompt;         ///< a built-in name, a .toml specification, an original .txt file, or kChatPrompt
    std::string form;           ///< of an original file; empty: found by its content
    std::string system;         ///< a system message; empty: none
    std::string chat_template;  ///< with kChatPrompt: a built-in name or a Jinja file; empty: the model's own
};

/// A prompt without a system message, as data.
using PromptForm = std::variant<prompt::PromptSpec, engine::ChatTemplate>;
const std::string& name_of(const PromptForm& form);
/// The prompt that it is with a system message (empty: none), for a model.
std::shared_ptr<const generate::PromptSource> source_of(PromptForm form, const engine::Model& model,
                                                        const std::string& system);

/// The in-context prompt of a choice whose prompt is not kChatPrompt, without its system message. Throws
/// Error{BadInput|NotFound}.
prompt::PromptSpec open_in_context_prompt(const PromptChoice& choice);

/// Throws Error{BadInput} where kChatPrompt is given the form of an original file.
void refuse_form(const PromptChoice& choice);

/// What the choice means for a model, without its system message. Throws Error{BadInput} for a model without a chat
/// template, where one is needed; a template that the model was hardly trained with is a warning.
using FormMaker = std::function<PromptForm(const engine::Model& model)>;
/// Reads what the choice names, so that a mistake is found before a model is loaded. Throws Error{BadInput|NotFound}.
FormMaker open_prompt(const PromptChoice& choice, const Callbacks& callbacks);

}  // namespace urial::app
