#pragma once

// From plain options to the prompt that a model answers under. No state is kept.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/encoders.h"
#include "app/models.h"
#include "engine/chat_template.h"
#include "engine/engine.h"
#include "generate/prompt_source.h"
#include "prompt/prompt.h"

namespace urial::app {

/// Stand beside the names of in-context prompts: the chat template of an aligned model, and examples of a pool that are
/// the nearest to each question.
inline constexpr std::string_view kChatPrompt = "chat";
inline constexpr std::string_view kRetrievalPrompt = "retrieval";

/// What a prompt may be called: the built-in ones, kChatPrompt and kRetrievalPrompt.
std::vector<std::string> prompt_names();

/// What kRetrievalPrompt needs.
struct RetrievalChoice {
    std::string pool;       ///< a file of questions with their answers (retrieve/pool.h)
    int shots = 3;          ///< examples of each question
    bool preamble = false;  ///< the preamble of the prompt `urial` stands before them
    EncoderChoice encoder;
};

struct PromptChoice {
    std::string prompt;         ///< a built-in name, a .toml specification, an original .txt file, or kChatPrompt
    std::string form;           ///< of an original file; empty: found by its content
    std::string system;         ///< a system message; empty: none
    std::string chat_template;  ///< with kChatPrompt: a built-in name or a Jinja file; empty: the model's own
    RetrievalChoice retrieval;  ///< with kRetrievalPrompt
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

/// Throws Error{BadInput} where a prompt that is no original file is given the form of one.
void refuse_form(const PromptChoice& choice);

/// What the choice means for a model, without its system message. Throws Error{BadInput} for a model without a chat
/// template, where one is needed; a template that the model was hardly trained with is a warning.
using FormMaker = std::function<PromptForm(const engine::Model& model)>;
/// Reads what the choice names, so that a mistake is found before a model is loaded. Throws Error{BadInput|NotFound},
/// among others for kRetrievalPrompt, whose prompt is another one for each question.
FormMaker open_prompt(const PromptChoice& choice, const Callbacks& callbacks);

/// The prompt of a choice that is kRetrievalPrompt. Reads the pool and makes its index, which is kept in the cache
/// folder. Throws Error{BadInput|NotFound|Io|Model|Unavailable} and engine::Cancelled.
std::shared_ptr<const generate::PromptSource> open_retrieval(const PromptChoice& choice, const Callbacks& callbacks);

/// Where a batch gets the prompts of its questions from.
using SourceMaker = std::function<std::shared_ptr<const generate::PromptSource>(const engine::Model& model)>;
/// As open_prompt() or open_retrieval(), with the system message.
SourceMaker open_source(const PromptChoice& choice, const Callbacks& callbacks);

}  // namespace urial::app
