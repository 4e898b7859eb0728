#pragma once

// Where the prompt of a conversation comes from: an in-context prompt that is the same for all of them, a chat
// template. A class of its own for each kind; what answers conversations knows none of them. Immutable: any thread may
// use one.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/chat_template.h"
#include "engine/engine.h"
#include "prompt/prompt.h"

namespace urial::generate {

/// What a server gets that has the model: a text to continue, or messages that it puts into the model's chat form.
using ServerPrompt = std::variant<std::string, std::vector<engine::ChatMessage>>;

class PromptSource {
public:
    virtual ~PromptSource() = default;

    /// For messages: "urial", "gemma".
    virtual std::string name() const = 0;
    /// The prompt's part of a generator's name: "urial", "mine@1a2b3c4d", "gemma".
    virtual std::string label() const = 0;
    /// For manifests: "prompt", "chat template".
    virtual std::string_view kind() const = 0;
    /// For manifests: name, version where there is one, and hash. Where it differs, answers may.
    virtual nlohmann::ordered_json identity() const = 0;
    /// For manifests: the text that all conversations have in common; a template itself.
    virtual std::string text() const = 0;
    /// The same with what stands around a query, written {query}.
    virtual std::string outline() const = 0;
    /// Whether conversations begin with so much in common that it is worth computing beforehand.
    virtual bool has_prefix() const = 0;

    /// What ends an answer beside the model's own end tokens.
    virtual prompt::AnswerForm answer_form() const = 0;
    /// The token with which an answer of the model ends; nullopt where it has none.
    virtual std::optional<engine::Token> answer_end(const engine::Model& model) const { return model.info().eos; }
    /// The conversation up to its answer, as text: for people, and for servers that continue text. Throws as
    /// tokenize().
    virtual std::string render(const prompt::Conversation& conversation) const = 0;
    /// Is the prompt text alone, without control tokens that its text would not give?
    virtual bool is_text() const { return true; }
    virtual ServerPrompt for_server(const prompt::Conversation& conversation) const { return render(conversation); }
    /// What the model continues: the conversation up to its answer, or into `answer`, which has begun. Throws
    /// Error{BadInput} for a query that is empty or not UTF-8.
    virtual std::vector<engine::Token> tokenize(const engine::Model& model, const prompt::Conversation& conversation,
                                                std::string_view answer = {}) const = 0;
    /// What was chosen for this conversation alone, for its record; null: nothing is.
    virtual nlohmann::ordered_json retrieved(const prompt::Conversation&) const { return nullptr; }
};

std::shared_ptr<const PromptSource> in_context_prompt(prompt::PromptSpec spec);
/// The chat form of an aligned model. `system`: a system message for all conversations, before their own.
std::shared_ptr<const PromptSource> chat_prompt(const engine::Model& model, engine::ChatTemplate form,
                                                std::string system = {});
/// The chat form of an aligned model that a server has, and its template with it: only for_server() gives what the
/// model gets.
std::shared_ptr<const PromptSource> server_chat_prompt(std::string system = {});

}  // namespace urial::generate
