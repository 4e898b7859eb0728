#pragma once

// Who answers a conversation: a model in this process or one on servers. ChatSession keeps the conversation itself.
// Belongs to one thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/prompts.h"
#include "engine/engine.h"
#include "generate/generate.h"
#include "prompt/prompt.h"
#include "remote/model_servers.h"

namespace urial::app {

/// How an answer leaves while it is made. Both are optional.
struct AnswerSink {
    std::function<void(std::string_view)> text;
    std::function<bool()> cancelled;  ///< asked between two steps; true stops the answer
};

struct Answer {
    generate::Result result;
    std::size_t dropped_turns = 0;  ///< turns left out because the context is full (Overflow::DropOldest)
    bool context_full = false;      ///< ended by the end of the context, before max_tokens
    bool is_counted = true;         ///< false: nobody says how many tokens prompt and answer have
};

/// What the model gets. From a server only the text is known.
struct ShownPrompt {
    std::string text;
    std::vector<engine::Token> tokens;
    std::size_t prefix_tokens = 0;
};

struct ChatModel {
    std::string name;          ///< for records
    std::string description;   ///< for a person
    std::string content_hash;  ///< whether a saved conversation was held with this one
};

struct ChatQuestion {
    prompt::Conversation conversation;
    std::uint64_t id = 0;  ///< a part of the random seed
    generate::SamplingOptions sampling;
    generate::Overflow overflow = generate::Overflow::Error;
};

class ChatBackend {
public:
    virtual ~ChatBackend() = default;

    virtual ChatModel model() const = 0;
    /// 0: not known.
    virtual std::size_t context_tokens() const = 0;
    /// Throws Error{BadInput} for options that it does not take.
    virtual void check(const generate::SamplingOptions& sampling) const = 0;
    /// What the choice means here, without its system message. Throws Error{BadInput|NotFound}.
    virtual PromptForm form_of(const PromptChoice& choice, const Callbacks& callbacks) const = 0;
    /// Called before anything else. Throws Error{ContextFull|BadInput} and then changes nothing.
    virtual void set_prompt(const PromptForm& form, const std::string& system) = 0;
    /// Throws Error{ContextFull|BadInput|Unavailable}.
    virtual Answer answer(ChatQuestion question, const AnswerSink& sink) = 0;
    /// Without a question what all conversations begin with.
    virtual ShownPrompt show(const std::optional<ChatQuestion>& question) const = 0;
};

struct LocalChatOptions {
    int context_tokens = 0;  ///< 0: what the model was trained for, at most kDefaultContext
    /// The one query that will be asked under the first prompt, and the most tokens of its answer: no more context than
    /// they need.
    std::optional<std::string> only_query;
    int most_tokens = 0;
    bool keep_turns = true;          ///< a later turn is read only behind the turns before it
    engine::SessionOptions session;  ///< sequences, prefixes and context_tokens are filled in
};
inline constexpr int kDefaultContext = 4096;
/// Room that every turn must leave for its answer, where max_tokens asks for as much.
inline constexpr std::size_t kLeastAnswerTokens = 256;

std::unique_ptr<ChatBackend> local_chat(std::shared_ptr<const engine::Model> model, LocalChatOptions options);

/// The context is the server's to keep; a saved conversation is this model's where its name and what the servers say of
/// it are the same.
std::unique_ptr<ChatBackend> remote_chat(std::shared_ptr<remote::ModelServers> servers);

}  // namespace urial::app
