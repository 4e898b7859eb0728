#pragma once

// The chat form of an aligned model: a Jinja template and a conversation to tokens. The template's own control tokens
// become control tokens, the text of the conversation never does. Values; any thread may use them.

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace urial::engine {

struct ChatMessage {
    std::string role;  ///< "user", "assistant", "system"
    std::string content;
};

/// A piece of a rendered conversation.
struct ChatPart {
    std::string text;
    bool from_message = false;  ///< it comes from a message, not from the template
    bool operator==(const ChatPart&) const = default;
};

struct ChatTemplate {
    std::string name;    ///< "gemma", "model.gguf's own", a file's name: for messages and manifests
    std::string source;  ///< Jinja
    bool operator==(const ChatTemplate&) const = default;
};

/// Renders with `bos_token` and `eos_token` as the template's variables of these names; `opens_answer` is its
/// add_generation_prompt. A template that is not built in is untrusted: it is read and run in a child process with
/// limits of time, memory, depth and output. Throws Error{BadInput} naming the template for a template that is not
/// Jinja as the engine understands it, for one that refuses the conversation and for one that exceeds a limit.
struct ChatRenderOptions {
    std::string bos_token;
    std::string eos_token;
    bool opens_answer = true;
    std::chrono::milliseconds cpu_time{2'000};  ///< what a template may take that is not built in
};
std::vector<ChatPart> render_chat(const ChatTemplate& form, std::span<const ChatMessage> messages,
                                  const ChatRenderOptions& options);

/// The model's own BOS and end tokens.
ChatRenderOptions render_options(const Model& model);

/// Control tokens are recognised in the template's own text only. Between two of them the text of template and
/// messages is tokenised as one, as it was when the model was trained. Begins with exactly one BOS where the model
/// wants one; throws Error{BadInput} where the template itself writes two.
std::vector<Token> tokenize_chat(const Model& model, std::span<const ChatPart> parts);

/// render_chat with render_options(model), then tokenize_chat. `answer`: the beginning of the answer.
std::vector<Token> chat_tokens(const Model& model, const ChatTemplate& form, std::span<const ChatMessage> messages,
                               std::string_view answer = {});

/// Does a system message reach the model under this form? A template may refuse one, or leave it out.
bool takes_system_message(const Model& model, const ChatTemplate& form);

/// The messages for a form that takes no system message: its text stands in front of the first user's.
std::vector<ChatMessage> system_in_front_of_user(std::vector<ChatMessage> messages);

/// Turn markers that this form writes and the model's vocabulary does not have as control tokens: the model was trained
/// with another form, and sees them as plain text.
std::vector<std::string> unknown_markers(const Model& model, const ChatTemplate& form);

/// The token with which this form ends an answer of the model; nullopt where it has none.
std::optional<Token> answer_end(const Model& model, const ChatTemplate& form);

std::vector<std::string> builtin_chat_template_names();

/// A built-in name or a file with Jinja text: what `--chat-template` takes. Throws Error{NotFound} with suggestions.
ChatTemplate load_chat_template(std::string_view name_or_path);

/// The model's own template; for a file without one, the built-in form whose turn markers are control tokens of the
/// vocabulary (a base model is often published with the vocabulary of its chat sibling); nullopt where neither is
/// there.
std::optional<ChatTemplate> find_chat_template(const Model& model);

}  // namespace urial::engine
